//! Turns a worker's input into a draft that may be stored: every bad field is reported, and nothing is guessed.

use url::Url;

use crate::base::money::MinorUnits;
use crate::base::{normalize, text, web_url};
use crate::protocol::problem::{FieldError, PathSegment};
use crate::protocol::property::{Address, PropertyInput};

/// Bytes that `attributes` may take as JSON.
const MAX_ATTRIBUTES: usize = 16 * 1024;
/// The currency of a new property without one.
pub(super) const DEFAULT_CURRENCY: &str = "USD";
const LARGEST_AREA: f64 = 1e12;
/// Characters of the two parts of a property's key.
const MAX_SOURCE: usize = 100;
const MAX_LISTING_KEY: usize = 200;

/// An input that is valid and names its property.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    pub(super) source: String,
    pub(super) listing_key: String,
    /// The rest. Blank texts are absent.
    pub(super) fields: PropertyInput,
    /// Host of `source_url`, with the port if it is not the scheme's own.
    pub(super) host: Option<String>,
    /// `attributes` in their stored form.
    pub(super) attributes: Option<String>,
}

impl Draft {
    pub(super) fn parse(mut input: PropertyInput) -> Result<Self, Vec<FieldError>> {
        let mut check = DraftValidator::default();
        let source = check.check_required("source", input.source.take(), source_fault);
        let listing_key = check.check_required("listing_key", input.listing_key.take(), listing_key_fault);
        check.check_text(&["property_type"], &mut input.property_type, 100);
        check.check_text(&["living_area_units"], &mut input.living_area_units, 30);
        check.check_text(&["lot_size_units"], &mut input.lot_size_units, 30);
        if let Some(address) = &mut input.address {
            check.check_address(address);
        }
        let host = check.check_source_url(&mut input.source_url);
        check.check_prices(&input);
        check.check_numbers(&input);
        check.check_coordinates(&input);
        let attributes = check.take_attributes(&mut input);
        check.into_result().map(|()| Self { source, listing_key, fields: input, host, attributes })
    }

    /// Whether the source no longer has the listing.
    pub(super) fn removes(&self) -> bool {
        self.fields.removed == Some(true)
    }
}

/// Collects the bad fields.
#[derive(Default)]
struct DraftValidator {
    errors: Vec<FieldError>,
}

impl DraftValidator {
    fn add_error(&mut self, path: &[&str], kind: &str, words: impl Into<String>) {
        let steps: Vec<PathSegment> = path.iter().map(|name| PathSegment::Name((*name).to_owned())).collect();
        self.errors.push(FieldError::in_body(&steps, kind, words));
    }

    fn into_result(self) -> Result<(), Vec<FieldError>> {
        if self.errors.is_empty() { Ok(()) } else { Err(self.errors) }
    }

    fn check_required(
        &mut self,
        name: &str,
        value: Option<String>,
        fault: impl FnOnce(&str) -> Option<KeyFault>,
    ) -> String {
        let value = normalize::exact(&value.unwrap_or_default());
        if let Some((kind, words)) = fault(&value) {
            self.add_error(&[name], kind, words);
        }
        value
    }

    /// A blank text is one that the source does not have.
    fn check_text(&mut self, path: &[&str], value: &mut Option<String>, most: usize) {
        if value.as_deref().is_some_and(|text| text.trim().is_empty()) {
            *value = None;
        }
        if value.as_deref().is_some_and(|value| !text::has_length(value, 1, most)) {
            self.add_error(path, "max_length", format!("must have at most {most} characters and no NUL"));
        }
    }

    fn check_address(&mut self, address: &mut Address) {
        self.check_text(&["address", "unparsed"], &mut address.unparsed, 300);
        self.check_text(&["address", "street"], &mut address.street, 200);
        self.check_text(&["address", "city"], &mut address.city, 100);
        self.check_text(&["address", "state_or_province"], &mut address.state_or_province, 100);
        self.check_text(&["address", "postal_code"], &mut address.postal_code, 20);
        self.check_text(&["address", "country"], &mut address.country, 100);
    }

    fn check_source_url(&mut self, source_url: &mut Option<String>) -> Option<String> {
        *source_url = source_url.take().filter(|text| !text.trim().is_empty());
        let url = web_url::parse(source_url.as_deref()?);
        if url.is_none() {
            self.add_error(&["source_url"], "format", web_url::EXPECTED);
        }
        url.map(|url| host_of(&url))
    }

    /// No finer than the currency. Checked again if the property's stored currency has fewer decimals.
    fn check_prices(&mut self, input: &PropertyInput) {
        let currency = input.currency.as_deref().unwrap_or(DEFAULT_CURRENCY);
        if currency.len() != 3 || !currency.bytes().all(|byte| byte.is_ascii_uppercase()) {
            self.add_error(
                &["currency"],
                "pattern",
                "must be three capital letters, as ISO 4217 writes them",
            );
        }
        for (name, price) in [
            ("list_price", input.list_price),
            ("original_list_price", input.original_list_price),
            ("close_price", input.close_price),
        ] {
            if price.is_some_and(|price| MinorUnits::from_major(price, currency).is_none()) {
                self.add_error(&[name], "price", price_error(currency));
            }
        }
    }

    fn check_numbers(&mut self, input: &PropertyInput) {
        let whole = |number: Option<i64>| number.map(|number| number as f64);
        for (name, figure, most) in [
            ("bedrooms_total", whole(input.bedrooms_total), 10_000.0),
            ("bathrooms_total", input.bathrooms_total, 10_000.0),
            ("living_area", input.living_area, LARGEST_AREA),
            ("lot_size_area", input.lot_size_area, LARGEST_AREA),
            ("year_built", whole(input.year_built), 9_999.0),
            ("stories", input.stories, 1_000.0),
        ] {
            if figure.is_some_and(|figure| !(0.0..=most).contains(&figure)) {
                self.add_error(&[name], "range", format!("must be from 0 to {most}"));
            }
        }
    }

