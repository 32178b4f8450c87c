//! The frames of a reader's pipes. A frame is its lengths and its parts: a small head that describes itself, and the
//! bytes of the page as they are. Both ends are of one build, so that only the first frame has a version.

use std::borrow::Cow;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::at_most::at_most;
use super::found::{FoundExplanation, FoundListing};
use crate::crawler::budget::{Cost, Truncation};
use crate::crawler::content_kind::ContentKind;
use crate::crawler::extract::{MAX_TEASERS, PageKind, PageSigns};
use crate::crawler::links::{AllowedHosts, Worth};
use crate::crawler::robots::RobotsRules;

/// The lengths of a request's head and body, little endian.
pub(super) const REQUEST_HEADER_BYTES: usize = 8;
/// The length of an answer, little endian.
pub(super) const RESPONSE_HEADER_BYTES: usize = 4;
/// The largest head of a request, and the largest answer.
pub(super) const MAX_HEAD_BYTES: usize = 4 * 1024 * 1024;
pub(super) const MAX_RESPONSE_BYTES: usize = 8 * 1024 * 1024;
/// What one answer can hold, whatever was asked for. A sitemap has up to 50,000 links (sitemaps.org).
pub(super) const MAX_LINKS: usize = 50_000;
pub(super) const MAX_LISTINGS: usize = 2_000;
/// Fields for which a page's layers told different values.
pub(super) const MAX_DISAGREEMENTS: usize = 60;
/// Links of a header.
pub(super) const MAX_NEXT_LINKS: usize = 20;
/// How deep an answer may nest: as deep as a page's data, and some for what is around it.
const MAX_DEPTH: usize = 64;
/// Layers of a sandbox that a reader can name.
const MAX_LAYERS: usize = 32;

/// The first frame of a reader: its version and its sandbox.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Hello {
    pub(super) version: String,
    /// The active layers of the sandbox, by name.
    #[serde(deserialize_with = "at_most::<MAX_LAYERS, _, _>")]
    pub(super) layers: Vec<String>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Request<'a> {
    /// The body is a page as it came, decompressed and not decoded.
    Page(#[serde(borrow)] PageRequest<'a>),
    /// The body is a robots.txt.
    Robots,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct PageRequest<'a> {
    #[serde(borrow)]
    pub(super) url: Cow<'a, str>,
    pub(super) content: ContentKind,
    /// The charset that the header declared.
    #[serde(borrow)]
    pub(super) charset: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) robots_tag: Option<Cow<'a, str>>,
    /// Where its `Refresh` header leads, and the pages before and after it by its `Link` header.
    #[serde(borrow)]
    pub(super) refresh: Option<Cow<'a, str>>,
    pub(super) next_links: Vec<String>,
    pub(super) hosts: Cow<'a, AllowedHosts>,
    pub(super) most_links: usize,
    pub(super) most_listings: usize,
    /// The rules of the spider as JSON; empty for none.
    #[serde(borrow)]
    pub(super) rules: Cow<'a, str>,
    pub(super) explain: bool,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) enum ReaderResponse {
    Page(PageResponse),
    Robots(RulesResponse),
    /// The rules of the request do not compile.
    InvalidRules,
    /// A defect of ours, and where in the source it is.
    Panicked(String),
}

#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct PageResponse {
    pub(super) kind: PageKind,
    #[serde(deserialize_with = "at_most::<MAX_LISTINGS, _, _>")]
    pub(super) listings: Vec<FoundListing>,
    #[serde(deserialize_with = "at_most::<MAX_TEASERS, _, _>")]
    pub(super) teasers: Vec<String>,
    pub(super) signs: PageSigns,
    #[serde(deserialize_with = "at_most::<MAX_DISAGREEMENTS, _, _>")]
    pub(super) disagreements: Vec<(String, u32)>,
    pub(super) skipped_blocks: u32,
    pub(super) unkeyed: u32,
    #[serde(deserialize_with = "at_most::<MAX_LINKS, _, _>")]
    pub(super) links: Vec<(String, Worth)>,
    pub(super) canonical: Option<String>,
    pub(super) has_token: bool,
    pub(super) truncated: Option<Truncation>,
    pub(super) cost: Cost,
    pub(super) explanation: Option<FoundExplanation>,
}

/// What a robots.txt says.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct RulesResponse {
    pub(super) rules: RobotsRules,
}

/// A frame's part that is too large or is not what it should be.
#[derive(Debug, thiserror::Error)]
#[error("a frame between the server and a page reader is malformed")]
pub(super) struct MalformedFrame;

