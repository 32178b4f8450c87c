//! Rules of query and path parameters that no schema can express, by the parameter's name: the same name has the same
//! rule in every operation. They are checked with the schemas, so that one refusal names all faults.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::base::{normalize, text};
use crate::domain::properties;
use crate::http::comma_list;
use crate::protocol::bounding_box::BoundingBox;
use crate::protocol::command::explain_subscriptions;
use crate::protocol::currency_choice::CurrencyChoice;

/// The fault of a bad bounding box.
pub(in crate::http) const BOX_WORDS: &str =
    "must be west,south,east,north in degrees, south not beyond north";
/// The fault of a bad list of currencies.
pub(in crate::http) const CURRENCY_WORDS: &str = "must be at most 20 codes of ISO 4217, such as EUR, or none for properties without a currency, separated by commas";
/// The fault of a bad list of sources.
const SOURCE_WORDS: &str = "must be at most 20 sources of 1 to 100 characters, separated by commas";
/// The fault of a bad cursor.
pub(in crate::http) const CURSOR_WORDS: &str =
    "is not a cursor of this list; take `next_cursor` of the page before, or leave it out";

/// The rule that `text` breaks as the parameter `name`: its kind and what would be accepted.
pub(super) fn broken_rule(name: &str, text: &str) -> Option<(&'static str, Cow<'static, str>)> {
    if name == "subscriptions" {
        return explain_subscriptions(text).map(|words| (SUBSCRIPTIONS, words.into()));
    }
    let (kind, words) = match name {
        "currency" if !are_currencies(text) => ("enum", CURRENCY_WORDS),
        "source" if !are_sources(text) => ("max_length", SOURCE_WORDS),
        "bbox" if BoundingBox::parse(text).is_none() => ("format", BOX_WORDS),
        "cursor" if !is_cursor(text) => ("cursor", CURSOR_WORDS),
        "price_min" | "price_max" if !is_price(text) => ("range", "must be from 0 to 1e15"),
        "q" if text.split_whitespace().count() > MOST_WORDS => ("max_length", "must have at most 10 words"),
        _ => return None,
    };
    Some((kind, words.into()))
}

/// The rule that `text` breaks as the path parameter `name`. Other names have none: a path with a name that no row can
/// have is not found.
pub(super) fn broken_path_rule(name: &str, text: &str) -> Option<(&'static str, Cow<'static, str>)> {
    let text = normalize::exact(text);
    let fault = match name {
        "source" => properties::source_fault(&text),
        "listing_key" => properties::listing_key_fault(&text),
        _ => None,
    };
    fault.map(|(kind, words)| (kind, words.into()))
}

/// The kind of fault of a bad list of subscriptions.
pub(in crate::http) const SUBSCRIPTIONS: &str = "subscriptions";

/// Rules across several parameters: the name of one of them, the kind, and what would be accepted.
pub(super) fn broken_cross_rule(
    value: impl Fn(&str) -> Option<f64>,
) -> Option<(&'static str, &'static str, &'static str)> {
    let (least, most) = (value("price_min")?, value("price_max")?);
    (least > most).then_some(("price_min", "range", ABOVE))
}

/// The fault of an empty range.
const ABOVE: &str = "must not be above `price_max`";

/// Values of a list that is given as one text.
const MOST_VALUES: usize = 20;

fn are_currencies(text: &str) -> bool {
    comma_list::split(text).count() <= MOST_VALUES
        && comma_list::split(text).all(|code| CurrencyChoice::parse(code).is_some())
}

fn are_sources(text: &str) -> bool {
    comma_list::split(text).count() <= MOST_VALUES
        && comma_list::split(text).all(|source| text::has_length(source, 1, 100))
}

/// Maximum number of words in `q`, as in the search.
const MOST_WORDS: usize = 10;

/// Whether it may be a cursor of some list; the list itself checks whether it is its own.
fn is_cursor(text: &str) -> bool {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok();
    bytes.is_some_and(|bytes| serde_json::from_slice::<serde_json::Value>(&bytes).is_ok())
}

fn is_price(text: &str) -> bool {
    text.parse::<f64>().is_ok_and(|price| (0.0..=1e15).contains(&price))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_belongs_to_its_name() {
        assert_eq!(broken_rule("bbox", "1,2").map(|(kind, _)| kind), Some("format"));
        assert_eq!(broken_rule("bbox", "-79,36,-78,37"), None);
        assert_eq!(broken_rule("cursor", "!").map(|(kind, _)| kind), Some("cursor"));
        assert_eq!(broken_rule("cursor", &URL_SAFE_NO_PAD.encode("[1]")), None);
        assert_eq!(broken_rule("price_min", "-1").map(|(kind, _)| kind), Some("range"));
        assert_eq!(broken_rule("q", &"word ".repeat(11)).map(|(kind, _)| kind), Some("max_length"));
        assert_eq!(broken_rule("city", "-1"), None);
        for good in ["EUR", "none", "EUR,none", "EUR, USD"] {
            assert_eq!(broken_rule("currency", good), None, "{good}");
        }
        for bad in ["", "eur", "EUR,", "EUR,euro", "XXX", "EUR;USD", &"EUR,".repeat(21)] {
            let (kind, words) = broken_rule("currency", bad).unwrap();
            assert_eq!((kind, words.contains("none")), ("enum", true), "{bad}");
        }
        assert_eq!(broken_rule("source", "mls, homes.example"), None);
        for bad in ["", "mls,", ",", &"s".repeat(101), &"s,".repeat(21)] {
            assert_eq!(broken_rule("source", bad).map(|(kind, _)| kind), Some("max_length"), "{bad}");
        }
        let together = |least: f64, most: f64| {
            broken_cross_rule(|name| Some(if name == "price_min" { least } else { most }))
                .map(|(name, ..)| name)
        };
        assert_eq!((together(5.0, 2.0), together(2.0, 2.0)), (Some("price_min"), None));
        assert_eq!(broken_rule("subscriptions", "job_updates,system_alerts"), None);
        let (_, words) = broken_rule("subscriptions", "foo,job_updates,bar").unwrap();
        assert_eq!(words, "Invalid subscription: foo; Invalid subscription: bar");
    }

    #[test]
    fn the_parts_of_a_propertys_key_have_their_rules_in_a_path_too() {
        let kind = |name: &str, text: &str| broken_path_rule(name, text).map(|(kind, _)| kind);

        assert_eq!(kind("source", &"s".repeat(101)), Some("max_length"));
        assert_eq!(kind("listing_key", &"k".repeat(201)), Some("max_length"));
        assert_eq!(kind("listing_key", " "), Some("required"));
        assert_eq!(kind("listing_key", ".."), Some("reserved"));
        assert_eq!((kind("listing_key", &"k".repeat(200)), kind("room_id", "..")), (None, None));
    }
}
