//! Finds the regions of a page that are not about its home, and hands their marks down to all that is in them.

use super::cards::{self, Cards};
use super::fold::fold_into;
use super::marks::Marks;
use super::outline::Outline;
use super::section_headings::{MAX_HEADING, region_of};
use super::teasers;
use crate::crawler::budget::PageBudget;
use crate::crawler::page::Page;

/// Headings of a page that are read, and the steps of reading one.
const MAX_HEADINGS: usize = 400;
const HEADING_STEPS: u64 = 150;
/// Steps of an element.
const BLOCK_STEPS: u64 = 4;
/// How far a heading is from the section that it begins.
const MAX_CLIMB: usize = 4;
/// Sections after a heading.
const MAX_SIBLINGS: usize = 500;
const SIBLING_STEPS: u64 = 4;
/// A page with less text has no main part to speak of.
const MIN_MAIN_BYTES: usize = 300;

/// Marks all regions. Returns the cards.
pub(super) fn mark(outline: &mut Outline<'_>, page: &Page) -> Cards {
    if !page.budget().charge_steps(outline.blocks.len() as u64 * BLOCK_STEPS) {
        return Cards::default();
    }
    outline.heading = main_heading(outline);
    clear_main_part(outline);
    mark_sections(outline, page);
    hand_down(outline);
    let cards = cards::mark(outline, page);
    teasers::mark(outline, page.budget());
    cards
}

/// The first visible `h1` that is not in a menu, the footer or a question about cookies.
fn main_heading(outline: &Outline<'_>) -> Option<usize> {
    let elsewhere = Marks::NAV.with(Marks::FOOTER).with(Marks::CONSENT);
    let mut side_ends = 0;
    let mut fallback = None;
    for (place, block) in outline.blocks.iter().enumerate() {
        if block.marks.has(elsewhere) && !is_most_of_page(outline, place) {
            side_ends = side_ends.max(block.end);
        }
        if block.level == 1 && block.texts() > 0 {
            if place >= side_ends {
                return Some(place);
            }
            fallback = fallback.or(Some(place));
        }
    }
    fallback
}

/// What holds the main heading or most of the text is the main part, whatever its tag and classes say: forms and
/// classes such as `has-sidebar` span whole pages.
fn clear_main_part(outline: &mut Outline<'_>) {
    // A question about cookies may be all that a page shows.
    let side = Marks::SIDE.without(Marks::CONSENT);
    let mut next = outline.heading;
    while let Some(block) = next.and_then(|place| outline.blocks.get_mut(place)) {
        block.marks = block.marks.without(side);
        let parent = block.parent;
        next = (next != Some(parent)).then_some(parent);
    }
    for place in 0..outline.blocks.len() {
        if is_most_of_page(outline, place)
            && let Some(block) = outline.blocks.get_mut(place)
        {
            block.marks = block.marks.without(side);
        }
    }
}

fn is_most_of_page(outline: &Outline<'_>, place: usize) -> bool {
    let all = outline.blocks.first().map_or(0, |first| first.text_bytes);
    let own = outline.blocks.get(place).map_or(0, |block| block.text_bytes);
    all > MIN_MAIN_BYTES && own * 10 >= all * 6
}

/// Marks what follows headings such as "Similar homes".
fn mark_sections(outline: &mut Outline<'_>, page: &Page) {
    let mut folded = String::new();
    let mut read = 0;
    for place in 0..outline.blocks.len() {
        let Some(block) = outline.blocks.get(place) else { return };
        let is_heading = block.level > 1 || (block.level == 0 && block.marks.has(Marks::HEADING));
        if !is_heading || block.text_bytes == 0 || read == MAX_HEADINGS {
            continue;
        }
        let Some(text) = outline.text_of(block, MAX_HEADING) else { continue };
        read += 1;
        if !page.budget().charge_steps(HEADING_STEPS + text.len() as u64) {
            return;
        }
        fold_into(&mut folded, &text);
        let region = region_of(&folded);
        if region != Marks::NONE {
            mark_section(outline, place, region, page.budget());
        }
    }
}

