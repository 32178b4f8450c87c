//! The charset that a header or a tag declares.

use encoding_rs::Encoding;

/// What the header says of the charset.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DeclaredCharset(Option<&'static Encoding>);

impl DeclaredCharset {
    /// The charset of this label (`latin1`); none for a label that is not known.
    pub fn of_label(label: &str) -> Self {
        Self(Encoding::for_label(label.as_bytes()))
    }

    /// The charset in a header's parameters, or in a tag's `content`.
    pub(super) fn in_text(text: &[u8]) -> Self {
        Self(label_in(text).and_then(Encoding::for_label))
    }

    /// The charset's name, if the header declared one.
    pub fn name(self) -> Option<&'static str> {
        self.0.map(Encoding::name)
    }

    pub(super) fn encoding(self) -> Option<&'static Encoding> {
        self.0
    }

    /// This one, or else `other`.
    pub(super) fn or(self, other: Self) -> Self {
        Self(self.0.or(other.0))
    }
}

/// The value after `charset=`, as the HTML standard extracts it from a `<meta>` element.
fn label_in(text: &[u8]) -> Option<&[u8]> {
    let mut rest = text;
    loop {
        rest = &rest[find(rest, b"charset")? + b"charset".len()..];
        if let Some(value) = rest.trim_ascii_start().strip_prefix(b"=") {
            return Some(value_at(value.trim_ascii_start())).filter(|label| !label.is_empty());
        }
    }
}

fn value_at(text: &[u8]) -> &[u8] {
    let (text, end) = match text.first().copied() {
        Some(quote @ (b'"' | b'\'')) => (&text[1..], text[1..].iter().position(|byte| *byte == quote)),
        _ => (text, text.iter().position(|byte| b"; \t\r\n\x0c\"'".contains(byte))),
    };
    &text[..end.unwrap_or(text.len())]
}

/// Where `needle` begins, ignoring case.
pub(super) fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window.eq_ignore_ascii_case(needle))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_charset_is_found_in_its_spellings() {
        for (text, name) in [
            ("; charset=utf-8", Some("UTF-8")),
            ("; Charset = \"ISO-8859-1\"", Some("windows-1252")),
            ("text/html;charset='windows-1251';x=y", Some("windows-1251")),
            ("text/html; charset latin; charset=iso-8859-2", Some("ISO-8859-2")),
            ("; charset=x-nonsense", None),
            ("; charset=", None),
            ("; charset", None),
            ("", None),
        ] {
            assert_eq!(DeclaredCharset::in_text(text.as_bytes()).name(), name, "{text}");
        }
    }
}
