//! Teasers: blocks that lead to the page of another home and show its picture or its price. Three like ones are cards;
//! these are found also where a page has one or two. What is in them is about other homes.

use super::marks::Marks;
use super::outline::{Block, Outline};
use crate::base::text::truncate;
use crate::crawler::budget::PageBudget;

/// Elements around a link that may be its teaser.
const MAX_CLIMB: usize = 4;
/// Bytes, texts and elements of a teaser.
const MAX_TEXT: usize = 600;
const MAX_TEXTS: usize = 20;
const MAX_ELEMENTS: usize = 150;
/// Texts and distance from the link of a teaser whose tag and class say nothing.
const MAX_PLAIN_TEXTS: usize = 8;
const MAX_PLAIN_CLIMB: usize = 2;
/// Steps of a link.
const LINK_STEPS: u64 = 80;
/// Bytes of an address and of a class that are read.
const MAX_BYTES: usize = 240;

/// Words in the addresses of pages that are about no other home.
const SERVICES: [&str; 24] = [
    "contact",
    "kontakt",
    "mortgage",
    "calculat",
    "financ",
    "loan",
    "valuation",
    "login",
    "signin",
    "register",
    "account",
    "favorit",
    "favourit",
    "agent",
    "agenc",
    "broker",
    "makler",
    "office",
    "team",
    "viewing",
    "photo",
    "gallery",
    "search",
    "share",
];

/// Words of the classes of teasers.
const CARD_WORDS: [&str; 7] = ["card", "tile", "teaser", "result", "thumb", "thumbnail", "listitem"];

/// Marks the teasers of a page, and all that is in them.
pub(super) fn mark(outline: &mut Outline<'_>, budget: &PageBudget) {
    let elsewhere = Marks::NAV.with(Marks::FOOTER).with(Marks::CARD).with(Marks::TEASER);
    for place in 0..outline.blocks.len() {
        let Some(block) = outline.blocks.get(place) else { return };
        let is_link = block.targets.first.is_some_and(|target| target.block == place);
        if !is_link || block.marks.has(elsewhere) || leads_to_service(block) {
            continue;
        }
        if !budget.charge_steps(LINK_STEPS + 4 * (block.end - place).min(MAX_ELEMENTS) as u64) {
            return;
        }
        let Some((start, end)) = teaser_of(outline, place) else { continue };
        if !budget.charge_steps((end - start) as u64) {
            return;
        }
        for inside in outline.blocks.get_mut(start..end).unwrap_or_default() {
            inside.marks.add(Marks::TEASER);
        }
    }
}

/// The teaser around the link at `link`, as a range of places: the largest one that its tag or class names, else the
/// smallest one.
fn teaser_of(outline: &Outline<'_>, link: usize) -> Option<(usize, usize)> {
    let (mut named, mut plain) = (None, None);
    let mut place = link;
    for distance in 0..=MAX_CLIMB {
        let block = outline.blocks.get(place)?;
        if !may_be_teaser(outline, place, block) {
            break;
        }
        let source = outline.blocks.get(link)?;
        if is_named(block) && shows_home(outline, block, source) {
            named = Some((place, block.end));
        } else if plain.is_none() && distance <= MAX_PLAIN_CLIMB && is_plain_teaser(outline, block, source) {
            plain = Some((place, block.end));
        }
        if block.parent == place {
            break;
        }
        place = block.parent;
    }
    named.or(plain)
}

/// Whether a block is small enough, and does not hold the page's main heading.
fn may_be_teaser(outline: &Outline<'_>, place: usize, block: &Block<'_>) -> bool {
    let holds_main = outline.heading.is_some_and(|main| (place..block.end).contains(&main));
    !holds_main
        && !matches!(block.name(), "html" | "body" | "main")
        && block.text_bytes <= MAX_TEXT
        && block.texts() <= MAX_TEXTS
        && block.end - place <= MAX_ELEMENTS
}

/// Whether the tag or the class of a block says that it is one of several things.
pub(super) fn is_named(block: &Block<'_>) -> bool {
    matches!(block.name(), "article" | "li") || has_card_class(block)
}

/// Whether a word of the class is that of a card.
pub(super) fn has_card_class(block: &Block<'_>) -> bool {
    let class = truncate(block.element.attr("class").unwrap_or_default(), MAX_BYTES);
    let mut words = class.split(|one: char| !one.is_ascii_alphanumeric());
    words.any(|word| CARD_WORDS.iter().any(|known| word.eq_ignore_ascii_case(known)))
}

