//! Pairs of a label and a value: in `dl`, `tr`, `li`, in neighbouring elements, and in texts such as "Label: value".
//! Not in menus, forms, calculators, cards and sections about other homes.

use std::collections::{HashMap, HashSet};

use super::super::field::Field;
use super::dictionary::{Meaning, meaning};
use super::fold::fold_into;
use super::marks::Marks;
use super::outline::{Outline, Piece};
use super::pair_values::value_of;
use super::targets::hash;
use crate::crawler::budget::PageBudget;

/// Bytes of a text that is a label, and of one that holds a label and a value.
const MAX_LABEL: usize = 60;
const MAX_PAIR_TEXT: usize = 200;
/// Pairs of a page.
const MAX_PAIRS: usize = 300;
/// A fact with so many different values is that of several homes.
const AMBIGUOUS: usize = 4;
/// Steps of looking a text up, and of reading a pair.
const LOOKUP_STEPS: u64 = 30;
const PAIR_STEPS: u64 = 120;

/// A label and its value.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Pair {
    pub(super) meaning: Meaning,
    pub(super) label: String,
    pub(super) value: String,
    /// The place of the label among the texts.
    pub(super) place: usize,
}

/// The pairs of the page's own home.
pub(super) fn pairs(outline: &Outline<'_>, budget: &PageBudget) -> Vec<Pair> {
    let mut reader = Reader { outline, budget, folded: String::new(), pairs: Vec::new() };
    for (place, piece) in outline.pieces.iter().enumerate() {
        if reader.pairs.len() >= MAX_PAIRS || budget.is_spent() {
            break;
        }
        reader.read_piece(place, piece);
    }
    reader.read_hints();
    without_ambiguous(reader.pairs)
}

struct Reader<'a> {
    outline: &'a Outline<'a>,
    budget: &'a PageBudget,
    /// Kept between look-ups: most texts are no labels.
    folded: String,
    pairs: Vec<Pair>,
}

impl Reader<'_> {
    fn read_piece(&mut self, place: usize, piece: &Piece<'_>) {
        let text = piece.text;
        let begins_as_label = text.chars().next().is_some_and(|one| one.is_alphabetic() || one == '#');
        if !begins_as_label || text.len() > MAX_PAIR_TEXT {
            return;
        }
        let marks = self.outline.marks_of(piece);
        if marks.has(Marks::NOT_OWN.with(Marks::LINK)) {
            return;
        }
        if text.len() <= MAX_LABEL
            && let Some((meaning, unit)) = self.look_up(text)
        {
            if self.budget.charge_steps(PAIR_STEPS)
                && let Some(value) = value_of(self.outline, place)
            {
                self.add(meaning, text, with_unit(value, unit), place, marks);
            }
            return;
        }
        let has_colon = text.contains([':', '：']);
        if has_colon {
            for part in text.split(['|', '·', '•', ';', '\n']) {
                self.read_written_pair(part, place, marks);
            }
        } else if piece.has_digit && text.len() <= MAX_LABEL {
            self.read_label_and_number(text, place, marks);
        }
    }

    /// `Label: value`.
    fn read_written_pair(&mut self, text: &str, place: usize, marks: Marks) {
        let Some((label, value)) = text.split_once([':', '：']) else { return };
        let value = value.trim();
        if value.is_empty() || label.len() > MAX_LABEL {
            return;
        }
        if let Some((meaning, unit)) = self.look_up(label) {
            self.add(meaning, label, with_unit(value.to_owned(), unit), place, marks);
        }
    }

    /// `Baujahr 1990`, `Wohnfläche ca. 120 m²`.
    fn read_label_and_number(&mut self, text: &str, place: usize, marks: Marks) {
        let Some(at) = text.find(|one: char| one.is_ascii_digit()) else { return };
        let (label, value) = text.split_at(at);
        // The sign of a currency belongs to the number.
        let label = label.trim_end_matches(|one: char| !one.is_alphabetic() && one != '.' && one != ')');
        if label.is_empty() {
            return;
        }
        if let Some((meaning, unit)) = self.look_up(label) {
            let value = text.get(label.len()..).unwrap_or(value).trim();
            self.add(meaning, label, with_unit(value.to_owned(), unit), place, marks);
        }
    }

    /// Elements with a label in `title`, `aria-label` or `alt`: icons, and what stands beside them.
    fn read_hints(&mut self) {
        let outline = self.outline;
        for (place, hint) in &outline.with_hint {
            if self.pairs.len() >= MAX_PAIRS || self.budget.is_spent() {
                return;
            }
            let Some(block) = outline.blocks.get(*place) else { continue };
            if block.marks.has(Marks::NOT_OWN.with(Marks::LINK)) {
                continue;
            }
            let Some((meaning, _)) = self.look_up(hint) else { continue };
            let around = if block.texts() > 0 { Some(block) } else { outline.parent_of(block) };
            let Some(around) = around.filter(|around| (1..=3).contains(&around.texts())) else { continue };
            if let Some(value) = outline.text_of(around, 30).filter(|value| has_digit(value)) {
                self.add(meaning, hint, value, around.first_text, block.marks);
            }
        }
    }

    /// What a label means, and the unit that it names: `Superficie (m²)`.
    fn look_up(&mut self, label: &str) -> Option<(Meaning, Option<&'static str>)> {
        if !self.budget.charge_steps(LOOKUP_STEPS + label.len() as u64) {
            return None;
        }
        fold_into(&mut self.folded, label);
        if let Some(found) = meaning(&self.folded) {
            // "80" and "sqm" beside each other: the label is the unit.
            let is_area = matches!(found, Meaning::Fact(Field::LivingArea(_)));
            return Some((found, unit_of(&self.folded).filter(|_| is_area)));
        }
        let plain = self.folded.trim_end_matches([':', ' ']);
        let (label, inside) = plain.strip_suffix(')')?.rsplit_once('(')?;
        Some((meaning(label.trim_end())?, unit_of(inside.trim())))
    }

    fn add(&mut self, meaning: Meaning, label: &str, value: String, place: usize, marks: Marks) {
        let personal = matches!(
            meaning,
            Meaning::Fact(
                Field::Street
                    | Field::Unparsed
                    | Field::City
                    | Field::State
                    | Field::PostalCode
                    | Field::Country
            )
        );
        let fits = is_plausible(meaning, &value) && !(marks.has(Marks::AGENT) && personal);
        if fits
            && self.pairs.len() < MAX_PAIRS
            && self.budget.charge_bytes((label.len() + value.len()) as u64)
        {
            let label = label.trim().trim_end_matches([':', '：']).trim_end().to_owned();
            self.pairs.push(Pair { meaning, label, value, place });
        }
    }
}