/// A request's head with its lengths in front; the body follows it on the pipe.
pub(super) fn request_head(request: &Request<'_>, body_bytes: usize) -> Result<Vec<u8>, MalformedFrame> {
    let mut frame = vec![0; REQUEST_HEADER_BYTES];
    write(&mut frame, request)?;
    let head_bytes = frame.len() - REQUEST_HEADER_BYTES;
    if head_bytes > MAX_HEAD_BYTES {
        return Err(MalformedFrame);
    }
    frame[..4].copy_from_slice(&length(head_bytes)?.to_le_bytes());
    frame[4..REQUEST_HEADER_BYTES].copy_from_slice(&length(body_bytes)?.to_le_bytes());
    Ok(frame)
}

/// An answer with its length in front. What is too large is halved until it fits.
pub(super) fn response_frame(mut answer: ReaderResponse) -> Result<Vec<u8>, MalformedFrame> {
    loop {
        let frame = frame(&answer)?;
        if frame.len() - RESPONSE_HEADER_BYTES <= MAX_RESPONSE_BYTES {
            return Ok(frame);
        }
        match &mut answer {
            ReaderResponse::Page(page) if page.can_shrink() => page.halve(),
            ReaderResponse::Page(_)
            | ReaderResponse::Robots(_)
            | ReaderResponse::InvalidRules
            | ReaderResponse::Panicked(_) => return Err(MalformedFrame),
        }
    }
}

/// Anything with its length in front.
pub(super) fn frame(message: &impl Serialize) -> Result<Vec<u8>, MalformedFrame> {
    let mut frame = vec![0; RESPONSE_HEADER_BYTES];
    write(&mut frame, message)?;
    let bytes = length(frame.len() - RESPONSE_HEADER_BYTES)?;
    frame[..RESPONSE_HEADER_BYTES].copy_from_slice(&bytes.to_le_bytes());
    Ok(frame)
}

/// Reads what [`frame`] wrote behind the length.
pub(super) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, MalformedFrame> {
    let mut deserializer = rmp_serde::Deserializer::from_read_ref(bytes);
    // Attributes may nest, and each level takes stack.
    deserializer.set_max_depth(MAX_DEPTH);
    T::deserialize(&mut deserializer).map_err(|_| MalformedFrame)
}

/// Reads a request's head.
pub(super) fn parse_request(head: &[u8]) -> Result<Request<'_>, MalformedFrame> {
    rmp_serde::from_slice(head).map_err(|_| MalformedFrame)
}

impl PageResponse {
    fn can_shrink(&self) -> bool {
        let is_explained = self.explanation.is_some();
        is_explained || !self.listings.is_empty() || !self.links.is_empty() || !self.teasers.is_empty()
    }

    fn halve(&mut self) {
        if let Some(explanation) = &mut self.explanation
            && explanation.halve()
        {
            self.truncated.get_or_insert(Truncation::Answer);
            return;
        }
        self.explanation = None;
        self.teasers.truncate(self.teasers.len() / 2);
        self.listings.truncate(self.listings.len() / 2);
        self.links.truncate(self.links.len() / 2);
        self.truncated.get_or_insert(Truncation::Answer);
    }
}

fn write(frame: &mut Vec<u8>, message: &impl Serialize) -> Result<(), MalformedFrame> {
    // With names: absent fields are left out of a property.
    rmp_serde::encode::write_named(frame, message).map_err(|_| MalformedFrame)
}

