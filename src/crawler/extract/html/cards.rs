//! Cards: like blocks, each with a link to another page and a price, or with a picture and a text. What is in them is
//! about other homes.

use std::collections::{HashMap, HashSet};

use url::Url;

use super::marks::Marks;
use super::outline::{Block, Outline};
use crate::crawler::page::Page;
use crate::crawler::page_url::normalise;

/// Like blocks that make a list.
const LEAST: usize = 3;
/// Bytes of text of a card.
const MAX_PRICED_TEXT: usize = 2_500;
const MAX_TEXT: usize = 700;
/// Links of cards that are told.
const MAX_LINKS: usize = 200;
/// Steps of an element, and of resolving a link beside those for its length.
const BLOCK_STEPS: u64 = 6;
const LINK_STEPS: u64 = 60;

/// The cards of a page that have a price.
#[derive(Default)]
pub(super) struct Cards {
    /// Those outside of sections of similar homes.
    pub(super) count: usize,
    pub(super) links: Vec<Url>,
}

/// Elements that are alike.
#[derive(Default)]
struct Group {
    blocks: usize,
    cards: usize,
    priced: usize,
    targets: HashSet<u64>,
    shapes: HashSet<u64>,
}

impl Group {
    fn add(&mut self, block: &Block<'_>) {
        self.blocks += 1;
        if !is_card(block) {
            return;
        }
        let Some(target) = block.targets.first else { return };
        self.cards += 1;
        self.priced += usize::from(block.prices > 0);
        if self.targets.len() < MAX_LINKS {
            self.targets.insert(target.hash);
            self.shapes.insert(target.shape);
        }
    }

    fn has_prices(&self) -> bool {
        self.priced * 2 >= self.cards
    }

    /// Without prices pages of one kind have to be linked: the sections of a page have links and pictures as well.
    fn is_list(&self) -> bool {
        let alike = self.cards >= LEAST && self.targets.len() >= LEAST && self.cards * 5 >= self.blocks * 3;
        alike && (self.has_prices() || self.shapes.len() == 1)
    }
}

/// Marks the cards of a page, and all that is in them.
pub(super) fn mark(outline: &mut Outline<'_>, page: &Page) -> Cards {
    if !page.budget().charge_steps(outline.blocks.len() as u64 * BLOCK_STEPS) {
        return Cards::default();
    }
    let mut groups: HashMap<u64, Group> = HashMap::new();
    for block in &outline.blocks {
        if is_candidate(block) {
            groups.entry(block.signature).or_default().add(block);
        }
    }
    groups.retain(|_, group| group.is_list());
    if groups.is_empty() {
        return Cards::default();
    }
    let main = outline.heading;
    let mut cards = Cards::default();
    let mut seen = HashSet::new();
    let mut at = 0;
    while let Some(block) = outline.blocks.get(at) {
        let group = groups.get(&block.signature).filter(|_| is_candidate(block) && is_card(block));
        let holds_main = main.is_some_and(|main| (at..block.end).contains(&main));
        let Some(group) = group.filter(|_| !holds_main) else {
            at += 1;
            continue;
        };
        let (end, target) = (block.end, block.targets.first);
        if group.has_prices() {
            // A row of similar homes stands on the page of a home.
            cards.count += usize::from(!block.marks.has(Marks::SIMILAR));
            let link = target.filter(|target| cards.links.len() < MAX_LINKS && seen.insert(target.hash));
            cards.links.extend(link.and_then(|target| link_of(outline, target.block, page)));
        }
        for inside in outline.blocks.get_mut(at..end).unwrap_or_default() {
            inside.marks.add(Marks::CARD);
        }
        at = end;
    }
    cards
}

/// Whether a block is compared with others. Paragraphs and cells of a table of facts hold links and no cards.
fn is_candidate(block: &Block<'_>) -> bool {
    block.targets.first.is_some()
        && !block.targets.many
        && !block.marks.has(Marks::NAV.with(Marks::FOOTER))
        && !matches!(block.name(), "html" | "body" | "main" | "p" | "dd" | "dt" | "span" | "b" | "strong")
}

fn is_card(block: &Block<'_>) -> bool {
    if block.prices > 0 {
        return block.text_bytes <= MAX_PRICED_TEXT;
    }
    block.has_image && (8..=MAX_TEXT).contains(&block.text_bytes)
}

fn link_of(outline: &Outline<'_>, place: usize, page: &Page) -> Option<Url> {
    let href = outline.blocks.get(place)?.element.attr("href")?.trim();
    let length = (page.base().as_str().len() + href.len()) as u64;
    if !page.budget().charge_steps(LINK_STEPS + length) {
        return None;
    }
    normalise(page.base().join(href).ok()?)
}
