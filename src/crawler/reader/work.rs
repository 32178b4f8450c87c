//! What a reader does with a request: the only code that parses what strangers sent. Runs in the child, or on a thread
//! where there are no children.

use std::panic::{AssertUnwindSafe, catch_unwind};

use serde::{Deserialize, Serialize};
use url::Url;

use super::wire::{
    Answer, FoundListing, MAX_LINKS, MAX_LISTINGS, Malformed, PageAnswer, PageRequest, Request, RobotsAnswer,
    answer_frame, parse_request,
};
use crate::crawler::fetch::charset;
use crate::crawler::reading::{self, PageText, Reading, ReadingLimits};

/// A robots.txt, read as far as that is done in the reader.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::crawler) struct RobotsRules(Vec<u8>);

impl RobotsRules {
    /// The file, for the parent to match paths with.
    pub(in crate::crawler) fn into_text(self) -> Vec<u8> {
        self.0
    }
}

/// The answer to a request, as it goes through the pipe. `panicked` says where the last panic was.
pub(super) fn respond(
    head: &[u8],
    body: Vec<u8>,
    panicked: impl FnOnce() -> String,
) -> Result<Vec<u8>, Malformed> {
    let request = parse_request(head)?;
    // Nothing of a request outlives its answer, so nothing broken is seen afterwards.
    let answer = catch_unwind(AssertUnwindSafe(|| answer(request, body)));
    answer_frame(answer.unwrap_or_else(|_| Ok(Answer::Panicked(panicked())))?)
}

fn answer(request: Request<'_>, body: Vec<u8>) -> Result<Answer, Malformed> {
    match request {
        Request::Page(page) => read_page(&page, body).map(Answer::Page),
        Request::Robots => Ok(Answer::Robots(RobotsAnswer { rules: read_robots(body) })),
    }
}

fn read_page(page: &PageRequest<'_>, body: Vec<u8>) -> Result<PageAnswer, Malformed> {
    let url = Url::parse(&page.url).map_err(|_| Malformed)?;
    let html = charset::decode(body, page.charset.as_deref());
    let text = PageText { url: &url, html: &html, robots_tag: page.robots_tag.as_deref() };
    let limits = ReadingLimits {
        links: page.most_links.min(MAX_LINKS),
        listings: page.most_listings.min(MAX_LISTINGS),
    };
    Ok(PageAnswer::of(reading::read(&text, &page.hosts, limits)))
}

impl PageAnswer {
    fn of(reading: Reading) -> Self {
        let found = reading.extraction.listings.into_iter();
        let listings = found.map(|listing| FoundListing { layer: listing.layer, property: listing.property });
        Self {
            listings: listings.collect(),
            skipped_blocks: reading.extraction.skipped_blocks,
            unkeyed: reading.extraction.unkeyed,
            links: reading.links.into_iter().map(String::from).collect(),
            canonical: reading.canonical.map(String::from),
            truncated: reading.truncated,
        }
    }
}

/// The one place where a robots.txt is parsed in the reader.
fn read_robots(text: Vec<u8>) -> RobotsRules {
    RobotsRules(text)
}