fn length(bytes: usize) -> Result<u32, MalformedFrame> {
    u32::try_from(bytes).map_err(|_| MalformedFrame)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::base::timestamp::Timestamp;
    use crate::crawler::extract::{Layer, Origin};
    use crate::protocol::property::PropertyInput;

    fn listing(price: f64) -> FoundListing {
        let attributes = [("a".to_owned(), json!({"b": [1, -2, 2.5, null, "x"]}))].into();
        let property = PropertyInput {
            list_price: Some(price),
            latitude: Some(0.1 + 0.2),
            listed_at: Timestamp::parse("2026-11-22T10:00:00.123456Z"),
            attributes: Some(attributes),
            ..PropertyInput::default()
        };
        FoundListing {
            layer: Layer::JsonLd,
            told_key: true,
            ids: vec!["7".to_owned()],
            inferred_currency: true,
            origins: vec![("list_price".to_owned(), origin())],
            property,
        }
    }

    fn origin() -> Origin {
        Origin { layer: Layer::Rule, fragment: ".price".to_owned() }
    }

    #[test]
    fn an_answer_comes_through_exactly() {
        let signs = PageSigns { gone: true, wall: false, looks_like_listing: true, shape: u64::MAX };
        let answer = PageResponse {
            kind: PageKind::Detail,
            teasers: vec!["https://homes.example.com/h/2".to_owned()],
            signs,
            disagreements: vec![("list_price".to_owned(), 2)],
            listings: vec![listing(123_456.789_012_345_67), listing(f64::MIN_POSITIVE)],
            skipped_blocks: 1,
            unkeyed: 2,
            links: vec![("https://homes.example.com/caf%C3%A9".to_owned(), Worth::List)],
            canonical: None,
            has_token: true,
            truncated: Some(Truncation::Work),
            cost: Cost { steps: 3, bytes: 4 },
            explanation: None,
        };
        let before: Vec<_> = answer.listings.iter().map(|listing| listing.property.clone()).collect();

        let frame = response_frame(ReaderResponse::Page(answer)).unwrap();
        let ReaderResponse::Page(after) = parse(&frame[RESPONSE_HEADER_BYTES..]).unwrap() else {
            unreachable!()
        };

        assert_eq!((after.kind, after.signs, after.teasers.len()), (PageKind::Detail, signs, 1));
        assert_eq!(after.disagreements, [("list_price".to_owned(), 2)]);
        assert_eq!(after.listings[0].ids, ["7"]);
        assert_eq!(after.listings[0].origins, [("list_price".to_owned(), origin())]);
        assert_eq!(after.links[0].1, Worth::List);
        assert!(after.listings[0].told_key && after.listings[0].inferred_currency);
        assert_eq!(after.listings.into_iter().map(|listing| listing.property).collect::<Vec<_>>(), before);
        assert_eq!((after.skipped_blocks, after.unkeyed, after.links.len()), (1, 2, 1));
        assert_eq!((after.truncated, after.cost.bytes, after.canonical), (Some(Truncation::Work), 4, None));
        assert!(after.has_token);
    }

    #[test]
    fn an_oversized_response_is_truncated_and_marked() {
        let links = vec![("x".repeat(2_000), Worth::Page); 20_000];

        let frame =
            response_frame(ReaderResponse::Page(PageResponse { links, ..PageResponse::default() })).unwrap();
        let ReaderResponse::Page(after) = parse(&frame[RESPONSE_HEADER_BYTES..]).unwrap() else {
            unreachable!()
        };

        assert!(frame.len() <= MAX_RESPONSE_BYTES + RESPONSE_HEADER_BYTES);
        assert_eq!(after.truncated, Some(Truncation::Answer));
        assert!(after.links.len() > 1_000);
    }

    #[test]
    fn more_entries_than_can_be_meant_are_refused_while_they_are_read() {
        let too_many = PageResponse {
            links: vec![(String::new(), Worth::Page); MAX_LINKS + 1],
            ..PageResponse::default()
        };
        let frame = frame(&ReaderResponse::Page(too_many)).unwrap();

        assert!(parse::<ReaderResponse>(&frame[RESPONSE_HEADER_BYTES..]).is_err());
    }

    #[test]
    fn a_request_comes_through() {
        let hosts = AllowedHosts::of([], &["homes.example.com:8443".to_owned()]);
        let request = PageRequest {
            url: "https://homes.example.com/".into(),
            content: ContentKind::Json,
            charset: Some("windows-1252".into()),
            robots_tag: None,
            refresh: Some("https://homes.example.com/new".into()),
            next_links: vec!["https://homes.example.com/2".to_owned()],
            hosts: Cow::Borrowed(&hosts),
            most_links: 7,
            most_listings: 9,
            rules: "{\"list_items\":true}".into(),
            explain: true,
        };

        let frame = request_head(&Request::Page(request), 70_000).unwrap();
        let Request::Page(after) = parse_request(&frame[REQUEST_HEADER_BYTES..]).unwrap() else {
            unreachable!()
        };

        assert_eq!(frame[4..8], 70_000_u32.to_le_bytes());
        assert_eq!(
            (after.url.as_ref(), after.charset.as_deref()),
            ("https://homes.example.com/", Some("windows-1252"))
        );
        assert_eq!((after.hosts.into_owned(), after.most_links, after.most_listings), (hosts, 7, 9));
        assert_eq!((after.content, &*after.rules), (ContentKind::Json, "{\"list_items\":true}"));
        assert_eq!(after.refresh.as_deref(), Some("https://homes.example.com/new"));
        assert!(after.explain && after.next_links.len() == 1);
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_break_the_parent(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..400)) {
            let _ = parse::<ReaderResponse>(&bytes);
            let _ = parse::<Hello>(&bytes);
        }
    }
}
