//! Finds the one home that a page is about among everything that its data mention, and joins to it what belongs to it:
//! offers, analytics, targeting and forms that contradict nothing. Every other home is a neighbour. Rules of the spider may
//! say that the page is that of a home, or is not, and win over what the home's layers told.

use std::cmp::Reverse;

use super::agreement::{Agreement, Candidate, PageIdentity};
use super::draft::Draft;
use super::extraction::{Layer, Origin, PageKind};
use super::html::PageFacts;
use super::notes::Notes;
use super::page_kind::{self, Surroundings};
use super::rules;
use super::set_field::is_better_status;

/// The badge's place in [`Draft::origins`].
const BADGE: &str = "badge";

/// What the page is about.
pub(super) struct Homes {
    pub(super) kind: PageKind,
    pub(super) home: Option<Draft>,
    /// What did not become a part of the home.
    pub(super) others: Vec<Candidate>,
}

/// What the rules of a spider say of a page's kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Expected {
    #[default]
    Unknown,
    /// Its address is that of a home.
    Home,
    /// It is not: the rules say what the addresses of homes look like.
    NoHome,
}

/// What the rules of a spider say of a page.
pub(super) struct Ruling<'a> {
    pub(super) expected: Expected,
    /// What they read of it.
    pub(super) told: Option<Draft>,
    pub(super) notes: &'a Notes,
}

/// Finds the home among `drafts`, which are in the order of their layers.
pub(super) fn choose(
    drafts: Vec<Draft>,
    identity: &PageIdentity<'_>,
    facts: &PageFacts,
    ruling: Ruling<'_>,
) -> Homes {
    let compared = drafts.into_iter().map(|draft| Candidate { agreement: identity.agreement(&draft), draft });
    let all: Vec<Candidate> = compared.collect();
    let around = Surroundings::of(&all, facts);
    let Ruling { expected, told, notes } = ruling;
    if expected == Expected::NoHome {
        notes
            .add(|| "the address does not match `detail`, so that the page is not that of a home".to_owned());
        return Homes { kind: around.kind(), home: None, others: all };
    }
    // What a wall shows is no home, whatever its address is.
    let is_expected = expected == Expected::Home && !facts.wall;
    let (home, agreement, others) = match anchor(&all, facts, is_expected) {
        Some(at) => {
            let agreement = all[at].agreement;
            let (home, others) = gather(all, at);
            (Some(with_badge(home, facts)), agreement, others)
        }
        None => (None, Agreement::default(), all),
    };
    let is_told = home.as_ref().is_some_and(|home| page_kind::is_home_of_page(home, agreement, &around));
    let has_rules = told.as_ref().is_some_and(|told| !told.origins.is_empty());
    let home = match (told, home) {
        (Some(told), Some(home)) => Some(rules::over(told, home)),
        (Some(told), None) if has_rules => Some(told),
        (_, home) => home,
    };
    // Rules are read of every page: on a list they find something of its first entry.
    let is_ruled = has_rules && around.kind() == PageKind::Neither && !facts.wall;
    let may_be_home = |home: &Draft| {
        is_told
            || is_expected && (home.is_listing() || home.has_price() || home.home_facts() > 0)
            || is_ruled && home.is_listing()
    };
    if !home.as_ref().is_some_and(may_be_home) {
        notes.add(|| why_no_home(home.as_ref(), &around, facts));
        return Homes { kind: around.kind(), home: None, others };
    }
    Homes { kind: PageKind::Detail, home, others }
}

/// The home with the status of the badge that the page shows, where that says more.
fn with_badge(mut home: Draft, facts: &PageFacts) -> Draft {
    if let Some(status) = facts.status_badge
        && is_better_status(home.property.standard_status, status)
    {
        home.property.standard_status = Some(status);
        home.origins.insert("standard_status", Origin { layer: Layer::Html, fragment: BADGE.to_owned() });
    }
    home
}

/// Why the page tells no home of its own.
fn why_no_home(home: Option<&Draft>, around: &Surroundings, facts: &PageFacts) -> String {
    let reason = match (home, around.kind()) {
        _ if facts.wall => "the page asks for consent, a log-in or proof of being human",
        (_, PageKind::List) => {
            "the page looks like a list of homes; `detail` says which addresses are those of single homes"
        }
        (None, _) => "nothing that was read is a home: no data, no labels and no price of one",
        (Some(home), _) if !home.has_price() && home.home_facts() == 0 => {
            "what was read has neither a price nor a fact of a home, such as rooms, an area or a street"
        }
        (Some(home), _) if !home.has_price() => "what was read of the home has no price",
        (Some(home), _) if home.home_facts() == 0 => {
            "what was read has a price and no fact of a home, such as rooms, an area or a street"
        }
        _ => "nothing says that what was read is the home that the page is about",
    };
    format!("no home: {reason}")
}

