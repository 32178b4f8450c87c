//! Words that multiply a number: "mil", "Mio.", "lakh", "crore", "tỷ", "млн", "億". A word that is not here multiplies
//! nothing, and the caller then has no number.

use std::sync::LazyLock;

use super::fold::PhraseMap;

/// What a word multiplies by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Magnitude {
    pub(super) factor: f64,
    /// Whether a lone separator before three digits groups thousands: "1.250 juta" is 1250 million, "1,250 Mio." is
    /// a million and a quarter. The units of the first kind are small, and homes cost thousands of them.
    pub(super) grouped: bool,
}

const fn small(factor: f64) -> Magnitude {
    Magnitude { factor, grouped: true }
}

const fn large(factor: f64) -> Magnitude {
    Magnitude { factor, grouped: false }
}

/// The magnitude of a folded word of more than one letter.
pub(super) fn word(folded: &str) -> Option<Magnitude> {
    WORDS.get_squeezed(folded)
}

/// The magnitude of a lone letter, lower case. It counts only directly behind the digits and before no other letter,
/// which the caller checks.
pub(super) fn letter(letter: &str) -> Option<Magnitude> {
    match letter {
        "k" | "т" => Some(small(1e3)),
        "m" | "м" => Some(large(1e6)),
        "b" => Some(large(1e9)),
        _ => None,
    }
}

/// The magnitude at the start of a text in Chinese, Japanese or Korean, and its length in bytes.
pub(super) fn ideograph(text: &str) -> Option<(f64, usize)> {
    IDEOGRAPHS.iter().find(|(word, _)| text.starts_with(word)).map(|(word, factor)| (*factor, word.len()))
}

/// Longer words come before the ones that they begin with.
const IDEOGRAPHS: &[(&str, f64)] = &[
    ("千万", 1e7),
    ("千萬", 1e7),
    ("百万", 1e6),
    ("百萬", 1e6),
    ("十万", 1e5),
    ("十億", 1e9),
    ("천만", 1e7),
    ("백만", 1e6),
    ("십만", 1e5),
    ("兆", 1e12),
    ("조", 1e12),
    ("億", 1e8),
    ("亿", 1e8),
    ("억", 1e8),
    ("万", 1e4),
    ("萬", 1e4),
    ("만", 1e4),
    ("千", 1e3),
    ("천", 1e3),
];

static WORDS: LazyLock<PhraseMap<Magnitude>> = LazyLock::new(|| PhraseMap::new(TABLE));

