//! Normal forms in which texts are compared. Both sides of a comparison are normalised: the stored text and the
//! queried one, in a list's filter and in a live filter.
//!
//! Compared without case: user names and e-mail addresses (unique in the tenant), cities, and the search terms of
//! `q`. Compared with case: sources and listing keys, tags, and the names of spiders and rooms, which are ASCII.

use caseless::default_case_fold_str;
use unicode_normalization::UnicodeNormalization;

/// Trimmed and in Unicode's form NFC: for texts that are compared with case, and for texts that are stored for
/// display.
pub fn exact(text: &str) -> String {
    text.trim().nfc().collect()
}

/// Fields with a name or an id that texts are compared with. Their values are read in the exact form wherever they
/// are given, before any other rule; the fields of listings have rules of their own.
const NAME_FIELDS: [&str; 9] =
    ["category", "display_name", "email", "name", "room_id", "slug", "spider_name", "spiders", "username"];

/// Whether texts of this field are read in their exact form.
pub fn is_name_field(field: &str) -> bool {
    NAME_FIELDS.contains(&field)
}

/// The same without case: Unicode's full case folding, by which `STRASSE` equals `straße`.
pub fn case_fold(text: &str) -> String {
    let apart: String = text.trim().nfd().collect();
    default_case_fold_str(&apart).nfc().collect()
}

/// The stored form of a user name: NFKC, so that the same keys pressed on another system give the same name.
pub fn name(text: &str) -> String {
    text.trim().nfkc().collect()
}

/// The key that a user name is unique by.
pub fn name_key(text: &str) -> String {
    let apart: String = text.trim().nfkd().collect();
    default_case_fold_str(&apart).nfkc().collect()
}

/// The key of a name before case folding was introduced. If a user's new key was already taken, this one is kept.
pub fn former_name_key(text: &str) -> String {
    name(text).to_lowercase()
}

/// The same for e-mail addresses.
pub fn former_email_key(text: &str) -> String {
    text.to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_text_have_one_normal_form() {
        for (one, other) in
            [("Toledo", " TOLEDO "), ("Straße", "STRASSE"), ("Zürich", "zu\u{308}rich"), ("ΟΔΟΣ", "οδος")]
        {
            assert_eq!(case_fold(one), case_fold(other), "{one}");
        }
        assert_eq!(exact(" e\u{301} "), "é");
        assert_ne!(exact("A"), exact("a"));
        assert_eq!(name_key("ＡＮＮ"), "ann");
        assert_eq!(name_key("ﬁona"), name_key("FIONA"));
    }

    #[test]
    fn normalization_is_idempotent() {
        for text in ["Straße", "İstanbul", "ΟΔΟΣ", "ﬃ", "e\u{301}\u{323}", "ǅ"] {
            assert_eq!(case_fold(&case_fold(text)), case_fold(text), "{text}");
            assert_eq!(name_key(&name_key(text)), name_key(text), "{text}");
        }
    }
}