impl Candidate {
    /// Whether this may be the home of the page, or a part of it.
    fn may_be_here(&self) -> bool {
        let is_entry = self.draft.in_list && !self.agreement.is_named();
        !self.draft.list_page && !is_entry && !self.agreement.is_elsewhere()
    }

    /// Whether the visible price is that of this: its street is in the heading, and its data tell no price.
    fn is_priced_by_page(&self) -> bool {
        let draft = &self.draft;
        draft.layer != Layer::Html && self.agreement.heading && draft.has_street() && !draft.has_price()
    }

    /// How much speaks for this being the home of the page.
    fn score(&self) -> i32 {
        let draft = &self.draft;
        let known =
            [draft.residence, draft.has_price(), draft.has_street(), draft.property.listing_key.is_some()];
        self.agreement.score() + known.into_iter().filter(|known| *known).count() as i32
    }
}

/// The candidate that the others are compared with. `is_expected`: the page is known to be that of a home.
fn anchor(all: &[Candidate], facts: &PageFacts, is_expected: bool) -> Option<usize> {
    let is_priced = facts.main_price.as_ref().is_some_and(|price| price.amount.is_some())
        && all.iter().any(|one| one.draft.layer == Layer::Html && one.draft.has_price());
    let listings: Vec<usize> = indexes(all, |one| {
        one.may_be_here() && (one.draft.is_listing() || is_priced && one.is_priced_by_page())
    });
    if let Some(best) = best(all, &listings) {
        return (is_expected || !is_ambiguous(all, &listings, best)).then_some(best);
    }
    // The only listing of a page is its home, also if it is the only entry of a list.
    let entries = indexes(all, |one| one.draft.is_listing());
    if let [entry] = entries[..] {
        return (!all[entry].agreement.is_elsewhere()).then_some(entry);
    }
    // Neither is a listing by itself: an offer in the data, and the rooms in the visible text.
    let parts = indexes(all, |one| one.may_be_here() && !one.draft.is_blank());
    let visible = parts.iter().copied().find(|at| all[*at].draft.layer == Layer::Html);
    visible.or_else(|| best(all, &parts))
}

fn indexes(all: &[Candidate], fits: impl Fn(&Candidate) -> bool) -> Vec<usize> {
    (0..all.len()).filter(|at| fits(&all[*at])).collect()
}

fn best(all: &[Candidate], among: &[usize]) -> Option<usize> {
    among.iter().copied().max_by_key(|at| (all[*at].score(), Reverse(all[*at].draft.layer), Reverse(*at)))
}

/// Whether another home has as much for it, and nothing says which of the two the page is about.
fn is_ambiguous(all: &[Candidate], among: &[usize], best: usize) -> bool {
    let chosen = &all[best];
    let mut rivals = among.iter().copied().filter(|at| *at != best).map(|at| &all[at]);
    !chosen.agreement.holds()
        && rivals.any(|rival| {
            rival.draft.layer == chosen.draft.layer
                && rival.score() >= chosen.score()
                && !belongs(rival, chosen, false)
        })
}

/// Joins everything that belongs to the candidate at `anchor`, the best layer first.
fn gather(all: Vec<Candidate>, anchor: usize) -> (Draft, Vec<Candidate>) {
    let priced =
        indexes(&all, |one| one.may_be_here() && one.draft.has_price() && one.draft.layer != Layer::Html);
    let is_member = |at: usize| at == anchor || belongs(&all[at], &all[anchor], priced == [at]);
    let members: Vec<bool> = (0..all.len()).map(is_member).collect();
    let (key, agreement) = (all[anchor].draft.property.listing_key.clone(), all[anchor].agreement);
    let (mut parts, mut others) = (Vec::new(), Vec::new());
    for (at, one) in all.into_iter().enumerate() {
        if members[at] {
            parts.push((one.draft.layer, at != anchor, at, one.draft));
        } else {
            others.push(one);
        }
    }
    parts.sort_by_key(|(layer, is_part, at, _)| (*layer, *is_part, *at));
    let mut parts = parts.into_iter().map(|(_, _, _, draft)| draft);
    let first = parts.next().unwrap_or_else(|| Draft::new(Layer::Html));
    let mut home = parts.fold(first, |mut home, part| {
        home.merge_from(part);
        home
    });
    // The key in the page's address is the home's, whatever other data call it.
    if agreement.key {
        home.property.listing_key = key;
    }
    (home, others)
}