const TABLE: &[(&str, Magnitude)] = &[
    // Thousands.
    ("thousand", small(1e3)),
    ("thousands", small(1e3)),
    ("thsd", small(1e3)),
    ("tsd", small(1e3)),
    ("tausend", small(1e3)),
    ("mil", small(1e3)),
    ("mille", small(1e3)),
    ("mila", small(1e3)),
    ("duizend", small(1e3)),
    ("tys", small(1e3)),
    ("tysiąc", small(1e3)),
    ("tysiące", small(1e3)),
    ("tysięcy", small(1e3)),
    ("tis", small(1e3)),
    ("tisíc", small(1e3)),
    ("tusen", small(1e3)),
    ("tusind", small(1e3)),
    ("tuhatta", small(1e3)),
    ("ezer", small(1e3)),
    ("bin", small(1e3)),
    ("тыс", small(1e3)),
    ("тысяч", small(1e3)),
    ("тысячи", small(1e3)),
    ("тис", small(1e3)),
    ("хил", small(1e3)),
    ("χιλ", small(1e3)),
    ("ribu", small(1e3)),
    ("rb", small(1e3)),
    ("nghìn", small(1e3)),
    ("ngàn", small(1e3)),
    ("พัน", small(1e3)),
    // Lakh and crore of South Asia.
    ("lakh", large(1e5)),
    ("lakhs", large(1e5)),
    ("lac", large(1e5)),
    ("lacs", large(1e5)),
    ("laks", large(1e5)),
    ("लाख", large(1e5)),
    ("لاکھ", large(1e5)),
    ("crore", large(1e7)),
    ("crores", large(1e7)),
    ("cr", large(1e7)),
    ("crs", large(1e7)),
    ("करोड़", large(1e7)),
    ("کروڑ", large(1e7)),
    // Millions.
    ("million", large(1e6)),
    ("millions", large(1e6)),
    ("mill", large(1e6)),
    ("mils", large(1e6)),
    ("mm", large(1e6)),
    ("mn", large(1e6)),
    ("mln", large(1e6)),
    ("mlns", large(1e6)),
    ("mio", large(1e6)),
    ("mios", large(1e6)),
    ("millionen", large(1e6)),
    ("millón", large(1e6)),
    ("millones", large(1e6)),
    ("milhão", large(1e6)),
    ("milhões", large(1e6)),
    ("milione", large(1e6)),
    ("milioni", large(1e6)),
    ("miljoen", large(1e6)),
    ("milion", large(1e6)),
    ("miliony", large(1e6)),
    ("milionów", large(1e6)),
    ("milionu", large(1e6)),
    ("milj", large(1e6)),
    ("miljon", large(1e6)),
    ("miljoner", large(1e6)),
    ("millioner", large(1e6)),
    ("miljoonaa", large(1e6)),
    ("millió", large(1e6)),
    ("milioane", large(1e6)),
    ("milyon", large(1e6)),
    ("млн", large(1e6)),
    ("миллион", large(1e6)),
    ("миллиона", large(1e6)),
    ("миллионов", large(1e6)),
    ("мільйонів", large(1e6)),
    ("εκατ", large(1e6)),
    ("مليون", large(1e6)),
    ("מיליון", large(1e6)),
    ("ล้าน", large(1e6)),
    ("juta", small(1e6)),
    ("jt", small(1e6)),
    ("triệu", small(1e6)),
    ("tr", small(1e6)),
    // Billions, which are milliards elsewhere.
    ("bn", large(1e9)),
    ("billion", large(1e9)),
    ("billions", large(1e9)),
    ("milliard", large(1e9)),
    ("milliards", large(1e9)),
    ("milliarden", large(1e9)),
    ("miliardi", large(1e9)),
    ("mrd", large(1e9)),
    ("mld", large(1e9)),
    ("md", large(1e9)),
    ("miliar", large(1e9)),
    ("milyar", large(1e9)),
    ("tỷ", large(1e9)),
    ("tỉ", large(1e9)),
    ("млрд", large(1e9)),
];

#[cfg(test)]
mod tests {
    use super::super::fold::squeeze;
    use super::*;

    #[test]
    fn words_of_many_languages_multiply() {
        for (text, factor) in [
            ("mil", 1e3),
            ("milhão", 1e6),
            ("Milhões", 1e6),
            ("Mio", 1e6),
            ("Tsd", 1e3),
            ("tys", 1e3),
            ("Lac", 1e5),
            ("Crore", 1e7),
            ("Cr", 1e7),
            ("juta", 1e6),
            ("miliar", 1e9),
            ("tỷ", 1e9),
            ("triệu", 1e6),
            ("bn", 1e9),
            ("млн", 1e6),
            ("тыс", 1e3),
            ("ล้าน", 1e6),
        ] {
            assert_eq!(word(&squeeze(text)).map(|magnitude| magnitude.factor), Some(factor), "{text}");
        }
        for text in ["kk", "zillion", "m2", "beds", "", "k", "m"] {
            assert_eq!(word(text), None, "{text}");
        }
    }

    #[test]
    fn ideographs_multiply_from_the_longest_on() {
        assert_eq!(ideograph("億5,000万円"), Some((1e8, 3)));
        assert_eq!(ideograph("천만원"), Some((1e7, 6)));
        assert_eq!(ideograph("円"), None);
    }
}
