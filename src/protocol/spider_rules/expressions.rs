//! CSS selectors and JSONPath expressions of a spider. Their parsers recurse, and nested filters multiply the work, so
//! that nesting is bounded before they are parsed.

use scraper::Selector;
use scraper::error::SelectorErrorKind;
use serde_json_path::JsonPath;

use crate::base::text::{has_length, truncate};

/// Characters of an expression.
const MAX_CHARS: usize = 1_000;
/// Brackets within brackets.
const MAX_DEPTH: usize = 4;
/// Filters (`?`) and descendant segments (`..`) of a JSONPath, each.
const MAX_FILTERS: usize = 2;

const LENGTH: &str = "must have 1 to 1,000 characters";
const DEPTH: &str = "must not nest brackets more than four deep";

/// The selector; else what would be accepted.
pub(super) fn css(text: &str) -> Result<Selector, String> {
    if !has_length(text, 1, MAX_CHARS) {
        return Err(LENGTH.to_owned());
    }
    if depth(text) > MAX_DEPTH {
        return Err(DEPTH.to_owned());
    }
    Selector::parse(text).map_err(|error| match error {
        SelectorErrorKind::UnexpectedSelectorParseError(_) => {
            "must be a CSS selector; a name, pseudo-class or combinator in it is not supported".to_owned()
        }
        other => format!("must be a CSS selector: {other}"),
    })
}

/// The path; else what would be accepted.
pub(super) fn json_path(text: &str) -> Result<JsonPath, String> {
    if !has_length(text, 1, MAX_CHARS) {
        return Err(LENGTH.to_owned());
    }
    if depth(text) > MAX_DEPTH {
        return Err(DEPTH.to_owned());
    }
    if text.matches('?').count() > MAX_FILTERS || text.matches("..").count() > MAX_FILTERS {
        return Err("must not have more than two filters and two `..`".to_owned());
    }
    // They compile an expression for each value, which may come from the page.
    if text.contains("match(") || text.contains("search(") {
        return Err("must not use match() or search(); use `regex` beside it".to_owned());
    }
    JsonPath::parse(text)
        .map_err(|error| format!("must be a JSONPath (RFC 9535): {}", truncate(&error.to_string(), 300)))
}

/// The path of a source's items or of its next part: names, indexes and `[*]`, so that asking a document costs no more
/// than the document is large.
pub(super) fn source_path(text: &str) -> Result<JsonPath, String> {
    if text.contains("..") || text.contains(['?', ',']) {
        return Err("must have names, indexes and `[*]` only: `$.data.homes[*]`".to_owned());
    }
    json_path(text)
}

/// How deep brackets are nested; those in quoted texts count, too.
fn depth(text: &str) -> usize {
    let (mut open, mut deepest) = (0_usize, 0);
    for character in text.chars() {
        match character {
            '(' | '[' => open += 1,
            ')' | ']' => open = open.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(open);
    }
    deepest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_asked_for_names_and_elements_only() {
        for good in ["$.data.homes", "$.data.homes[*]", "$['results'][*].home", "$[0:50]"] {
            assert!(source_path(good).is_ok(), "{good}");
        }
        for bad in ["$..homes", "$[0,0][0,0]", "$.homes[?@.id]", "$[?$..*]", ""] {
            assert!(source_path(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_the_parsers_take_is_taken() {
        for good in ["h1", ".price > b:not(.old)", "[itemprop='price'], meta[property=\"og:price\"]"] {
            assert!(css(good).is_ok(), "{good}");
        }
        for good in ["$.homes[*]", "$..offers[0].price", "$.items[?@.type == 'home'].url", "$['a b']"] {
            assert!(json_path(good).is_ok(), "{good}");
        }
    }

    #[test]
    fn what_is_wrong_or_costly_is_refused_in_words() {
        for (bad, words) in [
            ("", "1 to 1,000"),
            ("<b>", "CSS selector"),
            ("a:hover", "CSS selector"),
            (":not(:not(:not(:not(:not(a)))))", "nest"),
        ] {
            let refused = css(bad).unwrap_err();
            assert!(refused.contains(words), "{bad}: {refused}");
        }
        for (bad, words) in [
            ("", "1 to 1,000"),
            ("homes", "JSONPath"),
            ("$.a[?@[?@[?@]]]", "two filters"),
            ("$..*..*..*", "two filters"),
            ("$[?((((1 == 1))))]", "nest"),
            ("$[?match(@.a, @.b)]", "match()"),
        ] {
            let refused = json_path(bad).unwrap_err();
            assert!(refused.contains(words), "{bad}: {refused}");
        }
    }
}
