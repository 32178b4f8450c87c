//! Handles a reader's requests: the only code that parses untrusted pages. Runs in the child, or on a thread where
//! there are no children.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use url::Url;

use super::found::{FoundExplanation, FoundListing};
use super::last_rules;
use super::wire::{
    MAX_DISAGREEMENTS, MAX_LINKS, MAX_LISTINGS, MAX_NEXT_LINKS, MalformedFrame, PageRequest, PageResponse,
    ReaderResponse, Request, RulesResponse, parse_request, response_frame,
};
use crate::base::clock::Clock;
use crate::crawler::budget::PageBudget;
use crate::crawler::fetch::decode;
use crate::crawler::reading::{self, PageText, Reading, ReadingLimits};
use crate::crawler::robots::parse_rules;

/// When a reader that nothing ends from outside stops by itself.
pub(super) struct Deadline {
    pub(super) clock: Clock,
    pub(super) page_time: Duration,
}

/// The answer to a request, as it goes through the pipe. `panicked` says where the last panic was.
pub(super) fn respond(
    head: &[u8],
    body: Vec<u8>,
    deadline: Option<&Deadline>,
    panicked: impl FnOnce() -> String,
) -> Result<Vec<u8>, MalformedFrame> {
    let request = parse_request(head)?;
    // Nothing of a request outlives its answer, so nothing broken is seen afterwards.
    let answer = catch_unwind(AssertUnwindSafe(|| handle(request, body, deadline)));
    response_frame(answer.unwrap_or_else(|_| Ok(ReaderResponse::Panicked(panicked())))?)
}

fn handle(
    request: Request<'_>,
    body: Vec<u8>,
    deadline: Option<&Deadline>,
) -> Result<ReaderResponse, MalformedFrame> {
    match request {
        Request::Page(page) => read_page(&page, body, deadline),
        Request::Robots => Ok(ReaderResponse::Robots(RulesResponse { rules: parse_rules(&body) })),
    }
}

fn read_page(
    page: &PageRequest<'_>,
    body: Vec<u8>,
    deadline: Option<&Deadline>,
) -> Result<ReaderResponse, MalformedFrame> {
    let url = Url::parse(&page.url).map_err(|_| MalformedFrame)?;
    let Some(rules) = last_rules::compiled(&page.rules) else { return Ok(ReaderResponse::InvalidRules) };
    let html = decode(body, page.charset.as_deref(), page.content, &url);
    let refresh = page.refresh.as_deref().and_then(|refresh| Url::parse(refresh).ok());
    let next: Vec<Url> =
        page.next_links.iter().take(MAX_NEXT_LINKS).filter_map(|link| Url::parse(link).ok()).collect();
    let text = PageText {
        url: &url,
        content: page.content,
        html: &html,
        robots_tag: page.robots_tag.as_deref(),
        refresh: refresh.as_ref(),
        next_links: &next,
        explain: page.explain,
    };
    let limits = ReadingLimits {
        links: page.most_links.min(MAX_LINKS),
        listings: page.most_listings.min(MAX_LISTINGS),
    };
    let mut budget = PageBudget::for_page(html.len());
    if let Some(Deadline { clock, page_time }) = deadline {
        budget = budget.with_deadline(clock.clone(), *page_time);
    }
    let reading = reading::read_within(&text, &page.hosts, limits, &rules, budget);
    Ok(ReaderResponse::Page(PageResponse::of(reading)))
}

impl PageResponse {
    fn of(reading: Reading) -> Self {
        let found = reading.extraction;
        Self {
            kind: found.kind,
            listings: found.listings.into_iter().map(FoundListing::of).collect(),
            teasers: found.teasers.into_iter().map(String::from).collect(),
            signs: found.signs,
            disagreements: found.disagreements.into_iter().take(MAX_DISAGREEMENTS).collect(),
            skipped_blocks: found.skipped_blocks,
            unkeyed: found.unkeyed,
            links: reading
                .links
                .into_iter()
                .take(MAX_LINKS)
                .map(|link| (String::from(link.url), link.worth))
                .collect(),
            canonical: reading.canonical.map(String::from),
            has_token: reading.has_token,
            truncated: reading.truncated,
            cost: reading.cost,
            explanation: reading.explanation.map(FoundExplanation::of),
        }
    }
}
