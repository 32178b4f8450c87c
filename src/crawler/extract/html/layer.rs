//! Reads the visible part of a page in one walk, and puts its answers together.

use serde_json::Value;

use super::super::draft::{At, Draft};
use super::super::extraction::{Layer, LayerResult};
use super::super::field::Field;
use super::super::values::{self, Amount};
use super::dictionary::Meaning;
use super::draft_facts::apply_pair;
use super::facts::{HtmlResult, PageFacts};
use super::fold::fold;
use super::labels::Pair;
use super::loose_facts::LooseFact;
use super::marks::Marks;
use super::meta::Metas;
use super::outline::{Outline, push_collapsed};
use super::price_element::MainPrice;
use super::{
    badges, breadcrumbs, data_attributes, labels, loose_facts, price_element, regions, section_headings,
    shape, signs, visible_address, visit,
};
use crate::base::text::truncate;
use crate::crawler::page::Page;

/// Characters of a heading, and `h1` elements that are told.
const MAX_HEADING: usize = 200;
const MAX_H1: usize = 3;
/// Labels that only homes have, from which on the page is one of a home.
const HOME_LABELS: usize = 2;
/// Texts between the main heading and the facts of its home.
const FACTS_BEFORE: isize = 12;
const FACTS_BEHIND: isize = 60;

/// What the visible part of `page` says.
pub(in crate::crawler::extract) fn read(page: &Page) -> HtmlResult {
    let budget = page.budget();
    let mut outline = visit::outline(page);
    let cards = regions::mark(&mut outline, page);
    let outline = outline;
    let metas = Metas::new(&outline, page);
    let headings = headings(&outline, &metas);
    let mut prices = price_element::prices(&outline, &headings, budget);
    let pairs = labels::pairs(&outline, budget);
    let loose = loose_facts::facts(&outline, &headings, budget);
    let is_calculator = is_calculator(&outline, &headings);
    if is_calculator {
        prices.main = None;
    }
    let badge = badges::badge(&outline, prices.main.as_ref().map(|main| main.place), budget);
    let tells_home = tells_home(&outline, prices.main.as_ref(), &pairs, &loose);
    let has_rooms_or_area = !loose.is_empty() || pairs.iter().any(|pair| pair.meaning.is_rooms_or_area());
    let signs = signs::signs(&outline, prices.main.is_some() || has_rooms_or_area, budget);

    let mut draft = Draft::new(Layer::Html);
    metas.set_price(&mut draft);
    let main = prices.main.as_ref();
    if let Some(main) = main {
        set(&mut draft, Field::ListPrice, &main.text, &main.selector, page);
        set_former_price(&mut draft, main, page);
    }
    set_pairs(&mut draft, &pairs, page);
    data_attributes::set_facts(&mut draft, &outline, page);
    set_loose_facts(&mut draft, &loose, page);
    if let Some(badge) = &badge {
        set(&mut draft, Field::Status, &badge.text, "badge", page);
        // "For sale" says more than that the home is on the market.
        set(&mut draft, Field::ListingType, &badge.text, "badge", page);
    }
    set_name(&mut draft, &outline, &headings, page);
    metas.set_facts(&mut draft);
    let og_type = metas.og_type();
    let visible_address = visible_address::visible_address(&outline, metas.get("og:title"), budget);
    draft.residence = is_home_type(og_type.as_deref()) || has_home_labels(&pairs, &draft) || tells_home;

    let drafts = if draft.is_blank() || is_calculator { Vec::new() } else { vec![draft] };
    HtmlResult {
        layer: LayerResult { kind: Layer::Html, drafts, skipped_blocks: 0 },
        facts: PageFacts {
            meta_currency: metas.currency(),
            headings,
            breadcrumbs: breadcrumbs::breadcrumbs(&outline, budget),
            main_price: prices.main.map(|main| main.price),
            visible_prices: prices.visible,
            prices_near_heading: prices.near,
            tells_home,
            cards: cards.count,
            card_links: cards.links,
            gone: signs.gone,
            wall: signs.wall,
            has_rooms_or_area,
            shape: shape::shape(&outline, page.url(), budget),
            og_type,
            status_badge: badge.map(|badge| badge.status),
            visible_address,
        },
    }
}

fn set(draft: &mut Draft, field: Field, text: &str, fragment: &str, page: &Page) {
    draft.set(field, &Value::from(text), &At { base: page.base(), budget: page.budget(), fragment });
}

