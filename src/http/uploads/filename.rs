//! The names of a part and of its file in the head of the part (RFC 7578 section 4.2): `filename*` (RFC 8187) is exact
//! and takes precedence over `filename`; encoded words of older senders (RFC 2047) are decoded and never kept as they
//! are.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use encoding_rs::Encoding;
use percent_encoding::percent_decode_str;
use unicode_normalization::UnicodeNormalization;

/// The name in a `Content-Disposition`; `None` when it has none that can be read.
pub(super) fn of_disposition(field: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(field).ok()?;
    let parameters = parameters(text);
    let find =
        |wanted: &str| parameters.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str());
    // If it cannot be read, the other is used (RFC 6266 section 4.3).
    let name = find("filename*").and_then(extended).or_else(|| decoded(find("filename")?))?;
    Some(name.nfc().collect())
}

/// The name of the part itself in its `Content-Disposition`; an empty one is none.
pub(super) fn of_part(field: &[u8]) -> Option<String> {
    let parameters = parameters(&String::from_utf8_lossy(field));
    parameters.into_iter().find(|(name, value)| name == "name" && !value.is_empty()).map(|(_, value)| value)
}

/// The parameters after the disposition type, names in lower case and values without their quotes.
fn parameters(text: &str) -> Vec<(String, String)> {
    let one = |part: &str| {
        let (name, value) = part.split_once('=')?;
        Some((name.trim().to_ascii_lowercase(), unquoted(value.trim())))
    };
    split_outside_of_quotes(text).into_iter().skip(1).filter_map(one).collect()
}