/// The section is what follows the heading in its parent, or in the first parent that has text after it, up to the
/// next heading of the same rank.
fn mark_section(outline: &mut Outline<'_>, heading: usize, region: Marks, budget: &PageBudget) {
    let level = outline.blocks.get(heading).map_or(6, |block| if block.level == 0 { 6 } else { block.level });
    let mut first = heading;
    for _ in 0..MAX_CLIMB {
        let Some(block) = outline.blocks.get(first) else { return };
        let Some(parent) = outline.parent_of(block) else { return };
        if parent.end_text > block.end_text || matches!(parent.name(), "body" | "html" | "main") {
            break;
        }
        first = block.parent;
    }
    let main = outline.heading;
    let mut next = outline.next_sibling(first);
    for _ in 0..MAX_SIBLINGS {
        let Some(place) = next.filter(|_| budget.charge_steps(SIBLING_STEPS)) else { return };
        next = outline.next_sibling(place);
        let ends = begins_with_heading(outline, place, level);
        let Some(block) = outline.blocks.get_mut(place) else { return };
        let holds_main = main.is_some_and(|main| (place..block.end).contains(&main));
        if ends || holds_main {
            return;
        }
        block.marks.add(region);
    }
}

/// Whether the first text of an element is a heading of this rank or a higher one.
fn begins_with_heading(outline: &Outline<'_>, place: usize, level: u8) -> bool {
    let Some(block) = outline.blocks.get(place) else { return false };
    let inside = outline.blocks.get(place..block.end).unwrap_or_default();
    let first = inside.iter().take(8).find(|inside| inside.level > 0 && inside.texts() > 0);
    first.is_some_and(|first| first.level <= level && first.first_text == block.first_text)
}

fn hand_down(outline: &mut Outline<'_>) {
    for place in 0..outline.blocks.len() {
        let Some(parent) = outline.blocks.get(place).map(|block| block.parent) else { return };
        let above = outline.blocks.get(parent).map_or(Marks::NONE, |parent| parent.marks);
        if let Some(block) = outline.blocks.get_mut(place) {
            block.marks.add(above.only(Marks::REGIONS));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::visit::outline;
    use super::*;

    fn marks_of(html: &str, text: &str) -> (Marks, usize) {
        let url = "https://homes.example.com/sale/house-1".parse().unwrap();
        let page = Page::parse(html, &url, PageBudget::for_page(html.len()));
        let mut outline = outline(&page);
        let cards = mark(&mut outline, &page);
        let piece = outline.pieces.iter().find(|piece| piece.text == text).unwrap();
        (outline.marks_of(piece).only(Marks::REGIONS), cards.count)
    }

    #[test]
    fn a_section_of_similar_homes_ends_with_the_next_heading() {
        let html = "<h1>House</h1><h2>Similar homes</h2><div><p>X</p></div><h3>Z</h3><h2>About</h2><p>Y</p>";

        assert_eq!(marks_of(html, "X").0, Marks::SIMILAR);
        assert_eq!(marks_of(html, "Z").0, Marks::SIMILAR);
        assert_eq!(marks_of(html, "Y").0, Marks::NONE);
    }

    #[test]
    fn the_section_of_a_heading_in_a_box_follows_the_box() {
        let html =
            "<h1>House</h1><section><div class=head><h2>Similar homes</h2></div><ul><li>X</ul></section><p>Y";

        assert_eq!(marks_of(html, "X").0, Marks::SIMILAR);
        assert_eq!(marks_of(html, "Y").0, Marks::NONE);
    }

    #[test]
    fn what_holds_the_main_heading_is_no_side_region() {
        let html = "<form id=aspnet><div class='has-sidebar'><h1>House</h1><p>X</p></div><form></form>";

        assert_eq!(marks_of(html, "X").0, Marks::NONE);
        assert_eq!(marks_of("<h1>House</h1><form><p>X</p></form>", "X").0, Marks::FORM);
        assert_eq!(marks_of("<nav><h1>Site</h1></nav><aside>X</aside>", "X").0, Marks::ASIDE);
    }

    #[test]
    fn three_like_blocks_with_links_and_prices_are_cards() {
        let card = |at: usize| {
            format!(
                "<li class='card c{at}'><a href=/sale/house-{at}><img alt=x></a><b>€ {at}00.000</b><i>T{at}</i>"
            )
        };
        let list = |from: usize, to: usize| (from..to).map(card).collect::<String>();

        assert_eq!(marks_of(&format!("<h1>House</h1><ul>{}</ul>", list(2, 6)), "T4"), (Marks::CARD, 4));
        assert_eq!(marks_of(&format!("<h1>House</h1><ul>{}</ul>", list(2, 4)), "T3"), (Marks::NONE, 0));
    }

    #[test]
    fn rows_of_cards_are_counted_by_card() {
        let card = |at: usize| {
            format!("<div class=col><a href=/sale/house-{at}><img></a><p>€ {at}00.000</p><p>T{at}</p></div>")
        };
        let rows: String = (1..4)
            .map(|row| format!("<div class=row>{}{}</div>", card(2 * row), card(2 * row + 1)))
            .collect();

        assert_eq!(marks_of(&format!("<h1>House</h1>{rows}"), "T5"), (Marks::CARD, 6));
    }
}