/// `og:title`, the title, the first `h1` elements: each once.
fn headings(outline: &Outline<'_>, metas: &Metas<'_>) -> Vec<String> {
    let mut headings: Vec<String> = Vec::new();
    let mut add = |text: &str| {
        let mut heading = String::new();
        push_collapsed(&mut heading, truncate(text, 4 * MAX_HEADING));
        let heading: String = heading.chars().take(MAX_HEADING).collect();
        if !heading.is_empty() && !headings.contains(&heading) {
            headings.push(heading);
        }
    };
    add(metas.get("og:title").unwrap_or_default());
    add(outline.title);
    let h1 = outline.blocks.iter().filter(|block| block.level == 1).take(MAX_H1);
    for block in h1 {
        add(&outline.text_of(block, 4 * MAX_HEADING).unwrap_or_default());
    }
    headings
}

/// The main heading, else what the page is called elsewhere.
fn set_name(draft: &mut Draft, outline: &Outline<'_>, headings: &[String], page: &Page) {
    let block = outline.heading.and_then(|place| outline.blocks.get(place));
    match block.and_then(|block| outline.text_of(block, 4 * MAX_HEADING)) {
        Some(heading) => set(draft, Field::Name, &heading, "h1", page),
        None => {
            if let Some(heading) = headings.first() {
                set(draft, Field::Name, heading, "title", page);
            }
        }
    }
}

/// A price for which the home is sold goes first: with it what looks like a rent is a fee.
fn set_pairs(draft: &mut Draft, pairs: &[Pair], page: &Page) {
    let (sales, others): (Vec<_>, Vec<_>) = pairs.iter().partition(|pair| pair.meaning == Meaning::SalePrice);
    for pair in sales.into_iter().chain(others) {
        apply_pair(draft, pair, page);
    }
}

fn set_loose_facts(draft: &mut Draft, facts: &[LooseFact], page: &Page) {
    for fact in facts {
        set(draft, fact.field, &fact.text, "text", page);
    }
}

/// A price that stands struck out beside the current one.
fn set_former_price(draft: &mut Draft, main: &MainPrice, page: &Page) {
    let (Some(Amount::One(amount)), Some(previous)) = (main.price.amount, main.price.previous) else {
        return;
    };
    if draft.property.list_price == Some(amount) {
        let at = At { base: page.base(), budget: page.budget(), fragment: &main.selector };
        draft.set(Field::OriginalListPrice, &Value::from(previous), &at);
    }
}

/// Whether a price, and rooms or an area, stand near the main heading and in front of all cards.
fn tells_home(outline: &Outline<'_>, main: Option<&MainPrice>, pairs: &[Pair], loose: &[LooseFact]) -> bool {
    let Some(main) = main.filter(|main| matches!(main.price.amount, Some(Amount::One(_)))) else {
        return false;
    };
    let other = Marks::CARD.with(Marks::TEASER);
    let first_card = outline.pieces.iter().position(|piece| outline.marks_of(piece).has(other));
    let is_near = |place: usize| {
        first_card.is_none_or(|card| place < card)
            && outline
                .texts_behind_heading(place)
                .is_some_and(|distance| (-FACTS_BEFORE..=FACTS_BEHIND).contains(&distance))
    };
    let labels = pairs.iter().filter(|pair| pair.meaning.is_rooms_or_area()).map(|pair| pair.place);
    let mut facts = labels.chain(loose.iter().map(|fact| fact.place));
    is_near(main.place) && facts.any(is_near)
}

/// Whether the main heading, else the title, is that of a calculator: what it shows is of no home.
fn is_calculator(outline: &Outline<'_>, headings: &[String]) -> bool {
    let heading = match outline.heading.and_then(|place| outline.blocks.get(place)) {
        Some(block) => outline.text_of(block, section_headings::MAX_HEADING),
        None => headings.first().filter(|title| title.len() <= section_headings::MAX_HEADING).cloned(),
    };
    heading.is_some_and(|heading| {
        !labels::has_digit(&heading) && section_headings::region_of(&fold(&heading)).has(Marks::CALCULATOR)
    })
}

/// Whether two labels that only homes have are on the page, or one beside a price.
fn has_home_labels(pairs: &[Pair], draft: &Draft) -> bool {
    let mut kinds: Vec<Meaning> = Vec::new();
    for pair in pairs.iter().filter(|pair| pair.meaning.is_home_fact()) {
        if !kinds.contains(&pair.meaning) {
            kinds.push(pair.meaning);
        }
    }
    let sized = kinds.iter().any(|kind| kind.is_rooms_or_area());
    kinds.len() >= HOME_LABELS || (sized && draft.has_price())
}

/// `og:type` of a home: `house`, `realestate:apartment`. A product or an article may be anything.
fn is_home_type(og_type: Option<&str>) -> bool {
    let word = og_type.and_then(|kind| kind.rsplit([':', '.', '/']).next());
    word.is_some_and(values::is_home_type)
}