    fn check_coordinates(&mut self, input: &PropertyInput) {
        for (name, degrees, most) in
            [("latitude", input.latitude, 90.0), ("longitude", input.longitude, 180.0)]
        {
            if degrees.is_some_and(|degrees| !(-most..=most).contains(&degrees)) {
                self.add_error(&[name], "range", format!("must be from -{most} to {most} degrees"));
            }
        }
        let missing = match (input.latitude, input.longitude) {
            (Some(_), None) => "longitude",
            (None, Some(_)) => "latitude",
            (None, None) | (Some(_), Some(_)) => return,
        };
        self.add_error(&[missing], "required", "is needed: latitude and longitude come together");
    }

    /// The values themselves are not kept: as JSON values they take many times the memory of their text.
    fn take_attributes(&mut self, input: &mut PropertyInput) -> Option<String> {
        // A map of JSON values always serialises.
        let json = serde_json::to_string(&input.attributes.take()?).unwrap_or_default();
        if json.len() > MAX_ATTRIBUTES {
            self.add_error(&["attributes"], "max_length", "must take at most 16 KiB as JSON");
        }
        Some(json)
    }
}

/// The rule that a part of a key breaks, and what would be accepted.
pub type KeyFault = (&'static str, String);

/// What is wrong with a source, in its normal form.
pub fn source_fault(text: &str) -> Option<KeyFault> {
    key_fault(text, MAX_SOURCE)
}

/// What is wrong with a listing key, in its normal form.
pub fn listing_key_fault(text: &str) -> Option<KeyFault> {
    key_fault(text, MAX_LISTING_KEY)
}

fn key_fault(text: &str, most: usize) -> Option<KeyFault> {
    if text.trim().is_empty() {
        return Some(("required", format!("is needed, with 1 to {most} characters")));
    }
    if !text::has_length(text, 1, most) {
        return Some(("max_length", format!("must have 1 to {most} characters and no NUL")));
    }
    // Clients resolve them away in the path of `by-key` (RFC 3986 section 5.2.4).
    matches!(text, "." | "..").then(|| ("reserved", "must not be `.` or `..`".to_owned()))
}

/// The error for an amount that the currency cannot express.
pub(super) fn price_error(currency: &str) -> String {
    let most = MinorUnits::LARGEST.to_major(currency);
    format!(
        "must be an amount that {currency} can express: from 0 to {most}, with no more decimals than it has"
    )
}

/// The host of a web URL, which has one.
fn host_of(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;

    fn named() -> PropertyInput {
        PropertyInput {
            source: Some("example.com".into()),
            listing_key: Some("A-1".into()),
            ..Default::default()
        }
    }

    fn pointers(input: PropertyInput) -> Vec<String> {
        let errors = Draft::parse(input).unwrap_err();
        errors.into_iter().map(|error| error.pointer).collect()
    }

    #[test]
    fn a_source_and_a_key_are_enough() {
        assert!(Draft::parse(named()).is_ok());
        assert_eq!(pointers(PropertyInput::default()), ["/source", "/listing_key"]);
    }

    #[test]
    fn every_bad_field_is_named() {
        let bad = PropertyInput {
            property_type: Some("x".repeat(101)),
            address: Some(Address { city: Some("a\0b".into()), ..Default::default() }),
            source_url: Some("ftp://example.com/1".into()),
            currency: Some("usd".into()),
            list_price: Some(-1.0),
            bedrooms_total: Some(-1),
            living_area: Some(f64::NAN),
            latitude: Some(91.0),
            attributes: Some(BTreeMap::from([("a".into(), json!("x".repeat(17_000)))])),
            ..named()
        };

        let expected = [
            "/property_type",
            "/address/city",
            "/source_url",
            "/currency",
            "/list_price",
            "/bedrooms_total",
            "/living_area",
            "/latitude",
            "/longitude",
            "/attributes",
        ];
        assert_eq!(pointers(bad), expected);
    }

    #[test]
    fn a_price_has_no_more_decimals_than_its_currency() {
        let priced = |price, currency: Option<&str>| PropertyInput {
            list_price: Some(price),
            currency: currency.map(str::to_owned),
            ..named()
        };

        assert!(Draft::parse(priced(1.25, None)).is_ok());
        assert_eq!(pointers(priced(1.255, None)), ["/list_price"]);
        assert_eq!(pointers(priced(1.25, Some("JPY"))), ["/list_price"]);
    }

    #[test]
    fn a_price_that_is_too_large_is_refused_with_the_largest_one() {
        for (currency, most) in [("USD", "45035996273704.96"), ("JPY", "4503599627370496")] {
            let priced = |price| PropertyInput {
                list_price: Some(price),
                currency: Some(currency.to_owned()),
                ..named()
            };
            let words = Draft::parse(priced(1e300)).unwrap_err()[0].msg.clone();

            assert!(words.contains(&format!("from 0 to {most},")), "{words}");
            assert!(Draft::parse(priced(most.parse().unwrap())).is_ok(), "{most}");
        }
    }

    #[test]
    fn a_host_is_kept_with_a_port_of_its_own_and_blank_texts_are_absent() {
        let page = |url: &str| {
            let input =
                PropertyInput { source_url: Some(url.into()), property_type: Some(" ".into()), ..named() };
            Draft::parse(input).unwrap()
        };

        assert_eq!(page("https://Example.com:443/1").host.as_deref(), Some("example.com"));
        assert_eq!(page("http://example.com:8080/1").host.as_deref(), Some("example.com:8080"));
        assert_eq!(page("").fields.property_type, None);
    }
}
