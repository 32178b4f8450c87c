//! The forms that texts are compared in. Of two spellings that people take for one, both sides of a comparison have the
//! same form: what is stored and what is asked for, in a list's filter and in a live one.
//!
//! Compared without case: user names and e-mail addresses (unique in the tenant), cities, and the words of `q`. Compared
//! with case: sources and listing keys, tags, and the names of spiders and rooms, which are ASCII.

use caseless::default_case_fold_str;
use unicode_normalization::UnicodeNormalization;

/// Without blanks around it, in Unicode's form NFC: for texts whose case counts, and for what is stored to be shown.
pub fn exact(text: &str) -> String {
    text.trim().nfc().collect()
}

/// Fields that hold a name or an id that texts are compared with. What is given as one is read in its exact form wherever it
/// is given, before any other rule; those of listings have rules of their own.
const NAME_FIELDS: [&str; 9] =
    ["category", "display_name", "email", "name", "room_id", "slug", "spider_name", "spiders", "username"];

/// Whether texts of this field are read in their exact form.
pub fn is_name_field(field: &str) -> bool {
    NAME_FIELDS.contains(&field)
}

/// The same without case: Unicode's full case folding, in which `STRASSE` is `straße`.
pub fn case_fold(text: &str) -> String {
    let apart: String = text.trim().nfd().collect();
    default_case_fold_str(&apart).nfc().collect()
}

/// The form of a user name that is stored: compatible characters are one (NFKC), so that the same keys pressed on another
/// system give the same name.
pub fn name(text: &str) -> String {
    text.trim().nfkc().collect()
}

/// The key that a user name is unique by.
pub fn name_key(text: &str) -> String {
    let apart: String = text.trim().nfkd().collect();
    default_case_fold_str(&apart).nfkc().collect()
}

/// The key that names had before they were folded. A user whose new key another had already still has this one.
pub fn former_name_key(text: &str) -> String {
    name(text).to_lowercase()
}

/// The same of e-mail addresses.
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
