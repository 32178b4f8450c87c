//! What the code before a value says of it: the name that it is given, and whether that is a name of page state or of
//! what a page tells to analytics.

use crate::base::text::{truncate, truncate_start};
use crate::crawler::budget::PageBudget;

/// Bytes of a name; a longer one is code.
const LONGEST: usize = 100;
/// Bytes of a name that are kept.
const KEPT: usize = 40;

/// The code in front of a sign that may be a name: after the last blank, semicolon or bracket.
fn name_before(before: &str) -> Option<&str> {
    let near = truncate_start(before.trim_end(), LONGEST + 4);
    let name = near
        .rsplit(|c: char| c.is_whitespace() || matches!(c, ';' | ',' | '{' | '('))
        .next()
        .unwrap_or_default();
    // A name that fills all that was looked at is longer than that.
    (name.len() <= LONGEST).then_some(name)
}

/// Whether the text before the sign ends in a name that sites give to page state.
pub(super) fn is_state_name(before: &str) -> bool {
    let Some(name) = name_before(before) else { return false };
    let name = name.to_ascii_lowercase();
    ["__", "state", "data", "props"].iter().any(|word| name.contains(word))
}

/// The last part of the name before the sign: `__STATE__` of `window['__STATE__']` and of `window.__STATE__`.
pub(super) fn state_name(before: &str) -> String {
    let name = name_before(before).unwrap_or_default().trim_end_matches(['\'', '"', ']']);
    let last = name.rsplit(['.', '[', '\'', '"']).next().unwrap_or_default();
    truncate(last, KEPT).to_owned()
}

/// Whether a block with this name is what the page tells to analytics and advertisers.
pub(super) fn is_tracking_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase().replace(['_', '-'], "");
    ["datalayer", "utagdata", "digitaldata", "targeting", "adtarget", "analytics", "tracking", "googletag"]
        .iter()
        .any(|word| name.contains(word))
}

/// Whether a text, which may be escaped, has references to entries of a normalised cache.
pub(super) fn has_references(text: &str, budget: &PageBudget) -> bool {
    const MARKS: [&str; 3] = ["__ref", "\"generated\":", "\\\"generated\\\":"];
    budget.charge_scan(text.len()) && MARKS.iter().any(|mark| text.contains(mark))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_from_the_code_before_the_sign() {
        assert_eq!(state_name("var a=1;window.__STATE__ "), "__STATE__");
        assert_eq!(state_name("window['__STATE__']"), "__STATE__");
        assert_eq!(state_name("x,PAGE_MODEL"), "PAGE_MODEL");
        assert_eq!(state_name(""), "");
        assert!(is_state_name("window.__NUXT__") && is_state_name("var pageData ") && !is_state_name("a.b"));
        assert!(!is_state_name(&format!("__{}", "x".repeat(400))));
    }

    #[test]
    fn what_is_told_to_analytics_is_known_by_its_name() {
        for name in ["dataLayer", "utag_data", "digitalData", "adTargeting"] {
            assert!(is_tracking_name(name), "{name}");
        }
        assert!(!is_tracking_name("__NEXT_DATA__"));
    }
}
