//! What an answer's `Content-Type` says: the kind of document, and its charset.

use reqwest::header::{self, HeaderMap};

use super::charset::DeclaredCharset;
use super::error::FetchError;
use super::sniff;
use crate::crawler::content_kind::ContentKind;

/// Characters of a content type in an error.
const MAX_NAME: usize = 100;
/// Names that say nothing about the document, and those of a packed file.
const TELLS_NOTHING: &[&str] = &[
    "application/octet-stream",
    "binary/octet-stream",
    "application/unknown",
    "unknown/unknown",
    "application/gzip",
    "application/x-gzip",
    "application/gzip-compressed",
    "application/x-gunzip",
];

/// An answer's content type.
#[derive(Clone, Debug)]
pub(super) struct ContentType {
    declared: Declared,
    /// In lower case, as in the header; empty without one.
    name: String,
    pub(super) charset: DeclaredCharset,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Declared {
    Html,
    Xml,
    Json,
    /// Text that may be JSON or XML. HTML that is sent as text is meant to be shown as it is.
    Text,
    /// Nothing: the first bytes tell.
    Nothing,
    /// Something that is no page.
    Other,
}

impl ContentType {
    /// Of several values the last one counts; it takes the charset of an earlier one of the same type (the Fetch
    /// standard, "extract a MIME type").
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let (mut name, mut charset) = (String::new(), DeclaredCharset::default());
        let values = headers.get_all(header::CONTENT_TYPE).iter();
        for part in values.flat_map(|value| value.as_bytes().split(|byte| *byte == b',')) {
            let end = part.iter().position(|byte| *byte == b';').unwrap_or(part.len());
            let (essence, parameters) = part.split_at(end);
            let essence = String::from_utf8_lossy(essence.trim_ascii()).to_ascii_lowercase();
            if !is_type(&essence) {
                continue;
            }
            let before = if essence == name { charset } else { DeclaredCharset::default() };
            charset = DeclaredCharset::in_text(parameters).or(before);
            name = essence;
        }
        Self { declared: declared(&name), name, charset }
    }

    /// Refuses what is surely no page, before its body is received.
    pub(super) fn ensure_may_be_page(&self) -> Result<(), FetchError> {
        if self.declared == Declared::Other { Err(self.refusal()) } else { Ok(()) }
    }

    /// Whether the body may be a gzip file, as sitemaps are.
    pub(super) fn may_be_gzip_file(&self) -> bool {
        matches!(self.declared, Declared::Xml | Declared::Text | Declared::Nothing)
    }

    /// The kind of a body that begins with `start`, unpacked.
    pub(super) fn kind(&self, start: &[u8]) -> Result<ContentKind, FetchError> {
        match self.declared {
            Declared::Html => Ok(ContentKind::Html),
            Declared::Json => Ok(ContentKind::Json),
            Declared::Xml if sniff::is_html_document(start) => Ok(ContentKind::Html),
            Declared::Xml => Ok(ContentKind::Xml),
            Declared::Text => {
                sniff::kind(start).filter(|kind| *kind != ContentKind::Html).ok_or_else(|| self.refusal())
            }
            Declared::Nothing if start.trim_ascii().is_empty() => Ok(ContentKind::Html),
            Declared::Nothing => sniff::kind(start).ok_or_else(|| self.refusal()),
            Declared::Other => Err(self.refusal()),
        }
    }

    fn refusal(&self) -> FetchError {
        let visible = self.name.chars().filter(char::is_ascii_graphic).take(MAX_NAME);
        let name: String = visible.collect();
        FetchError::NotAPage(if name.is_empty() { "it has no content type".to_owned() } else { name })
    }
}

/// `type/subtype`, as far as it is needed to leave garbage out. `*/*` says nothing.
fn is_type(essence: &str) -> bool {
    essence.split_once('/').is_some_and(|(kind, subtype)| !kind.is_empty() && !subtype.is_empty())
        && essence != "*/*"
}

fn declared(essence: &str) -> Declared {
    match essence {
        "" => Declared::Nothing,
        "text/html" | "application/xhtml+xml" | "application/vnd.wap.xhtml+xml" => Declared::Html,
        "application/xml" | "text/xml" | "application/rss" | "application/atom" => Declared::Xml,
        "application/json" | "text/json" | "application/x-json" => Declared::Json,
        "text/plain" => Declared::Text,
        _ if TELLS_NOTHING.contains(&essence) => Declared::Nothing,
        // Drawings.
        _ if essence.starts_with("image/") => Declared::Other,
        _ if essence.ends_with("+xml") => Declared::Xml,
        _ if essence.ends_with("+json") => Declared::Json,
        _ => Declared::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content_type(values: &[&'static str]) -> ContentType {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::CONTENT_TYPE, header::HeaderValue::from_static(value));
        }
        ContentType::of(&headers)
    }

    fn kind(value: &'static str, start: &[u8]) -> Option<ContentKind> {
        let content = content_type(&[value]);
        content.ensure_may_be_page().and_then(|()| content.kind(start)).ok()
    }

    #[test]
    fn pages_feeds_and_data_are_told_by_their_type() {
        use ContentKind::{Html, Json, Xml};
        for (value, expected) in [
            ("text/HTML; charset=utf-8", Some(Html)),
            ("application/xhtml+xml", Some(Html)),
            ("application/rss+xml", Some(Xml)),
            ("application/atom+xml;type=feed", Some(Xml)),
            ("text/xml", Some(Xml)),
            ("application/json", Some(Json)),
            ("application/ld+json", Some(Json)),
            ("application/vnd.api+json", Some(Json)),
            ("text/html5", None),
            ("application/pdf", None),
            ("image/svg+xml", None),
            ("text/css", None),
            ("text/plain", None),
        ] {
            assert_eq!(kind(value, b"some text"), expected, "{value}");
        }
    }

    #[test]
    fn the_first_bytes_tell_where_the_header_does_not() {
        for value in ["", "application/octet-stream", "html", "*/*", "application/x-gzip"] {
            assert_eq!(kind(value, b"<!doctype html>"), Some(ContentKind::Html), "{value}");
            assert_eq!(kind(value, b"<?xml version='1.0'?><urlset>"), Some(ContentKind::Xml), "{value}");
            assert_eq!(kind(value, b"{\"a\": 1}"), Some(ContentKind::Json), "{value}");
            assert_eq!(kind(value, b"%PDF-1.7"), None, "{value}");
            assert_eq!(kind(value, b" "), Some(ContentKind::Html), "{value}");
        }
        assert_eq!(kind("text/plain", b"<rss>"), Some(ContentKind::Xml));
        assert_eq!(kind("text/plain", b"<html>"), None);
        assert_eq!(kind("text/xml", b"<!DOCTYPE html><html>"), Some(ContentKind::Html));
    }

    #[test]
    fn the_last_of_several_types_counts() {
        let content = content_type(&["text/html; charset=windows-1251", "text/html"]);
        assert_eq!((content.declared, content.charset.name()), (Declared::Html, Some("windows-1251")));

        let content = content_type(&["text/plain; charset=koi8-r, text/html", "nonsense"]);
        assert_eq!((content.declared, content.charset.name()), (Declared::Html, None));
    }

    #[test]
    fn a_refusal_names_the_type() {
        let refusal = |value| content_type(&[value]).kind(b"%PDF").unwrap_err().to_string();

        assert_eq!(refusal("Application/PDF; x=y"), "the answer is not a page: application/pdf");
        assert_eq!(refusal(""), "the answer is not a page: it has no content type");
    }
}
