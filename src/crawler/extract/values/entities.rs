//! HTML character references inside of data. Scripts are not decoded by the HTML parser, and sites escape their data
//! once too often. The names are those of the HTML parser, which has all of the HTML standard.

use std::borrow::Cow;

use html5ever::data::{C1_REPLACEMENTS, NAMED_ENTITIES};

/// Bytes of the longest reference: `&CounterClockwiseContourIntegral;`.
const LONGEST: usize = 34;

/// `text` with its character references replaced, once. What is no reference stays as it is. A reference without
/// semicolon is none: "&copy=1" in an address would be one.
pub fn decode(text: &str) -> Cow<'_, str> {
    if !text.contains('&') {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        plain.push_str(&rest[..at]);
        rest = &rest[at..];
        match reference(rest) {
            Some(((first, second), length)) => {
                plain.push(first);
                plain.extend(second);
                rest = &rest[length..];
            }
            None => {
                plain.push('&');
                rest = &rest[1..];
            }
        }
    }
    plain.push_str(rest);
    Cow::Owned(plain)
}

/// The reference at the start of `text`, one or two characters, and its length in bytes.
fn reference(text: &str) -> Option<((char, Option<char>), usize)> {
    let end = text.bytes().take(LONGEST).position(|byte| byte == b';')?;
    let name = text.get(1..end)?;
    let characters = match name.strip_prefix('#') {
        Some(number) => (numeric(number)?, None),
        None => named(text.get(1..=end)?)?,
    };
    Some((characters, end + 1))
}

/// The parser's table has the name with its semicolon. Prefixes of names are in it, too, with a zero.
fn named(name: &str) -> Option<(char, Option<char>)> {
    let (first, second) = NAMED_ENTITIES.get(name).copied().filter(|(first, _)| *first != 0)?;
    let second = if second == 0 { None } else { char::from_u32(second) };
    Some((char::from_u32(first)?, second))
}

fn numeric(number: &str) -> Option<char> {
    let code = match number.strip_prefix(['x', 'X']) {
        Some(hex) => u32::from_str_radix(hex, 16).ok()?,
        None => number.parse().ok()?,
    };
    // Pages of Windows-1252 write &#128; for the euro sign, and parsers read it so.
    if (0x80..=0x9f).contains(&code) {
        let replaced = C1_REPLACEMENTS.get(code as usize - 0x80).copied().flatten();
        return replaced.or_else(|| char::from_u32(code));
    }
    char::from_u32(code).filter(|character| *character != '\0')
}

#[cfg(test)]
mod tests {
    use super::decode;

    #[test]
    fn references_are_decoded_once() {
        assert_eq!(decode("Smith &amp; Sons&#39; &#x2F; 2&frac12;&nbsp;ba"), "Smith & Sons' / 2½\u{a0}ba");
        assert_eq!(decode("&amp;lt;"), "&lt;");
    }

    #[test]
    fn all_names_of_the_standard_are_known() {
        for (name, text) in [
            ("&pound;", "£"),
            ("&euro;", "€"),
            ("&Aring;", "Å"),
            ("&zcaron;", "ž"),
            ("&lstrok;", "ł"),
            ("&ThinSpace;", "\u{2009}"),
            ("&NotEqualTilde;", "\u{2242}\u{338}"),
            ("&CounterClockwiseContourIntegral;", "∳"),
            ("&#128;", "€"),
        ] {
            assert_eq!(decode(name), text, "{name}");
        }
    }

    #[test]
    fn what_is_no_reference_stays() {
        for text in ["A & B", "a&b;c", "&#xfffffff;", "&#0;", "&", "&amp", "&é;", "&Counter;", "&;"] {
            assert_eq!(decode(text), text);
        }
    }
}