/// Whether `part` tells of the same home as `anchor`. `is_only_price`: no other data of the page have a price.
fn belongs(part: &Candidate, anchor: &Candidate, is_only_price: bool) -> bool {
    let (draft, home) = (&part.draft, &anchor.draft);
    if !part.may_be_here() || draft.is_other_place(home) {
        return false;
    }
    if draft.layer == Layer::Html {
        return !draft.has_other_facts_than(home) || anchor.agreement.holds();
    }
    if home.layer == Layer::Html && !home.is_listing() {
        return is_part_of_text(part, home, is_only_price);
    }
    if part.agreement.is_named() && anchor.agreement.is_named() {
        return !(draft.has_other_price_than(home) && draft.has_other_facts_than(home));
    }
    let shared = draft.facts_shared_with(home);
    // Two homes are declared; without anything in common they are two.
    if shared == 0 && draft.layer == home.layer && draft.residence && home.residence && draft.is_listing() {
        return false;
    }
    let is_street = draft.has_street_of(home);
    if draft.has_other_key_than(home) {
        return !draft.differs_from(home) && shared >= 2;
    }
    if draft.differs_from(home) {
        return is_street && !draft.has_other_facts_than(home);
    }
    let brings_price = draft.has_price() && !home.has_price();
    if brings_price && !is_only_price && shared == 0 {
        return false;
    }
    draft.layer != Layer::PageState || shared > 0 || brings_price
}

