//! Reads the layers of a page, best first, and joins drafts that are one listing: inside of a layer, then across
//! layers.

use std::collections::{BTreeMap, HashMap, HashSet};

use url::Url;

use super::agreement::{Candidate, PageIdentity};
use super::draft::Draft;
use super::explanation::{Explanation, Readouts};
use super::extraction::{
    ExtractOptions, Extraction, Layer, LayerResult, Listing, MAX_TEASERS, PageKind, PageSigns,
};
use super::finalize::Finisher;
use super::home::{Expected, Ruling, choose};
use super::html::{self, PageFacts};
use super::notes::Notes;
use super::rules::{self, Sources};
use super::{embedded, json_ld, microdata, rdfa};
use crate::crawler::page::Page;
use crate::crawler::page_url;
use crate::protocol::spider_rules::CompiledRules;

/// Steps of joining a draft, beside those for its names.
const DRAFT_STEPS: u64 = 60;
const NAME_STEPS: u64 = 20;

/// Reads the home of `page`, or its entries if it is a list and the rules of `options` ask for them.
pub fn listings(page: &Page, options: ExtractOptions<'_>) -> Extraction {
    explained(page, options).0
}

/// The same with an explanation, if `options` ask for one.
pub(in crate::crawler) fn explained(
    page: &Page,
    options: ExtractOptions<'_>,
) -> (Extraction, Option<Explanation>) {
    let ExtractOptions { rules, explain, .. } = options;
    let (notes, mut readouts) = (Notes::new(explain), Readouts::new(explain));
    let (json_ld, state) = (json_ld::parsed(page), embedded::parsed(page));
    let data = [
        json_ld::read(&json_ld, page),
        embedded::read(&state, page),
        microdata::read(page),
        rdfa::read(page),
    ];
    let visible = html::read(page);
    let facts = visible.facts;
    let mut skipped_blocks = 0_u32;
    let mut found = MergedDrafts::new(page);
    for layer in data.into_iter().chain([visible.layer]) {
        skipped_blocks = skipped_blocks.saturating_add(layer.skipped_blocks);
        readouts.add(&layer, page.budget());
        found.add(layer);
    }
    let told =
        told_by_rules(page, rules, &Sources::of_page(page, &json_ld.roots, &state.blocks, rules), &notes);
    if let Some(told) = &told {
        readouts.add_drafts(Layer::Rule, std::slice::from_ref(told), 0, page.budget());
    }
    let ruling = Ruling { expected: expected(page, rules), told, notes: &notes };
    let homes = choose(found.drafts, &PageIdentity::new(page, &facts), &facts, ruling);
    let finisher = Finisher::new(page, &facts, &rules.constants, &notes);
    let mut extraction = Extraction { kind: homes.kind, skipped_blocks, ..Extraction::default() };
    extraction.teasers = teasers(&homes.others, page, &facts, homes.kind);
    extraction.state_links = embedded::addresses(&state, page);
    if let Some(mut home) = homes.home.filter(|_| options.most > 0) {
        extraction.disagreements = named_counts(&home);
        // The country says how the text of an address is written.
        rules::set_country(&mut home, &rules.constants);
        extraction.listings.push(finisher.home(home.learn_from_page(page, &facts)));
    } else if homes.kind == PageKind::List && rules.list_items {
        (extraction.listings, extraction.unkeyed) = entries(homes.others, &finisher, options.most);
        if extraction.unkeyed > 0 {
            notes.add(|| format!("{} entries have no key or no page of their own", extraction.unkeyed));
        }
    }
    if let Some(reason) = page.truncation() {
        notes.add(|| format!("the page was not read to its end: {reason}"));
    }
    extraction.signs = signs(&facts, &extraction);
    (extraction, readouts.explained(notes))
}

/// What the rules read of the page; `None` without rules for fields.
fn told_by_rules(page: &Page, rules: &CompiledRules, sources: &Sources<'_>, notes: &Notes) -> Option<Draft> {
    let reads = !rules.fields.is_empty() && !page.budget().is_spent();
    reads.then(|| rules::read(rules, sources, notes))
}