/// The unit that a folded text is.
fn unit_of(text: &str) -> Option<&'static str> {
    Some(match text.trim_end_matches(':') {
        "m2" | "sqm" | "sq m" | "qm" | "mq" | "מ״ר" => "m²",
        "sq ft" | "sqft" | "ft2" | "sq. ft." => "sq ft",
        "ha" => "ha",
        "acres" => "acres",
        _ => return None,
    })
}

fn with_unit(value: String, unit: Option<&'static str>) -> String {
    match unit {
        Some(unit) if !value.contains(char::is_alphabetic) => format!("{value} {unit}"),
        _ => value,
    }
}

/// Whether a value may be one of this kind. Labels are words of daily life, and stand beside anything.
fn is_plausible(meaning: Meaning, value: &str) -> bool {
    let letters = value.contains(char::is_alphabetic);
    match meaning {
        Meaning::SalePrice | Meaning::Rent | Meaning::OtherAmount | Meaning::Fact(Field::ListPrice) => {
            value.len() <= 120
        }
        Meaning::Layout => value.len() <= 30 && has_digit(value),
        Meaning::Fact(field) => match field {
            Field::ListedAt | Field::YearBuilt | Field::Stories | Field::Parking => {
                has_digit(value) && value.len() <= 60
            }
            Field::ClosePrice | Field::OriginalListPrice | Field::LivingArea(_) | Field::LotSize(_) => {
                has_digit(value) && value.len() <= 80
            }
            Field::Bedrooms | Field::Rooms | Field::Baths => value.len() <= 60,
            Field::PostalCode => has_digit(value) && value.len() <= 20,
            Field::Key(_) => has_digit(value) && value.len() <= 40 && !value.contains("  "),
            Field::Unparsed | Field::Street => letters && value.len() <= 160,
            Field::EnergyRating => value.len() <= 60,
            _ => letters && value.len() <= 80 && !value.contains("://"),
        },
    }
}

pub(super) fn has_digit(text: &str) -> bool {
    text.bytes().any(|byte| byte.is_ascii_digit()) || text.contains(|one: char| ('０'..='９').contains(&one))
}

/// Without facts that have many values: those of a list that was not recognised, or of the units of a building.
fn without_ambiguous(pairs: Vec<Pair>) -> Vec<Pair> {
    let mut values: HashMap<u64, HashSet<&str>> = HashMap::new();
    let key = |meaning: Meaning| hash(format!("{meaning:?}").as_bytes(), 0);
    let decides = |meaning: Meaning| meaning.is_price() || meaning.is_rooms_or_area();
    for pair in pairs.iter().filter(|pair| decides(pair.meaning)) {
        values.entry(key(pair.meaning)).or_default().insert(&pair.value);
    }
    let many: HashSet<u64> =
        values.into_iter().filter(|(_, values)| values.len() >= AMBIGUOUS).map(|(key, _)| key).collect();
    if many.is_empty() {
        return pairs;
    }
    pairs.into_iter().filter(|pair| !many.contains(&key(pair.meaning))).collect()
}
