//! A page that was requested and read, as a preview on the wire. The answer is bounded: what is beyond is left out, and
//! a note says so.

use std::collections::BTreeMap;

use serde::Serialize;
use url::Url;

use super::fields::shown;
use super::page_request::Requested;
use crate::crawler::content_kind::ContentKind;
use crate::crawler::extract::{Explanation, Extraction, LayerReadout, Listing, PageKind};
use crate::crawler::kept_page;
use crate::crawler::links::{FoundLink, Worth};
use crate::crawler::reader::ReadFailure;
use crate::crawler::reading::Reading;
use crate::protocol::evidence::EvidenceLayer;
use crate::protocol::preview::{
    LinkWorth, Preview, PreviewedContent, PreviewedField, PreviewedHome, PreviewedKind, PreviewedLayer,
    PreviewedLinks,
};

/// Bytes of an answer as JSON.
const MAX_ANSWER_BYTES: usize = 256 * 1024;
/// Homes, and links of one worth, that are shown.
const MAX_HOMES: usize = 20;
const MAX_LINKS: usize = 20;

/// A page and what was read of it.
pub(super) struct ReadPage {
    /// Where it was in the end.
    pub(super) url: Url,
    pub(super) content: ContentKind,
    pub(super) body_bytes: usize,
    pub(super) reading: Result<Reading, ReadFailure>,
}

/// The preview of a page; `None`: there is no page.
pub(super) fn preview(requested: Requested, read: Option<ReadPage>) -> Preview {
    let Requested { url, robots, crawl_delay, redirected_to, failure, .. } = requested;
    let mut preview = Preview {
        url: url.as_str().to_owned(),
        page_url: None,
        redirected_to: redirected_to.map(String::from),
        robots,
        crawl_delay_ms: crawl_delay.map(|delay| u32::try_from(delay.as_millis()).unwrap_or(u32::MAX)),
        failure,
        content: None,
        body_bytes: None,
        kind: None,
        canonical: None,
        truncated: None,
        homes: Vec::new(),
        home_count: 0,
        layers: Vec::new(),
        notes: Vec::new(),
        links: Vec::new(),
    };
    let Some(page) = read else { return preview };
    preview.page_url = (page.url != url).then(|| page.url.into());
    preview.content = Some(content(page.content));
    preview.body_bytes = i64::try_from(page.body_bytes).ok();
    match page.reading {
        Ok(reading) => add_reading(&mut preview, reading),
        Err(failure) => preview.failure = Some(failure.to_string()),
    }
    preview
}

fn add_reading(preview: &mut Preview, reading: Reading) {
    let Reading { extraction, links, canonical, truncated, explanation, .. } = reading;
    let Explanation { layers, notes } = explanation.unwrap_or_default();
    let mut budget = AnswerBudget::new();
    preview.kind = Some(kind(extraction.kind));
    preview.canonical = canonical.map(String::from);
    preview.truncated = truncated.map(|reason| reason.to_string());
    preview.home_count = count(extraction.listings.len());
    preview.homes = budget.take(extraction.listings.iter().take(MAX_HOMES).map(home));
    preview.notes = budget.take(signs(&extraction).into_iter().map(str::to_owned).chain(notes));
    preview.links = budget.take(by_worth(&links).into_iter());
    preview.layers = layers_within(layers, &mut budget);
    if budget.is_exceeded {
        preview.notes.push("the answer is cut: it has no room for all that was read".to_owned());
    }
}

/// What the page says of itself, in words.
fn signs(extraction: &Extraction) -> Vec<&'static str> {
    let signs = extraction.signs;
    [
        (signs.gone, "the page says that the home is no longer there"),
        (signs.wall, "the page asks for consent, a log-in or proof of being human"),
        (signs.looks_like_listing, "the page shows a price and rooms like that of a home"),
    ]
    .into_iter()
    .filter_map(|(is_shown, words)| is_shown.then_some(words))
    .collect()
}

