//! What a body is by its first bytes, for answers without a useful `Content-Type`. The rules are those of the MIME
//! sniffing standard where it has one, and the root elements of feeds and sitemaps.

use crate::crawler::content_kind::ContentKind;

/// Bytes that are looked at.
pub(super) const SNIFFED_BYTES: usize = 1_024;

/// Root elements of XML documents that often have no XML declaration.
const XML_ROOTS: &[&str] = &["urlset", "sitemapindex", "rss", "feed", "rdf:rdf"];
/// Elements that an HTML document may begin with.
const HTML_ELEMENTS: &[&str] = &[
    "html", "head", "body", "title", "meta", "link", "script", "style", "base", "noscript", "template",
    "frameset", "iframe", "div", "p", "a", "b", "i", "u", "br", "h1", "h2", "h3", "h4", "h5", "h6", "table",
    "span", "section", "article", "main", "header", "footer", "nav", "aside", "ul", "ol", "li", "form",
    "font", "center", "img", "pre", "strong", "em", "hr",
];

/// The kind of a body that begins with `start`; `None` for what is no page.
pub(super) fn kind(start: &[u8]) -> Option<ContentKind> {
    let text = text_start(start);
    if is_json(&text) {
        return Some(ContentKind::Json);
    }
    match Markup::of(&text)? {
        Markup { has_html_doctype: true, .. } => Some(ContentKind::Html),
        Markup { root: Some(root), has_xml_declaration, .. } => {
            let root = root.as_str();
            if root == "html" || (HTML_ELEMENTS.contains(&root) && !has_xml_declaration) {
                Some(ContentKind::Html)
            } else if has_xml_declaration || XML_ROOTS.contains(&root) {
                Some(ContentKind::Xml)
            } else {
                None
            }
        }
        Markup { has_xml_declaration: true, .. } => Some(ContentKind::Xml),
        // A comment, and no element within the bytes that are looked at.
        Markup { .. } => Some(ContentKind::Html),
    }
}

/// Whether a body is a document of HTML although it was announced as XML.
pub(super) fn is_html_document(start: &[u8]) -> bool {
    let markup = Markup::of(&text_start(start));
    markup.is_some_and(|markup| markup.has_html_doctype || markup.root.as_deref() == Some("html"))
}

/// The first bytes without a byte order mark. Of UTF-16 only what is ASCII is of interest.
fn text_start(start: &[u8]) -> Vec<u8> {
    let start = &start[..start.len().min(SNIFFED_BYTES)];
    let is_wide = start.starts_with(b"\xff\xfe") || start.starts_with(b"\xfe\xff");
    let start = if is_wide { &start[2..] } else { start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start) };
    start.iter().copied().filter(|byte| *byte != 0 || !is_wide).collect()
}

/// An object or an array, as far as its first two tokens tell.
fn is_json(text: &[u8]) -> bool {
    let text = text.trim_ascii_start();
    let Some((first, rest)) = text.split_first() else { return false };
    let second = rest.trim_ascii_start().first().copied();
    match first {
        b'{' => matches!(second, Some(b'"' | b'}')),
        b'[' => matches!(second, Some(b'{' | b'[' | b'"' | b']' | b'-' | b'0'..=b'9')),
        _ => false,
    }
}

/// How a document of markup begins.
struct Markup {
    has_xml_declaration: bool,
    has_html_doctype: bool,
    /// The first element's name in lower case.
    root: Option<String>,
}

impl Markup {
    /// `None` when the text does not begin with markup.
    fn of(text: &[u8]) -> Option<Self> {
        let mut markup = Self { has_xml_declaration: false, has_html_doctype: false, root: None };
        let mut rest = text.trim_ascii_start();
        if !rest.starts_with(b"<") {
            return None;
        }
        while rest.starts_with(b"<") && markup.root.is_none() {
            rest = if rest.starts_with(b"<!--") {
                after(&rest[4..], b"-->")
            } else if rest.starts_with(b"<?") {
                markup.has_xml_declaration |= starts_with_word(&rest[2..], b"xml");
                after(&rest[2..], b"?>")
            } else if rest.get(..9).is_some_and(|word| word.eq_ignore_ascii_case(b"<!doctype")) {
                markup.has_html_doctype |= starts_with_word(rest[9..].trim_ascii_start(), b"html");
                after(&rest[9..], b">")
            } else {
                markup.root = Some(element_name(&rest[1..])?);
                rest
            };
            rest = rest.trim_ascii_start();
        }
        Some(markup)
    }
}

fn element_name(text: &[u8]) -> Option<String> {
    let is_in_name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b':' | b'-' | b'_' | b'.');
    let length = text.iter().take_while(|byte| is_in_name(byte)).count();
    let name = String::from_utf8_lossy(&text[..length]).to_ascii_lowercase();
    name.starts_with(|first: char| first.is_ascii_alphabetic()).then_some(name)
}

/// Whether `text` begins with this word, in any case, and the word ends there.
fn starts_with_word(text: &[u8], word: &[u8]) -> bool {
    let begins = text.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word));
    begins && text.get(word.len()).is_none_or(|next| !next.is_ascii_alphanumeric())
}

/// What comes behind `end`; nothing when it is not there.
fn after<'a>(text: &'a [u8], end: &[u8]) -> &'a [u8] {
    text.windows(end.len()).position(|window| window == end).map_or(&[], |at| &text[at + end.len()..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_known_by_their_first_bytes() {
        use ContentKind::{Html, Json, Xml};
        for (body, expected) in [
            (&b"<!DOCTYPE html><title>x"[..], Some(Html)),
            (b"\xef\xbb\xbf\r\n<HTML lang=en>", Some(Html)),
            (b"<!-- made by x --><div class=a>", Some(Html)),
            (b"<h1>Homes</h1>", Some(Html)),
            (b"\xff\xfe<\x00h\x00t\x00m\x00l\x00>\x00", Some(Html)),
            (b"<?xml version='1.0'?><!DOCTYPE html PUBLIC 'a' 'b'><html>", Some(Html)),
            (b"<?xml version=\"1.0\"?>\n<html xmlns='http://www.w3.org/1999/xhtml'>", Some(Html)),
            (b"<?xml version=\"1.0\"?><!-- x --><urlset>", Some(Xml)),
            (b"<?xml version=\"1.0\"?><homes><home/></homes>", Some(Xml)),
            (b"<sitemapindex xmlns='x'>", Some(Xml)),
            (b"<rss version=2.0>", Some(Xml)),
            (b"<feed>", Some(Xml)),
            (b" {\"items\": []}", Some(Json)),
            (b"[ {}, 1]", Some(Json)),
            (b"[]", Some(Json)),
            (b"[section]\nkey=1", None),
            (b"{ color: red }", None),
            (b"<homes>", None),
            (b"%PDF-1.7", None),
            (b"PK\x03\x04", None),
            (b"plain text", None),
            (b"< 5 homes", None),
            (b"", None),
        ] {
            assert_eq!(kind(body), expected, "{}", String::from_utf8_lossy(body));
        }
    }

    #[test]
    fn a_document_of_html_is_told_from_other_markup() {
        assert!(is_html_document(b"<?xml version='1.0'?><!DOCTYPE html><html>"));
        assert!(is_html_document(b"<html>"));
        assert!(!is_html_document(b"<?xml version='1.0'?><title>x</title>"));
        assert!(!is_html_document(b"<urlset>"));
        assert!(!is_html_document(b"text"));
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_break_it(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
            kind(&bytes);
            is_html_document(&[&b"<!"[..], &bytes].concat());
        }
    }
}
