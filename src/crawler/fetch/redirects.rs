//! Where a redirect leads.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, percent_encode};
use reqwest::header;
use url::Url;

/// Only what is not ASCII is escaped; the parser does the rest.
const NOT_ASCII: &AsciiSet = &AsciiSet::EMPTY;

/// The target of a redirect with this status and `Location`, its fragment dropped; `None` when the answer is none, or
/// leads nowhere.
pub(super) fn target(url: &Url, status: u16, headers: &header::HeaderMap) -> Option<Url> {
    if !matches!(status, 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    let location = headers.get(header::LOCATION)?.as_bytes();
    let mut target = url.join(&location_text(location)).ok()?;
    target.set_fragment(None);
    Some(target)
}

/// Some servers send raw UTF-8, which the parser escapes. Of other charsets (latin-1) the bytes are kept, as browsers do:
/// the server wants back what it sent.
fn location_text(location: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(location) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => percent_encode(location, NOT_ASCII).into(),
    }
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderMap, HeaderValue};

    use super::*;

    fn redirect(location: &[u8]) -> Option<String> {
        let value = HeaderValue::from_bytes(location).unwrap();
        let headers = HeaderMap::from_iter([(header::LOCATION, value)]);
        let url = "https://homes.example.com/a/b".parse().unwrap();
        target(&url, 302, &headers).map(String::from)
    }

    #[test]
    fn a_location_is_resolved_in_any_charset() {
        for (location, target) in [
            (&b"../c?x=1#top"[..], "https://homes.example.com/c?x=1"),
            (b"//www.example.com/", "https://www.example.com/"),
            ("/café".as_bytes(), "https://homes.example.com/caf%C3%A9"),
            (b"/caf\xe9 1?q=stra\xdfe", "https://homes.example.com/caf%E9%201?q=stra%DFe"),
            (b"/100%", "https://homes.example.com/100%"),
        ] {
            assert_eq!(redirect(location).as_deref(), Some(target));
        }
        assert_eq!(redirect(b"https://"), None);
        let url = "https://homes.example.com/".parse().unwrap();
        assert_eq!(target(&url, 302, &HeaderMap::new()), None);
        assert_eq!(
            target(&url, 200, &HeaderMap::from_iter([(header::LOCATION, HeaderValue::from_static("/"))])),
            None
        );
    }
}