fn home(listing: &Listing) -> PreviewedHome {
    let fields = kept_page::fields(&listing.property).into_iter().map(|(name, value)| {
        let origin = listing.origins.get(&name);
        let layer = origin.map(|origin| EvidenceLayer::from(origin.layer));
        let fragment = origin.map(|origin| origin.fragment.clone());
        let rule = fragment.clone().filter(|_| layer == Some(EvidenceLayer::Rule));
        (name, PreviewedField { value: shown(value), layer, rule, fragment })
    });
    PreviewedHome { fields: fields.collect() }
}

/// The links by worth; a worth without any is absent.
fn by_worth(links: &[FoundLink]) -> Vec<PreviewedLinks> {
    let mut groups: BTreeMap<LinkWorth, Vec<&Url>> = BTreeMap::new();
    for link in links {
        groups.entry(worth(link.worth)).or_default().push(&link.url);
    }
    let group = |(worth, urls): (LinkWorth, Vec<&Url>)| PreviewedLinks {
        worth,
        count: count(urls.len()),
        urls: urls.into_iter().take(MAX_LINKS).map(|url| url.as_str().to_owned()).collect(),
    };
    groups.into_iter().map(group).collect()
}

/// The layers with as many of their drafts as there is room for; those that told nothing are left out.
fn layers_within(layers: Vec<LayerReadout>, budget: &mut AnswerBudget) -> Vec<PreviewedLayer> {
    let told = layers.into_iter().filter(|layer| !layer.drafts.is_empty() || layer.skipped_blocks > 0);
    told.map(|layer| PreviewedLayer {
        layer: layer.layer.into(),
        drafts: budget.take(layer.drafts.into_iter()),
        skipped_blocks: layer.skipped_blocks,
    })
    .collect()
}

/// The room that is left in the answer.
struct AnswerBudget {
    left: usize,
    is_exceeded: bool,
}

impl AnswerBudget {
    fn new() -> Self {
        Self { left: MAX_ANSWER_BYTES, is_exceeded: false }
    }

