//! Badges: short texts that as a whole are a status, such as SOLD on the picture of a home. A badge of another home,
//! beside a link to its page, says nothing of the page's own.

use super::super::values;
use super::marks::Marks;
use super::outline::{Block, Outline};
use super::teasers;
use crate::crawler::budget::PageBudget;
use crate::protocol::property::StandardStatus;

/// Bytes of a badge; 30 characters of most languages.
const MAX_TEXT: usize = 60;
const MAX_CHARS: usize = 30;
/// Texts that are read.
const MAX_READ: usize = 150;
/// Texts between the main heading and a badge without a class that says so.
const MAX_DISTANCE: isize = 4;
/// Texts between the main heading, or the main price, and a badge with such a class.
const NEAR_HEADING: isize = 40;
const NEAR_PRICE: usize = 15;
/// Elements around a badge that are looked at, and texts of one that is about one thing.
const MAX_CLIMB: usize = 6;
const MAX_AROUND: usize = 40;
const READ_STEPS: u64 = 80;
/// Steps of an element around a badge, beside those for the elements in it.
const AROUND_STEPS: u64 = 10;

/// A badge of the page's home.
pub(super) struct Badge {
    pub(super) status: StandardStatus,
    pub(super) text: String,
}

/// The badge that says most: one that is no longer active before one that is. `price` is the place of the main price
/// among the texts.
pub(super) fn badge(outline: &Outline<'_>, price: Option<usize>, budget: &PageBudget) -> Option<Badge> {
    let mut by_class: Option<Badge> = None;
    let mut near: Vec<Badge> = Vec::new();
    let mut read = 0;
    for (place, piece) in outline.pieces.iter().enumerate() {
        if piece.has_digit || piece.text.len() > MAX_TEXT || piece.text.chars().count() > MAX_CHARS {
            continue;
        }
        let Some(block) = outline.blocks.get(piece.block) else { continue };
        let elsewhere = Marks::NOT_OWN.with(Marks::LINK).with(Marks::AGENT);
        if block.marks.has(elsewhere) || block.texts() > 2 {
            continue;
        }
        let around = outline.parent_of(block).filter(|around| around.texts() <= 3);
        let is_badge =
            block.marks.has(Marks::BADGE) || around.is_some_and(|around| around.marks.has(Marks::BADGE));
        let distance = outline.texts_behind_heading(place);
        let is_near = distance.is_some_and(|distance| distance != 0 && distance.abs() <= MAX_DISTANCE);
        if !is_badge && !is_near {
            continue;
        }
        read += 1;
        if read > MAX_READ || !budget.charge_steps(READ_STEPS) {
            break;
        }
        let Some(status) = values::status(piece.text) else { continue };
        if !is_of_home(outline, place, piece.block, price, budget) {
            continue;
        }
        let found = Badge { status, text: piece.text.to_owned() };
        if is_badge {
            let says_more = by_class.as_ref().is_none_or(|known| known.status == StandardStatus::Active);
            if says_more {
                by_class = Some(found);
            }
        } else {
            near.push(found);
        }
    }
    // Two statuses beside each other are a choice, not a badge.
    let agree = near.windows(2).all(|pair| matches!(pair, [one, two] if one.status == two.status));
    by_class.or_else(|| near.into_iter().next().filter(|_| agree))
}

/// Whether the badge at `place` is near the heading or the price of the page's home, or on a page without a heading,
/// and in no block about something else.
fn is_of_home(
    outline: &Outline<'_>,
    place: usize,
    block: usize,
    price: Option<usize>,
    budget: &PageBudget,
) -> bool {
    let distance = outline.texts_behind_heading(place);
    let is_near = distance.is_some_and(|distance| distance.abs() <= NEAR_HEADING)
        || price.is_some_and(|price| price.abs_diff(place) <= NEAR_PRICE);
    if !is_near && outline.heading.is_some() {
        return false;
    }
    let mut at = block;
    for _ in 0..MAX_CLIMB {
        let Some(around) = outline.blocks.get(at) else { return true };
        let holds_main = outline.heading.is_some_and(|main| (at..around.end).contains(&main))
            || price.is_some_and(|price| (around.first_text..around.end_text).contains(&price));
        let is_page = matches!(around.name(), "html" | "body" | "main");
        if holds_main || is_page || around.texts() > MAX_AROUND || around.parent == at {
            return true;
        }
        if !budget.charge_steps(AROUND_STEPS + (around.end - at) as u64) {
            return false;
        }
        if is_about_another(outline, at, around, is_near) {
            return false;
        }
        at = around.parent;
    }
    true
}