fn split_outside_of_quotes(text: &str) -> Vec<&str> {
    let (mut parts, mut quoted, mut escaped, mut start) = (Vec::new(), false, false, 0);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b';' if !quoted => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

/// The text in quotes. A backslash is literal unless it is before a quote or another one, as browsers write it.
fn unquoted(value: &str) -> String {
    let Some(inner) = value.strip_prefix('"') else { return value.to_owned() };
    let inner = inner.strip_suffix('"').unwrap_or(inner);
    let (mut text, mut letters) = (String::new(), inner.chars().peekable());
    while let Some(letter) = letters.next() {
        match letters.peek() {
            Some(next @ ('"' | '\\')) if letter == '\\' => {
                text.push(*next);
                letters.next();
            }
            _ => text.push(letter),
        }
    }
    text
}

/// `charset'language'percent-encoded`.
fn extended(value: &str) -> Option<String> {
    let mut parts = value.splitn(3, '\'');
    let (charset, _language, encoded) = (parts.next()?, parts.next()?, parts.next()?);
    let bytes: Vec<u8> = percent_decode_str(encoded).collect();
    in_charset(charset, &bytes)
}

fn in_charset(label: &str, bytes: &[u8]) -> Option<String> {
    let encoding = Encoding::for_label(label.as_bytes())?;
    encoding.decode_without_bom_handling_and_without_replacement(bytes).map(std::borrow::Cow::into_owned)
}

/// The text with its encoded words decoded; `None` when one of them cannot be.
fn decoded(text: &str) -> Option<String> {
    let (mut whole, mut rest, mut was_word) = (String::new(), text, false);
    while let Some(start) = rest.find("=?") {
        let (before, word) = rest.split_at(start);
        // White space between two encoded words is part of neither.
        if !(was_word && before.trim().is_empty()) {
            whole.push_str(before);
        }
        let (name, length) = word_at(word)?;
        whole.push_str(&name);
        (rest, was_word) = (&word[length..], true);
    }
    Some(whole + rest)
}

/// The encoded word at the beginning of `text`, and its length there.
fn word_at(text: &str) -> Option<(String, usize)> {
    let mut parts = text.strip_prefix("=?")?.splitn(3, '?');
    let (charset, encoding, rest) = (parts.next()?, parts.next()?, parts.next()?);
    let (encoded, _) = rest.split_once("?=")?;
    let bytes = match encoding {
        "B" | "b" => STANDARD.decode(encoded).ok()?,
        "Q" | "q" => {
            percent_decode_str(&encoded.replace('%', "%25").replace('_', " ").replace('=', "%")).collect()
        }
        _ => return None,
    };
    // A language may follow the charset (RFC 2231 section 5).
    let label = charset.split('*').next()?;
    let length = "=?".len() + charset.len() + 1 + encoding.len() + 1 + encoded.len() + "?=".len();
    Some((in_charset(label, &bytes)?, length))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(field: &str) -> Option<String> {
        of_disposition(format!("form-data; name=\"file\"; {field}").as_bytes())
    }

    #[test]
    fn the_exact_form_goes_before_the_plain_one() {
        for (field, expected) in [
            ("filename=\"plain.txt\"", "plain.txt"),
            ("filename=plain.txt", "plain.txt"),
            ("filename=\"a;b \\\"c\\\".txt\"", "a;b \"c\".txt"),
            ("filename=\"C:\\temp\\x\"", "C:\\temp\\x"),
            ("filename=\"Grundri_.pdf\"; filename*=UTF-8''Grundri%C3%9F.pdf", "Grundriß.pdf"),
            ("filename*=utf-8'de'%E2%82%AC.txt; filename=\"euro.txt\"", "€.txt"),
            ("filename*=UTF-8''%FF; filename=\"euro.txt\"", "euro.txt"),
            ("filename=\"Ku\u{308}che.pdf\"", "Küche.pdf"),
            ("FILENAME*=ISO-8859-1''%FCber.txt", "über.txt"),
            ("filename=\"Grundriß.pdf\"", "Grundriß.pdf"),
        ] {
            assert_eq!(name(field).as_deref(), Some(expected), "{field}");
        }
    }

    #[test]
    fn encoded_words_are_decoded() {
        for (field, expected) in [
            ("filename=\"=?UTF-8?B?R3J1bmRyacOfLnBkZg==?=\"", "Grundriß.pdf"),
            ("filename=\"=?utf-8?Q?Grundri=C3=9F_1.pdf?=\"", "Grundriß 1.pdf"),
            ("filename=\"=?iso-8859-1?q?=FCber?= =?us-ascii?Q?all.txt?=\"", "überall.txt"),
            ("filename=\"a =?UTF-8?Q?b?= c.txt\"", "a b c.txt"),
        ] {
            assert_eq!(name(field).as_deref(), Some(expected), "{field}");
        }
    }

    #[test]
    fn the_names_of_parameters_are_case_insensitive() {
        for (field, part, file) in [
            ("form-data; Name=\"file\"; Filename=\"v.txt\"", Some("file"), Some("v.txt")),
            ("form-data;NAME=file;FILENAME=v.txt", Some("file"), Some("v.txt")),
            ("form-data; filename=\"name=x\"", None, Some("name=x")),
            ("form-data; name=\"\"", None, None),
            ("form-data", None, None),
        ] {
            assert_eq!(of_part(field.as_bytes()).as_deref(), part, "{field}");
            assert_eq!(of_disposition(field.as_bytes()).as_deref(), file, "{field}");
        }
        assert_eq!(of_part(b"form-data; name=\"file\"; filename=\"\xff\"").as_deref(), Some("file"));
    }

    #[test]
    fn what_cannot_be_read_is_no_name() {
        for field in [
            "",
            "filename*=UTF-8''%FF",
            "filename*=klingon''x",
            "filename*=x",
            "filename=\"=?UTF-8?B?!?=\"",
            "filename=\"=?UTF-8?X?x?=\"",
            "filename=\"=?half\"",
        ] {
            assert_eq!(name(field), None, "{field}");
        }
        assert_eq!(of_disposition(b"form-data; filename=\"\xff\""), None);
    }
}
