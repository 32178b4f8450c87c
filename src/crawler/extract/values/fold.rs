//! One spelling for words that are compared. Case, accents, blanks and punctuation of sites differ; the letters do not.

use std::collections::HashMap;

use unicode_normalization::UnicodeNormalization;

use crate::base::text::is_zero_width;

/// Lower case without the accents of Latin, Greek and Cyrillic letters, in compatibility form (Unicode NFKC): "Größe"
/// is "grosse", "㎡" is "m2", "ＳＯＬＤ" is "sold".
pub(super) fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let is_accent = |c: &char| ('\u{300}'..='\u{36f}').contains(c);
    let plain = text.nfkd().filter(|c| !is_accent(c) && !is_zero_width(*c));
    let mut folded = String::with_capacity(text.len());
    for c in plain.flat_map(char::to_lowercase).nfc() {
        match c {
            'ł' => folded.push('l'),
            'ø' => folded.push('o'),
            'đ' | 'ð' => folded.push('d'),
            'ı' => folded.push('i'),
            'ß' => folded.push_str("ss"),
            'æ' => folded.push_str("ae"),
            'œ' => folded.push_str("oe"),
            other => folded.push(other),
        }
    }
    folded
}

/// The folded text with letters and digits only: "SOLD_STC", "Sold STC" and "sold (stc)" are "soldstc".
pub(super) fn squeeze(text: &str) -> String {
    fold(text).chars().filter(|c| c.is_alphanumeric()).collect()
}

/// The folded words, separated by one blank each, and a blank at both ends.
pub(super) fn spaced(text: &str) -> String {
    let mut spaced = String::from(" ");
    for c in fold(text).chars() {
        if c.is_alphanumeric() {
            spaced.push(c);
        } else if !spaced.ends_with(' ') {
            spaced.push(' ');
        }
    }
    if !spaced.ends_with(' ') {
        spaced.push(' ');
    }
    spaced
}

/// Whether a character belongs to a script that writes no blanks between words: Han, Kana and Hangul.
pub(super) fn is_cjk(c: char) -> bool {
    matches!(
        c,
        '\u{3005}'..='\u{3007}' | '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{ac00}'..='\u{d7af}' | '\u{f900}'..='\u{faff}'
    )
}

/// Phrases that are looked for inside of a text.
pub(super) struct PhraseSet(Vec<String>);

impl PhraseSet {
    pub(super) fn new(phrases: &[&str]) -> Self {
        let pattern = |phrase: &&str| {
            if phrase.chars().any(is_cjk) { squeeze(phrase) } else { spaced(phrase) }
        };
        Self(phrases.iter().map(pattern).collect())
    }

    /// Whether a phrase is in `spaced`, as whole words where its script has blanks.
    pub(super) fn is_in(&self, spaced: &str) -> bool {
        self.0.iter().any(|phrase| spaced.contains(phrase.as_str()))
    }
}

/// Phrases with a meaning, which a text equals as a whole after squeezing.
pub(super) struct PhraseMap<T>(HashMap<String, T>);

impl<T: Copy> PhraseMap<T> {
    pub(super) fn new(table: &[(&str, T)]) -> Self {
        Self(table.iter().map(|(phrase, meaning)| (squeeze(phrase), *meaning)).collect())
    }

    /// The meaning of the whole of `text`.
    pub(super) fn get(&self, text: &str) -> Option<T> {
        self.get_squeezed(&squeeze(text))
    }

    /// The meaning of a text that is squeezed, or a folded word.
    pub(super) fn get_squeezed(&self, squeezed: &str) -> Option<T> {
        self.0.get(squeezed).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_word_fold_alike() {
        for (one, other) in [
            ("Größe", "GROSSE"),
            ("sprzedaż łąki", "SPRZEDAZ LAKI"),
            ("㎡", "m2"),
            ("m²", "M2"),
            ("İstanbul", "istanbul"),
            ("ＳＯＬＤ", "sold"),
            ("d\u{200f}h", "dh"),
        ] {
            assert_eq!(fold(one), fold(other), "{one}");
        }
        assert_eq!(fold("ガス 원"), "ガス 원");
        assert_eq!(squeeze("SOLD_STC"), squeeze("Sold (STC)"));
        assert_eq!(spaced("à vendre!"), " a vendre ");
        assert_eq!(spaced(""), " ");
    }

    #[test]
    fn phrases_are_found_as_whole_words() {
        let phrases = PhraseSet::new(&["for sale", "応相談"]);

        assert!(phrases.is_in(&spaced("House FOR-SALE!")));
        assert!(phrases.is_in(&spaced("価格：応相談です")));
        assert!(!phrases.is_in(&spaced("for salesmen")));
    }
}