    /// The first of `values` that there is room for.
    fn take<T: Serialize>(&mut self, values: impl Iterator<Item = T>) -> Vec<T> {
        let mut taken = Vec::new();
        for value in values {
            let bytes = serde_json::to_vec(&value).map_or(usize::MAX, |json| json.len());
            match self.left.checked_sub(bytes) {
                Some(left) => self.left = left,
                None => {
                    self.is_exceeded = true;
                    break;
                }
            }
            taken.push(value);
        }
        taken
    }
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

const fn kind(kind: PageKind) -> PreviewedKind {
    match kind {
        PageKind::Detail => PreviewedKind::Detail,
        PageKind::List => PreviewedKind::List,
        PageKind::Neither => PreviewedKind::Neither,
    }
}

const fn content(kind: ContentKind) -> PreviewedContent {
    match kind {
        ContentKind::Html => PreviewedContent::Html,
        ContentKind::Xml => PreviewedContent::Xml,
        ContentKind::Json => PreviewedContent::Json,
    }
}

const fn worth(worth: Worth) -> LinkWorth {
    match worth {
        Worth::Detail => LinkWorth::Detail,
        Worth::List => LinkWorth::List,
        Worth::Page => LinkWorth::Page,
        Worth::Permutation => LinkWorth::Permutation,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::crawler::extract::{Layer, Origin};
    use crate::protocol::preview::RobotsVerdict;
    use crate::protocol::property::PropertyInput;

    fn url(path: &str) -> Url {
        format!("https://homes.example{path}").parse().unwrap()
    }

    fn requested() -> Requested {
        Requested {
            url: url("/h/1"),
            robots: RobotsVerdict::Allowed,
            crawl_delay: None,
            page: None,
            redirected_to: None,
            failure: None,
        }
    }

    fn previewed(reading: Reading) -> Preview {
        let page = ReadPage {
            url: url("/h/1-elm-street"),
            content: ContentKind::Html,
            body_bytes: 70,
            reading: Ok(reading),
        };
        preview(requested(), Some(page))
    }

    fn listing() -> Listing {
        let property = PropertyInput {
            listing_key: Some("A-1".to_owned()),
            list_price: Some(420_000.0),
            ..PropertyInput::default()
        };
        let origin = Origin { layer: Layer::Rule, fragment: ".price".to_owned() };
        Listing {
            property,
            layer: Layer::Rule,
            told_key: true,
            ids: Vec::new(),
            origins: BTreeMap::from([("list_price".to_owned(), origin)]),
            inferred_currency: false,
        }
    }

    #[test]
    fn a_home_is_shown_field_by_field_with_what_gave_it() {
        let extraction =
            Extraction { kind: PageKind::Detail, listings: vec![listing()], ..Extraction::default() };

        let shown = previewed(Reading { extraction, ..Reading::default() });

        let fields = &shown.homes[0].fields;
        let price = &fields["list_price"];
        assert_eq!((&price.value, price.layer), (&json!(420_000.0), Some(EvidenceLayer::Rule)));
        assert_eq!((price.rule.as_deref(), price.fragment.as_deref()), (Some(".price"), Some(".price")));
        assert_eq!((&fields["listing_key"].value, fields["listing_key"].layer), (&json!("A-1"), None));
        assert_eq!((shown.kind, shown.home_count), (Some(PreviewedKind::Detail), 1));
        assert_eq!(shown.page_url.as_deref(), Some("https://homes.example/h/1-elm-street"));
    }

    #[test]
    fn links_come_by_worth_and_a_worth_without_any_is_absent() {
        let link = |path: &str, worth| FoundLink { url: url(path), worth };
        let mut links: Vec<_> = (0..30).map(|number| link(&format!("/h/{number}"), Worth::Detail)).collect();
        links.push(link("/list?sort=price", Worth::Permutation));

        let shown = previewed(Reading { links, ..Reading::default() });

        let groups: Vec<_> =
            shown.links.iter().map(|group| (group.worth, group.count, group.urls.len())).collect();
        assert_eq!(groups, [(LinkWorth::Detail, 30, 20), (LinkWorth::Permutation, 1, 1)]);
    }

    #[test]
    fn the_answer_is_bounded_and_says_that_it_is_cut() {
        let draft: BTreeMap<String, Value> =
            (0..64).map(|number| (format!("field_{number}"), json!("x".repeat(300)))).collect();
        let layer = |layer| LayerReadout { layer, drafts: vec![draft.clone(); 20], skipped_blocks: 0 };
        let explanation = Explanation {
            layers: vec![layer(Layer::JsonLd), layer(Layer::Html)],
            notes: vec!["tenure: no element matches the selector".to_owned()],
        };

        let shown = previewed(Reading { explanation: Some(explanation), ..Reading::default() });

        assert!(serde_json::to_vec(&shown).unwrap().len() < MAX_ANSWER_BYTES + 4_096);
        assert_eq!(shown.layers.len(), 2);
        assert!((1..20).contains(&shown.layers[0].drafts.len()) && shown.layers[1].drafts.is_empty());
        assert_eq!(shown.notes.len(), 2, "{:?}", shown.notes);
        assert!(shown.notes[1].contains("cut"), "{:?}", shown.notes);
    }

    #[test]
    fn without_a_page_there_is_the_reason() {
        let forbidden = Requested { robots: RobotsVerdict::Forbidden, ..requested() };
        let gone = Requested { failure: Some("the host answered 404".to_owned()), ..requested() };

        let (forbidden, gone) = (preview(forbidden, None), preview(gone, None));

        assert_eq!(
            (forbidden.robots, forbidden.kind, forbidden.body_bytes),
            (RobotsVerdict::Forbidden, None, None)
        );
        assert_eq!(gone.failure.as_deref(), Some("the host answered 404"));
    }
}