/// Whether a block leads to the page of another home. Without a heading or a price near by, any link and any heading
/// of its own makes it a block about something else.
fn is_about_another(outline: &Outline<'_>, place: usize, around: &Block<'_>, is_near: bool) -> bool {
    let inside = outline.blocks.get(place..around.end).unwrap_or_default();
    let has_heading = inside.iter().any(|block| (2..=4).contains(&block.level) && block.texts() > 0);
    let has_link = inside.iter().enumerate().any(|(at, block)| {
        block.targets.first.is_some_and(|target| target.block == place + at)
            && !teasers::leads_to_service(block)
    });
    if !is_near {
        return has_link || has_heading;
    }
    let shows = around.has_image || around.prices > 0 || has_heading;
    has_link && (shows || around.name() == "aside" || teasers::is_named(around))
}

#[cfg(test)]
mod tests {
    use super::super::layer::read;
    use super::*;
    use crate::crawler::page::Page;

    fn status(html: &str) -> Option<StandardStatus> {
        let url = "https://homes.example.com/sale/house-1".parse().unwrap();
        read(&Page::parse(html, &url, PageBudget::for_page(html.len()))).facts.status_badge
    }

    #[test]
    fn the_badge_of_a_neighbour_is_not_the_homes() {
        let card = "<article class=card><a href=/other>Elm Road</a><span class=badge>SOLD</span></article>";
        let plain = "<div><a href=/other><img></a><p>£300,000</p><span class=badge>SOLD</span></div>";
        for cards in [card.to_owned(), card.repeat(2), plain.to_owned(), plain.repeat(2)] {
            for around in [
                format!("<section><h2>Nearby</h2>{cards}</section>"),
                format!("<section><h2>New listings</h2>{cards}</section>"),
                format!("<section><h2>From our blog</h2>{cards}</section>"),
                format!("<h3>Recently sold nearby</h3>{cards}"),
                format!("<aside>{cards}</aside>"),
                cards.clone(),
            ] {
                let html = format!("<h1>12 Oak Street</h1><p>£425,000</p>{around}");

                assert_eq!(status(&html), None, "{html}");
            }
        }
    }

    #[test]
    fn a_badge_near_the_heading_or_the_price_is_the_homes() {
        let closed = Some(StandardStatus::Closed);
        for html in [
            "<div class=hero><img><span class=badge>SOLD</span></div><h1>12 Oak Street</h1><p>£425,000</p>",
            "<h1>12 Oak Street</h1><p>£425,000</p><span class=badge>SOLD</span>",
            "<div><a href=/sale>Sale</a><h1>12 Oak Street</h1><span class=badge>SOLD</span><img></div>",
            "<h1>12 Oak Street</h1><div><span class=badge>SOLD</span><a href=/contact>Ask</a><img></div>",
            "<h2>12 Oak Street</h2><p>Price: £425,000</p><span class=badge>SOLD</span>",
            "<span class=badge>SOLD</span>",
        ] {
            assert_eq!(status(html), closed, "{html}");
        }
        let far = "<p>Text</p>".repeat(60);
        assert_eq!(status(&format!("<h1>12 Oak Street</h1>{far}<span class=badge>SOLD</span>")), None);
        assert_eq!(status("<section><h2>Blog</h2><span class=badge>SOLD</span></section>"), None);
        assert_eq!(status("<div><a href=/other>Elm Road</a><span class=badge>SOLD</span></div>"), None);
    }
}
