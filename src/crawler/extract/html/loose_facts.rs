//! Facts without a label: short texts such as "3 bedrooms" and "120 m²" near the main heading.

use std::sync::LazyLock;

use regex::Regex;

use super::super::field::{AreaUnit, Field};
use super::super::values;
use super::fold::fold_into;
use super::marks::Marks;
use super::outline::Outline;
use crate::crawler::budget::PageBudget;

/// Bytes of such a text, and how many are read.
const MAX_TEXT: usize = 40;
const MAX_READ: usize = 60;
/// Texts between the main heading and such a fact.
const MAX_DISTANCE: isize = 80;
const READ_STEPS: u64 = 150;

/// A number and a unit, and no more: "500 m² garden" is no living area.
static AREA: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let units = r"m2|sqm|sq\.? ?m|qm|mq|sq\.? ?ft\.?|sqft|ft2|square feet|square met(er|re)s";
    Regex::new(&format!(r"^(ca\.? )?\d[\d.,' ]* ?({units})$")).ok()
});

/// A fact and the text that tells it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct LooseFact {
    pub(super) field: Field,
    pub(super) text: String,
}

/// The facts of the page's own home, each once.
pub(super) fn facts(outline: &Outline<'_>, budget: &PageBudget) -> Vec<LooseFact> {
    let mut found: Vec<LooseFact> = Vec::new();
    let mut folded = String::new();
    let mut read = 0;
    for (place, piece) in outline.pieces.iter().enumerate() {
        if !piece.has_digit || piece.has_currency || piece.text.len() > MAX_TEXT || read == MAX_READ {
            continue;
        }
        let is_near = outline.from_heading(place).is_none_or(|distance| distance.abs() <= MAX_DISTANCE);
        let marks = outline.marks_of(piece);
        let is_own = !marks.has(Marks::NOT_OWN.with(Marks::LINK).with(Marks::AGENT));
        // Numbers with a word behind them; the heading itself is read as the name.
        let is_fact = piece.text.starts_with(|one: char| one.is_ascii_digit())
            && piece.text.contains(char::is_alphabetic)
            && outline.from_heading(place) != Some(0);
        if !is_near || !is_own || !is_fact {
            continue;
        }
        read += 1;
        if !budget.charge_steps(READ_STEPS) {
            break;
        }
        fold_into(&mut folded, piece.text);
        let field = if AREA.as_ref().is_some_and(|area| area.is_match(&folded)) {
            Some(Field::LivingArea(AreaUnit::Unknown))
        } else {
            field_of_rooms(piece.text)
        };
        if let Some(field) = field.filter(|field| found.iter().all(|fact| fact.field != *field)) {
            found.push(LooseFact { field, text: piece.text.to_owned() });
        }
    }
    found
}

fn field_of_rooms(text: &str) -> Option<Field> {
    let rooms = values::rooms_text(text);
    if rooms.bedrooms.is_some() {
        Some(Field::Bedrooms)
    } else if rooms.bathrooms.is_some() {
        Some(Field::Baths)
    } else {
        rooms.rooms.map(|_| Field::Rooms)
    }
}
