//! Words that sites write where they have no key. A listing that has one of them has no key.

use super::fold::squeeze;

/// Whether a text in the place of a key names nothing: "N/A", "-", "0", "null", "TBD", "home".
pub fn is_placeholder_key(text: &str) -> bool {
    let text = crate::base::text::truncate(text.trim(), 400);
    let squeezed = squeeze(text);
    if squeezed.is_empty() || squeezed.bytes().all(|byte| byte == b'0') {
        return true;
    }
    PLACEHOLDERS.contains(&squeezed.as_str())
        // The nil UUID, and masks such as "xxxx".
        || squeezed.len() >= 3 && squeezed.bytes().all(|byte| byte == b'x')
        // Templates that were not filled in: "{{id}}", "${listing.id}", "[ID]", "%ID%".
        || text.starts_with("{{") || text.starts_with("${") || text.starts_with("<%")
        || text.starts_with('%') && text.ends_with('%')
}

const PLACEHOLDERS: &[&str] = &[
    "na",
    "nan",
    "nil",
    "none",
    "null",
    "undefined",
    "unknown",
    "unavailable",
    "notavailable",
    "notapplicable",
    "notspecified",
    "notset",
    "empty",
    "false",
    "true",
    "tbd",
    "tba",
    "tbc",
    "todo",
    "test",
    "id",
    "key",
    "new",
    "home",
    "house",
    "index",
    "default",
    "listing",
    "property",
    "object",
    "objectobject",
    "item",
    "product",
    "main",
    "detail",
    "details",
    "page",
    "search",
    "reference",
    "ref",
    "mls",
    "mlsnumber",
    "propertyid",
    "listingid",
    "sku",
    "string",
    "various",
    "keineangabe",
    "ohne",
    "sinreferencia",
];

#[cfg(test)]
mod tests {
    use super::is_placeholder_key;

    #[test]
    fn words_without_meaning_are_no_keys() {
        for text in [
            "N/A",
            "n.a.",
            "-",
            "--",
            "",
            " ",
            "0",
            "000",
            "null",
            "None",
            "undefined",
            "TBD",
            "home",
            "Home ",
            "[object Object]",
            "NaN",
            "00000000-0000-0000-0000-000000000000",
            "{{listing.id}}",
            "${id}",
            "%ID%",
            "xxx",
        ] {
            assert!(is_placeholder_key(text), "{text:?}");
        }
        for text in ["1", "K1", "ML123", "10", "home-9", "X1", "a", "6081234", "NA-77", "tbd5", "アパート1"]
        {
            assert!(!is_placeholder_key(text), "{text:?}");
        }
    }
}
