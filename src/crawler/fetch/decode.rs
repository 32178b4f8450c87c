//! Bytes to text as the HTML standard does it: a byte order mark, then the header, then what the document declares,
//! then a guess. Runs where pages are read.

use std::borrow::Cow;

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, UTF_8, WINDOWS_1252};
use url::{Host, Url};

use super::charset::DeclaredCharset;
use super::prescan;
use crate::crawler::content_kind::ContentKind;

/// Bytes that a guess looks at, from the first one on that is not ASCII.
const GUESSED_BYTES: usize = 64 * 1024;

/// The body as text; what cannot be decoded becomes U+FFFD. `declared` is the charset of the header. The country in the
/// host's name helps to guess.
pub(in crate::crawler) fn decode(
    body: Vec<u8>,
    declared: Option<&str>,
    kind: ContentKind,
    url: &Url,
) -> String {
    let declared = declared.and_then(|name| DeclaredCharset::of_label(name).encoding());
    let encoding = encoding_of(&body, declared, kind, url);
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

/// A header or a tag that says latin-1 is often a server's default: text that is valid UTF-8 is believed over it. Text
/// in latin-1 is valid UTF-8 only when it is ASCII, where both are the same.
fn encoding_of(
    body: &[u8],
    header: Option<&'static Encoding>,
    kind: ContentKind,
    url: &Url,
) -> &'static Encoding {
    if let Some((marked, _)) = Encoding::for_bom(body) {
        return marked;
    }
    let in_document = || match kind {
        ContentKind::Html => prescan::html(body),
        ContentKind::Xml => prescan::xml(body),
        // JSON declares nothing: it is UTF-8 (RFC 8259 section 8.1).
        ContentKind::Json => None,
    };
    match header.or_else(in_document) {
        Some(declared) if declared != WINDOWS_1252 => declared,
        _ if std::str::from_utf8(body).is_ok() => UTF_8,
        Some(declared) => declared,
        None => guess(body, url),
    }
}

/// The most probable encoding of a body that declares none and is not UTF-8.
fn guess(body: &[u8], url: &Url) -> &'static Encoding {
    // The detector wants two characters before the first one that is not ASCII.
    let start = Encoding::ascii_valid_up_to(body).saturating_sub(2);
    let end = body.len().min(start + GUESSED_BYTES);
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    detector.feed(&body[start..end], end == body.len());
    let label = top_level_domain(url);
    detector.guess(label.as_ref().map(String::as_bytes), Utf8Detection::Deny)
}

/// The last label of the host's name in lower case.
fn top_level_domain(url: &Url) -> Option<String> {
    let Some(Host::Domain(name)) = url.host() else { return None };
    let label = name.rsplit('.').find(|label| !label.is_empty())?.to_ascii_lowercase();
    label.is_ascii().then_some(label)
}

#[cfg(test)]
mod tests {
    use encoding_rs::{SHIFT_JIS, WINDOWS_1251};

    use super::*;

    fn read_of(kind: ContentKind, charset: Option<&str>, body: &[u8]) -> String {
        decode(body.to_vec(), charset, kind, &"https://homes.example.com/h/1".parse().unwrap())
    }

    fn read(charset: Option<&str>, body: &[u8]) -> String {
        read_of(ContentKind::Html, charset, body)
    }

    #[test]
    fn the_header_wins_over_the_tag() {
        assert_eq!(read(Some("ISO-8859-2"), b"<meta charset=utf-8>\xa9"), "<meta charset=utf-8>\u{160}");
        assert_eq!(read(Some("ISO-8859-1"), b"<meta charset=utf-8>caf\xe9"), "<meta charset=utf-8>café");
    }

    #[test]
    fn a_tag_is_found_in_both_spellings() {
        let short = b"<head><META charset='windows-1250'>\x8a";
        let long = b"<meta http-equiv=Content-Type content=\"text/html; charset=iso-8859-2\">\xa9";

        assert!(read(None, short).ends_with('\u{160}'));
        assert!(read(None, long).ends_with('\u{160}'));
    }

    #[test]
    fn a_byte_order_mark_wins_over_everything() {
        assert_eq!(read(Some("iso-8859-1"), b"\xef\xbb\xbfcaf\xc3\xa9"), "café");
        assert_eq!(read(Some("utf-8"), b"\xff\xfeh\x00i\x00"), "hi");
    }

    #[test]
    fn valid_utf_8_is_believed_over_latin_1_and_over_nothing_else() {
        let body = "<p>Büro in Zürich, 50 m²".as_bytes();

        assert_eq!(read(Some("windows-1252"), body), "<p>Büro in Zürich, 50 m²");
        assert_eq!(read(Some("latin1"), body), "<p>Büro in Zürich, 50 m²");
        let tagged = [b"<meta charset=iso-8859-1>".as_slice(), body].concat();
        assert!(read(None, &tagged).ends_with("<p>Büro in Zürich, 50 m²"));
        assert_eq!(read(Some("ISO-8859-2"), "é".as_bytes()), "ĂŠ");
        assert_eq!(read(Some("iso-8859-1"), b"caf\xe9"), "café");
        assert_eq!(read(Some("utf-8"), b"caf\xe9"), "caf\u{fffd}");
    }

    #[test]
    fn what_declares_nothing_is_guessed() {
        let russian = "Продаётся трёхкомнатная квартира в центре Москвы, цена договорная";
        let japanese = "東京都新宿区の賃貸マンション、家賃は月額十二万円です。駅から徒歩五分。";
        let french = "Maison à vendre avec cuisine équipée, près de la forêt, été comme hiver";

        assert_eq!(read(None, &WINDOWS_1251.encode(russian).0), russian);
        assert_eq!(read(None, &SHIFT_JIS.encode(japanese).0), japanese);
        assert_eq!(read(None, &WINDOWS_1252.encode(french).0), french);
        assert_eq!(read(None, french.as_bytes()), french);
        assert_eq!(read(None, b"<meta charset=utf-16>hi"), "<meta charset=utf-16>hi");
    }

    #[test]
    fn xml_and_json_have_rules_of_their_own() {
        let rss = b"<?xml version='1.0' encoding='iso-8859-2'?><rss>\xa9</rss>";

        assert!(read_of(ContentKind::Xml, None, rss).ends_with("<rss>\u{160}</rss>"));
        assert_eq!(read_of(ContentKind::Json, None, "{\"a\": \"é\"}".as_bytes()), "{\"a\": \"é\"}");
        assert_eq!(read_of(ContentKind::Json, None, b"{\"<meta charset=gbk>\": \"x\"}").len(), 27);
    }

    #[test]
    fn a_host_without_a_name_gives_no_country() {
        let label = |url: &str| top_level_domain(&url.parse().unwrap());

        assert_eq!(label("https://domy.example.pl/"), Some("pl".to_owned()));
        assert_eq!(label("https://www.example.РФ/"), Some("xn--p1ai".to_owned()));
        assert_eq!(label("http://127.0.0.1/"), None);
        assert_eq!(label("http://[::1]/"), None);
    }
}
