//! Bytes to text as the HTML standard does it: a byte order mark, then the header, then a `<meta>` near the top. The
//! header is read where the page is fetched, the page itself where it is read.

use std::borrow::Cow;

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};
use reqwest::header::{self, HeaderMap};

/// The standard looks for a `<meta>` in the first 1,024 bytes.
const PRESCAN_BYTES: usize = 1_024;

/// What the header says of the charset.
#[derive(Clone, Copy, Debug, Default)]
pub struct DeclaredCharset(Option<&'static Encoding>);

impl DeclaredCharset {
    /// The charset's name, if the header declared one.
    pub fn name(self) -> Option<&'static str> {
        self.0.map(Encoding::name)
    }
}

/// The header's charset; `None` when the answer is not HTML at all.
pub(in crate::crawler) fn html_charset(headers: &HeaderMap) -> Option<DeclaredCharset> {
    let content_type = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    let (essence, parameters) = content_type.split_once(';').unwrap_or((content_type, ""));
    let essence = essence.trim();
    let html =
        essence.eq_ignore_ascii_case("text/html") || essence.eq_ignore_ascii_case("application/xhtml+xml");
    html.then(|| {
        DeclaredCharset(label_in(parameters.as_bytes()).and_then(|label| Encoding::for_label(&label)))
    })
}

/// The body as text; what cannot be decoded becomes U+FFFD. `declared` is what the header said.
pub(in crate::crawler) fn decode(body: Vec<u8>, declared: Option<&str>) -> String {
    let declared = declared.and_then(|name| Encoding::for_label(name.as_bytes()));
    let encoding = declared.or_else(|| prescan(&body)).unwrap_or_else(|| guess(&body));
    // `decode` itself lets a byte order mark win over everything. Most pages are UTF-8 without one, and stay where they
    // are.
    let decoded = match encoding.decode(&body).0 {
        Cow::Borrowed(text) if text.len() == body.len() => None,
        text => Some(text.into_owned()),
    };
    match decoded {
        Some(text) => text,
        None => String::from_utf8(body)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()),
    }
}

fn guess(body: &[u8]) -> &'static Encoding {
    if std::str::from_utf8(body).is_ok() { UTF_8 } else { WINDOWS_1252 }
}

fn prescan(body: &[u8]) -> Option<&'static Encoding> {
    let mut rest = &body[..body.len().min(PRESCAN_BYTES)];
    while let Some(at) = find(rest, b"<meta") {
        rest = &rest[at + 5..];
        let end = rest.iter().position(|byte| *byte == b'>').unwrap_or(rest.len());
        if let Some(found) = label_in(&rest[..end]).and_then(|label| Encoding::for_label(&label)) {
            // A document that can be read as ASCII up to here is not UTF-16, whatever it says.
            let wide = found == UTF_16BE || found == UTF_16LE;
            return Some(if wide { UTF_8 } else { found });
        }
    }
    None
}

/// The value after `charset=`, in a header's parameters or in a tag.
fn label_in(text: &[u8]) -> Option<Vec<u8>> {
    let at = find(text, b"charset")?;
    let rest = text[at + 7..].trim_ascii_start().strip_prefix(b"=")?.trim_ascii_start();
    let rest = rest.strip_prefix(b"\"").or_else(|| rest.strip_prefix(b"'")).unwrap_or(rest);
    let end = rest.iter().position(|byte| b"\"'; \t\r\n/>".contains(byte)).unwrap_or(rest.len());
    Some(rest[..end].to_vec())
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window.eq_ignore_ascii_case(needle))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(content_type: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(header::CONTENT_TYPE, header::HeaderValue::from_static(content_type))])
    }

    fn read(content_type: &'static str, body: &[u8]) -> String {
        decode(body.to_vec(), html_charset(&headers(content_type)).unwrap().name())
    }

    #[test]
    fn only_html_is_a_page() {
        assert!(html_charset(&headers("text/HTML; charset=utf-8")).is_some());
        assert!(html_charset(&headers("application/xhtml+xml")).is_some());
        assert!(html_charset(&headers("application/json")).is_none());
        assert!(html_charset(&headers("text/html5")).is_none());
        assert!(html_charset(&HeaderMap::new()).is_none());
    }

    #[test]
    fn the_header_wins_over_the_tag() {
        let body = b"<meta charset=utf-8>caf\xe9";

        assert_eq!(read("text/html; charset=\"ISO-8859-1\"", body), "<meta charset=utf-8>café");
    }

    #[test]
    fn a_tag_is_found_in_both_spellings() {
        let short = b"<head><META charset='windows-1250'>\x8a";
        let long = b"<meta http-equiv=Content-Type content=\"text/html; charset=iso-8859-2\">\xa9";

        assert!(read("text/html", short).ends_with('\u{160}'));
        assert!(read("text/html", long).ends_with('\u{160}'));
    }

    #[test]
    fn a_byte_order_mark_wins_over_everything() {
        assert_eq!(read("text/html; charset=iso-8859-1", b"\xef\xbb\xbfcaf\xc3\xa9"), "café");
        assert_eq!(read("text/html", b"\xff\xfeh\x00i\x00"), "hi");
    }

    #[test]
    fn an_undeclared_page_is_utf_8_when_it_can_be() {
        assert_eq!(read("text/html", "café".as_bytes()), "café");
        assert_eq!(read("text/html", b"caf\xe9"), "café");
        assert_eq!(read("text/html; charset=utf-8", b"caf\xe9"), "caf\u{fffd}");
        assert_eq!(read("text/html", b"<meta charset=utf-16>hi"), "<meta charset=utf-16>hi");
    }
}