/// What the rules say of the page by its address.
fn expected(page: &Page, rules: &CompiledRules) -> Expected {
    if rules.detail.is_none() {
        return Expected::Unknown;
    }
    let is_detail = [page.url(), page.canonical()].into_iter().any(|url| rules.is_detail(url.as_str()));
    if is_detail { Expected::Home } else { Expected::NoHome }
}

fn named_counts(home: &Draft) -> BTreeMap<String, u32> {
    home.disagreements.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
}

/// The pages of other homes, on the page's own host.
fn teasers(others: &[Candidate], page: &Page, facts: &PageFacts, kind: PageKind) -> Vec<Url> {
    let is_home =
        |draft: &Draft| !draft.list_page && (draft.is_listing() || draft.in_list || draft.residence);
    let told = others.iter().filter(|one| is_home(&one.draft) && !one.agreement.own_url);
    let told = told.filter_map(|one| Url::parse(one.draft.property.source_url.as_deref()?).ok());
    // A page that is neither shows links with prices that may be anything.
    let cards = facts.card_links.iter().filter(|_| kind != PageKind::Neither).cloned();
    let cards = cards.filter_map(page_url::normalise);
    let own = page.url();
    let is_here = |url: &Url| url.host_str() == own.host_str() && url.port() == own.port();
    let mut seen = HashSet::from([own.clone(), page.canonical().clone()]);
    told.chain(cards).filter(|url| is_here(url) && seen.insert(url.clone())).take(MAX_TEASERS).collect()
}

/// The entries of a list that have a key and a page of their own, and how many listings have not.
fn entries(others: Vec<Candidate>, finisher: &Finisher<'_>, most: usize) -> (Vec<Listing>, u32) {
    let mut taken = HashSet::new();
    let mut listings = Vec::new();
    let mut unkeyed = 0_u32;
    for one in others.into_iter().filter(|one| one.draft.is_listing()) {
        if listings.len() >= most {
            break;
        }
        let listing = finisher.entry(one.draft).filter(|_| !one.agreement.own_url);
        match listing.filter(|listing| taken.insert(listing.property.listing_key.clone())) {
            Some(listing) => listings.push(listing),
            None => unkeyed = unkeyed.saturating_add(1),
        }
    }
    (listings, unkeyed)
}

fn signs(facts: &PageFacts, extraction: &Extraction) -> PageSigns {
    let shows_home =
        facts.main_price.as_ref().is_some_and(|price| price.amount.is_some()) && facts.has_rooms_or_area;
    PageSigns {
        gone: facts.gone,
        wall: facts.wall,
        looks_like_listing: shows_home
            && extraction.kind == PageKind::Neither
            && extraction.listings.is_empty(),
        shape: facts.shape,
    }
}

/// Drafts of all layers so far, in the order of the layers.
struct MergedDrafts<'a> {
    page: &'a Page,
    drafts: Vec<Draft>,
    by_name: HashMap<String, usize>,
}

impl<'a> MergedDrafts<'a> {
    fn new(page: &'a Page) -> Self {
        Self { page, drafts: Vec::new(), by_name: HashMap::new() }
    }

    /// Adds what one layer found; layers come best first.
    fn add(&mut self, layer: LayerResult) {
        let mut own = Self::new(self.page);
        for draft in layer.drafts {
            own.add_draft(Draft { layer: layer.kind, ..draft });
        }
        for draft in own.drafts {
            self.add_draft(draft);
        }
    }

    fn add_draft(&mut self, draft: Draft) {
        let names = draft.names();
        if draft.list_page || !self.page.budget().charge_steps(DRAFT_STEPS + NAME_STEPS * names.len() as u64)
        {
            return self.drafts.push(draft);
        }
        let same = names.iter().find_map(|name| {
            let at = *self.by_name.get(name)?;
            self.drafts.get(at)?.is_same(&draft, name).then_some(at)
        });
        let at = match same {
            Some(at) => {
                self.drafts[at].merge_from(draft);
                at
            }
            None => {
                self.drafts.push(draft);
                self.drafts.len() - 1
            }
        };
        for name in names {
            self.by_name.entry(name).or_insert(at);
        }
    }
}