/// Whether data that are no listing by themselves are what the visible text tells of.
fn is_part_of_text(part: &Candidate, text: &Draft, is_only_price: bool) -> bool {
    let is_priced = part.draft.has_price();
    !part.draft.differs_from(text) && (!is_priced || is_only_price || part.agreement.holds())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::crawler::budget::PageBudget;
    use crate::crawler::extract::draft::At;
    use crate::crawler::extract::extraction::{ExtractOptions, Extraction};
    use crate::crawler::extract::field::{Field, KeyRank};
    use crate::crawler::extract::layers::listings;
    use crate::crawler::extract::values;
    use crate::crawler::page::Page;
    use crate::protocol::spider_rules::CompiledRules;

    fn draft(layer: Layer, facts: &[(Field, Value)]) -> Draft {
        let base = "https://homes.example.com/h/K1-7".parse().unwrap();
        let budget = PageBudget::for_page(10_000);
        let mut draft = Draft::new(layer);
        for (field, value) in facts {
            draft.set(*field, value, &At { base: &base, budget: &budget, fragment: "" });
        }
        draft
    }

    fn home(key: &str, price: u32, url: Option<&str>) -> Draft {
        let mut facts = vec![
            (Field::Key(KeyRank::Listing), json!(key)),
            (Field::ListPrice, json!(price)),
            (Field::Bedrooms, json!(3)),
        ];
        facts.extend(url.map(|url| (Field::Url, json!(url))));
        draft(Layer::PageState, &facts)
    }

    fn unruled(notes: &Notes) -> Ruling<'_> {
        Ruling { expected: Expected::Unknown, told: None, notes }
    }

    fn chosen(drafts: Vec<Draft>, facts: &PageFacts) -> (PageKind, Option<String>, usize) {
        let url = "https://homes.example.com/h/K1-7".parse().unwrap();
        let page = Page::parse("", &url, PageBudget::for_page(10_000));
        let homes = choose(drafts, &PageIdentity::new(&page, facts), facts, unruled(&Notes::new(false)));
        let key = homes.home.map(|home| home.property.listing_key.unwrap_or_default());
        (homes.kind, key, homes.others.len())
    }

    #[test]
    fn the_home_is_what_the_address_names() {
        let drafts =
            vec![home("N1", 1_000, Some("/h/N1")), home("K1-7", 2_000, None), home("N2", 3_000, None)];

        assert_eq!(chosen(drafts, &PageFacts::default()), (PageKind::Detail, Some("K1-7".to_owned()), 2));
    }

    #[test]
    fn a_single_home_without_another_address_is_the_home() {
        let drafts = vec![home("A", 1_000, None), home("N1", 2_000, Some("/h/N1"))];

        assert_eq!(chosen(drafts, &PageFacts::default()), (PageKind::Detail, Some("A".to_owned()), 1));
    }

    #[test]
    fn homes_that_nothing_distinguishes_are_a_list() {
        let drafts = vec![home("A", 1_000, None), home("B", 2_000, None)];

        assert_eq!(chosen(drafts, &PageFacts::default()), (PageKind::List, None, 2));
    }

    #[test]
    fn one_entry_with_another_address_is_a_list() {
        let drafts = vec![home("N1", 1_000, Some("/h/N1"))];

        assert_eq!(chosen(drafts, &PageFacts::default()), (PageKind::List, None, 1));
    }

    #[test]
    fn like_cards_without_a_home_that_agrees_are_a_list() {
        let facts = PageFacts { cards: 12, ..PageFacts::default() };

        assert_eq!(chosen(vec![home("A", 1_000, None)], &facts).0, PageKind::List);
        assert_eq!(chosen(vec![home("K1-7", 1_000, None)], &facts).0, PageKind::Detail);
    }

    #[test]
    fn keyless_data_join_the_home_or_vanish() {
        let price = |amount: u32| (Field::ListPrice, json!(amount));
        let analytics = draft(Layer::PageState, &[price(2_000), (Field::YearBuilt, json!(1950))]);
        let form = draft(Layer::PageState, &[price(900), (Field::Bedrooms, json!(1))]);
        let named = draft(Layer::JsonLd, &[(Field::Name, json!("Home")), price(2_000)]);
        let url = "https://homes.example.com/h/K1-7".parse().unwrap();
        let page = Page::parse("", &url, PageBudget::for_page(10_000));
        let facts = PageFacts::default();

        let drafts = vec![named, analytics, form, home("K1-7", 2_000, None)];
        let notes = Notes::new(false);
        let homes = choose(drafts, &PageIdentity::new(&page, &facts), &facts, unruled(&notes));

        let found = homes.home.unwrap();
        assert_eq!((found.property.year_built, found.property.bedrooms_total), (Some(1950), Some(3)));
        assert_eq!((found.layer, homes.others.len()), (Layer::JsonLd, 1));
    }

    #[test]
    fn a_search_form_is_no_home() {
        let form =
            draft(Layer::PageState, &[(Field::ListPrice, json!("100000")), (Field::Bedrooms, json!(1))]);

        assert_eq!(chosen(vec![form], &PageFacts::default()), (PageKind::Neither, None, 0));
    }

    fn ruled(
        drafts: Vec<Draft>,
        expected: Expected,
        told: Option<Draft>,
    ) -> (PageKind, Option<Draft>, Vec<String>) {
        let url = "https://homes.example.com/h/K1-7".parse().unwrap();
        let page = Page::parse("", &url, PageBudget::for_page(10_000));
        let (facts, notes) = (PageFacts::default(), Notes::new(true));
        let ruling = Ruling { expected, told, notes: &notes };
        let homes = choose(drafts, &PageIdentity::new(&page, &facts), &facts, ruling);
        (homes.kind, homes.home, notes.into_lines())
    }

    #[test]
    fn rules_say_whether_a_page_is_that_of_a_home() {
        let two = || vec![home("A", 1_000, None), home("B", 2_000, None)];
        let priced = || vec![draft(Layer::Html, &[(Field::ListPrice, json!("€900"))])];

        let (kind, found, _) = ruled(two(), Expected::Home, None);
        assert_eq!((kind, found.unwrap().property.listing_key.as_deref()), (PageKind::Detail, Some("A")));
        let (kind, found, notes) = ruled(vec![home("K1-7", 1_000, None)], Expected::NoHome, None);
        assert_eq!((kind, found.is_none()), (PageKind::Neither, true));
        assert!(notes[0].contains("`detail`"), "{notes:?}");
        assert_eq!(ruled(priced(), Expected::Home, None).0, PageKind::Detail);
        let (kind, _, notes) = ruled(priced(), Expected::Unknown, None);
        assert_eq!(kind, PageKind::Neither);
        assert!(notes[0].contains("no fact of a home"), "{notes:?}");
        assert_eq!(ruled(Vec::new(), Expected::Home, None).0, PageKind::Neither);
    }

    #[test]
    fn what_rules_read_makes_a_home_of_a_page_that_is_no_list() {
        let told = || {
            let facts = [(Field::ListPrice, json!("€900")), (Field::Bedrooms, json!(2))];
            Some(draft(Layer::Rule, &facts))
        };

        let (kind, found, _) = ruled(Vec::new(), Expected::Unknown, told());
        assert_eq!((kind, found.unwrap().property.list_price), (PageKind::Detail, Some(900.0)));
        let list = vec![home("N1", 1_000, Some("/h/N1")), home("N2", 2_000, Some("/h/N2"))];
        let (kind, found, notes) = ruled(list, Expected::Unknown, told());
        assert_eq!((kind, found.is_none()), (PageKind::List, true));
        assert!(notes[0].contains("list of homes"), "{notes:?}");
    }

    fn read(html: &str) -> Extraction {
        let url = "https://homes.example.com/h/elm".parse().unwrap();
        let page = Page::parse(html, &url, PageBudget::for_page(html.len()));
        listings(&page, ExtractOptions { most: 10, rules: &CompiledRules::default(), explain: false })
    }

    #[test]
    fn the_home_of_a_page_is_told_beside_cards_under_any_heading() {
        let card = |at: u32| {
            format!("<li class=card><a href=/h/{at}><img></a><h3>T{at}</h3><b>£{at}00,000</b></li>")
        };
        let cards: String = (2..5).map(card).collect();
        let found = read(&format!(
            "<h1>12 Elm Street</h1><p class=price>£425,000</p><p>3 bedrooms</p><h2>Blog</h2><ul>{cards}</ul>"
        ));

        assert_eq!(found.kind, PageKind::Detail);
        assert_eq!(found.listings[0].property.list_price, Some(425_000.0));
    }

    #[test]
    fn pages_without_a_home_tell_none() {
        let card = "<div class=card><a href=/h/2>Elm Road</a><p>£201,000</p><p>3 bedrooms</p></div>";
        for html in [
            format!("<h1>Acme Estate Agents</h1>{card}"),
            format!("<h1>Acme Estate Agents</h1>{card}{}", card.replace("/h/2", "/h/3")),
            format!("<h1>Ann Smith</h1><p>Agent</p>{card}"),
            "<h1>How to buy a 3 bedroom house</h1><p>Expect £285,000.</p>".to_owned(),
            "<h1>Mortgage calculator</h1><p>Price: £285,000</p><p>Bedrooms: 3</p>".to_owned(),
        ] {
            assert_eq!(read(&html).listings, [], "{html}");
        }
    }

    #[test]
    fn a_lone_home_that_contradicts_the_page_is_another() {
        let data = json!({"@type": "House", "numberOfBedrooms": 3, "address": {"streetAddress": "5 Oak Road"},
            "offers": {"price": 200_000, "priceCurrency": "USD"}});
        let data = format!("<script type='application/ld+json'>{data}</script>");

        let found = read(&format!("<h1>12 Elm Street</h1><p class=price>£425,000</p>{data}"));
        let unseen = read(&format!("<h1>12 Elm Street</h1>{data}"));

        assert!(found.listings.iter().all(|one| one.property.list_price != Some(200_000.0)));
        assert_eq!(unseen.listings.len(), 1);
    }

    #[test]
    fn a_home_without_a_price_in_the_heading_has_the_visible_one() {
        let facts = PageFacts {
            headings: vec!["12 Elm Street".to_owned()],
            main_price: Some(values::price_text("£425,000")),
            ..PageFacts::default()
        };
        let told = draft(Layer::PageState, &[(Field::Street, json!("12 Elm Street"))]);
        let text = draft(Layer::Html, &[(Field::ListPrice, json!("£425,000"))]);
        let mut neighbour = home("N1", 300_000, None);
        neighbour.in_list = true;
        let url = "https://homes.example.com/h/elm".parse().unwrap();
        let page = Page::parse("", &url, PageBudget::for_page(10_000));

        let notes = Notes::new(false);
        let ruling = Ruling { expected: Expected::Unknown, told: None, notes: &notes };
        let homes = choose(vec![told, neighbour, text], &PageIdentity::new(&page, &facts), &facts, ruling);

        let found = homes.home.unwrap();
        assert!(found.has_street());
        assert_eq!(found.property.list_price, Some(425_000.0));
    }
}
