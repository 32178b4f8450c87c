//! Badges: short texts that as a whole are a status, such as SOLD on the picture of a home.

use super::super::values;
use super::marks::Marks;
use super::outline::Outline;
use crate::crawler::budget::PageBudget;
use crate::protocol::property::StandardStatus;

/// Bytes of a badge; 30 characters of most languages.
const MAX_TEXT: usize = 60;
const MAX_CHARS: usize = 30;
/// Texts that are read.
const MAX_READ: usize = 150;
/// Texts between the main heading and a badge without a class that says so.
const MAX_DISTANCE: isize = 4;
const READ_STEPS: u64 = 80;

/// A badge of the page's home.
pub(super) struct Badge {
    pub(super) status: StandardStatus,
    pub(super) text: String,
}

/// The badge that says most: one that is no longer active before one that is.
pub(super) fn badge(outline: &Outline<'_>, budget: &PageBudget) -> Option<Badge> {
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
