//! Text in one spelling for look-ups: lower case, without diacritics, with single spaces. `Wohnfläche  (m²)` gives
//! `wohnflache (m2)`. Texts and the words that they are compared with are folded by the same function.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Puts the folded `text` into `folded`, which is emptied first.
pub(super) fn fold_into(folded: &mut String, text: &str) {
    folded.clear();
    if text.is_ascii() {
        for byte in text.bytes() {
            push(folded, char::from(byte.to_ascii_lowercase()));
        }
    } else {
        let plain = text.nfkd().filter(|one| !is_combining_mark(*one));
        for one in plain.flat_map(char::to_lowercase) {
            push_letter(folded, one);
        }
    }
    if folded.ends_with(' ') {
        folded.pop();
    }
}

/// The folded `text`.
pub(super) fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    fold_into(&mut folded, text);
    folded
}

/// A pattern over folded texts, folded as they are: its letters only, since `\b` and `\B` are different signs.
pub(super) fn fold_pattern(pattern: &str) -> String {
    pattern.nfkd().filter(|one| !is_combining_mark(*one)).collect()
}

/// Letters that Unicode does not take apart.
fn push_letter(folded: &mut String, one: char) {
    match one {
        'ł' => folded.push('l'),
        'ø' => folded.push('o'),
        'đ' => folded.push('d'),
        'ı' => folded.push('i'),
        'ß' => folded.push_str("ss"),
        'æ' => folded.push_str("ae"),
        'œ' => folded.push_str("oe"),
        '’' | '‘' | '´' => folded.push('\''),
        '°' => {}
        other if is_combining_mark(other) => {}
        other => push(folded, other),
    }
}

fn push(folded: &mut String, one: char) {
    if !one.is_whitespace() {
        folded.push(one);
    } else if !folded.is_empty() && !folded.ends_with(' ') {
        folded.push(' ');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_label_are_folded_to_one_text() {
        for (text, folded) in [
            ("  Living \n AREA ", "living area"),
            ("Wohnfläche\u{a0}(m²)", "wohnflache (m2)"),
            ("Straße", "strasse"),
            ("Powierzchnia działki", "powierzchnia dzialki"),
            ("N° de pièces", "n de pieces"),
            ("L’état", "l'etat"),
            ("ＰＲＩＣＥ：", "price:"),
            ("", ""),
        ] {
            assert_eq!(fold(text), folded, "{text}");
        }
        assert_eq!(fold("土地面積"), "土地面積");
    }
}