/// Whether a named block shows what the link leads to.
fn shows_home(outline: &Outline<'_>, block: &Block<'_>, link: &Block<'_>) -> bool {
    if block.prices > 0 && (block.name() != "li" || has_card_class(block)) {
        return true;
    }
    let leads = link.first_text == block.first_text && link.texts() > 0;
    let is_shown = link.has_image || holds_heading(outline, link) || leads;
    is_shown && (block.prices > 0 || block.has_image)
}

/// Whether a block without a name shows a price, and the link the picture or the name of a home.
fn is_plain_teaser(outline: &Outline<'_>, block: &Block<'_>, link: &Block<'_>) -> bool {
    let is_box = matches!(block.name(), "div" | "section" | "figure" | "td" | "aside");
    if !is_box || block.prices == 0 || block.texts() > MAX_PLAIN_TEXTS {
        return false;
    }
    let is_behind = outline.heading_texts().is_some_and(|(_, end)| block.first_text >= end);
    let has_number = outline.texts_in(link).iter().any(|text| text.has_digit && !text.has_currency);
    let leads = is_behind && has_number && link.first_text == block.first_text;
    link.has_image || holds_heading(outline, link) || leads
}

/// Whether a heading is in a block, or around all of its text.
fn holds_heading(outline: &Outline<'_>, block: &Block<'_>) -> bool {
    let Some(target) = block.targets.first else { return false };
    let inside = outline.blocks.get(target.block..block.end).unwrap_or_default();
    let is_heading = |block: &Block<'_>| block.level > 1 && block.texts() > 0;
    inside.iter().any(is_heading) || outline.parent_of(block).is_some_and(is_heading)
}

/// Whether a link leads to a page that is about no home.
pub(super) fn leads_to_service(link: &Block<'_>) -> bool {
    let href = truncate(link.element.attr("href").unwrap_or_default(), MAX_BYTES);
    let path = href.split(['?', '#']).next().unwrap_or_default().to_ascii_lowercase();
    SERVICES.iter().any(|word| path.contains(word))
}

#[cfg(test)]
mod tests {
    use super::super::regions;
    use super::super::visit::outline;
    use super::*;
    use crate::crawler::page::Page;

    fn is_teaser(html: &str, text: &str) -> bool {
        let url = "https://homes.example.com/sale/house-1".parse().unwrap();
        let page = Page::parse(html, &url, PageBudget::for_page(html.len()));
        let mut outline = outline(&page);
        regions::mark(&mut outline, &page);
        let piece = outline.pieces.iter().find(|piece| piece.text == text).unwrap();
        outline.marks_of(piece).has(Marks::TEASER)
    }

    #[test]
    fn one_block_that_leads_to_another_home_is_a_teaser() {
        for block in [
            "<div class=card><a href=/sale/house-2>Elm Road</a><p>£201,000</p></div>",
            "<div class=card><p>£201,000</p><a href=/sale/house-2>More</a></div>",
            "<article><a href=/sale/house-2><img></a><p>£201,000</p></article>",
            "<ul><li><a href=/sale/house-2>Elm Road</a> <b>£201,000</b></li></ul>",
            "<div><a href=/sale/house-2><h3>Elm Road</h3></a><p>£201,000</p></div>",
            "<div><h3><a href=/sale/house-2>Elm Road</a></h3><p>£201,000</p></div>",
            "<div><a href=/sale/house-2>12 Elm Road</a><p>£201,000</p></div>",
        ] {
            assert!(is_teaser(&format!("<h1>Acme</h1>{block}"), "£201,000"), "{block}");
        }
    }

    #[test]
    fn links_beside_the_price_of_a_home_make_no_teaser() {
        for block in [
            "<div><p>£201,000</p><a href=/costs>Costs</a></div>",
            "<div class=card><p>£201,000</p><a href=/mortgage-calculator>Costs</a></div>",
            "<div class=card><p>£201,000</p><a href=/sale/house-1/photos>Photos</a></div>",
            "<div><a href=/leeds>Leeds</a><p>£201,000</p></div>",
            "<ul><li><b>£201,000</b> <a href=/costs>Costs</a></li></ul>",
            "<div class=agent><a href=/agents/7><img></a></div><p>£201,000</p>",
        ] {
            assert!(!is_teaser(&format!("<h1>House</h1>{block}"), "£201,000"), "{block}");
        }
        assert!(!is_teaser(
            "<article><h1>House</h1><p>£201,000</p><a href=/sale/house-2><img></a></article>",
            "£201,000"
        ));
    }
}
