//! How likely an amount is the price of the page's home: by its place, the words around it, and the size of its text.

use std::sync::LazyLock;

use regex::RegexSet;

use super::super::field::Field;
use super::dictionary::{Meaning, meaning};
use super::fold::{fold, fold_pattern};
use super::marks::Marks;
use super::outline::{Block, Outline};

/// Below this an amount is somewhere on the page, and nothing says that it is the price.
pub(super) const LEAST_SCORE: i32 = 22;
/// Bytes of a label in front of an amount.
const MAX_LABEL: usize = 60;

/// Elements around an amount that are looked at, and texts in one that is about more than the price.
const MAX_CLIMB: i32 = 5;
const MAX_TEXTS: usize = 12;

/// Regions with amounts of something else.
const ELSEWHERE: Marks = Marks::NOT_OWN.with(Marks::LINK);

/// Words of amounts that are no price, over folded text. The first stand in front of the amount, the second behind it.
static OTHER_AMOUNTS: LazyLock<RegexSet> = LazyLock::new(|| {
    let before = concat!(
        r"\bdeposit|\bfees?\b|service charge|ground rent|\bhoa\b|council tax|stamp duty|\btax(es)?\b|",
        r"per month from|monthly (payment|cost)|est\.? payment|\bemi\b|estimate|valuation|deposit|",
        r"\baverage\b|\bmedian\b|\btypical|durchschnitt|prix moyen|precio medio|prezzo medio|preco medio|",
        r"gemiddelde|srednia|medelpris|price per|price/|",
        r"nebenkosten|kaution|provision|hausgeld|preis (pro|je)|preis/|warmmiete|",
        r"honoraires|charges|caution|taxe|prix (au|du) m|prix/|mensualite|gastos|fianza|\bibi\b|",
        r"precio (por|del) m|precio/|cuota|spese|cauzione|prezzo (al|a) m|prezzo/|\brata\b|condominio|",
        r"iptu|caucao|preco (por|do) m|servicekosten|waarborgsom|\bborg\b|\bvve\b|prijs per|kaucja|",
        r"oplaty|cena za m|cena/|avgift|driftkostnad|pris per|pris/|管理費|共益費|敷金|礼金|修繕|坪単価",
    );
    let behind = concat!(
        r"(/|\b(per|pro|je|par|au|al|por|za)) ?(sq|m2|qm|mq|ft2|square|kvm|m\b|坪)|\bpsf\b|",
        r"^[\d.,' ]*.{0,3}(/|per) ?(night|nacht|nuit|noche|notte)",
    );
    RegexSet::new([before, behind].map(fold_pattern)).unwrap_or_default()
});

/// The score of an amount in `block`, the text at `place`, which with what belongs to it is `text`. `None` for an
/// amount that is no price.
pub(super) fn score(outline: &Outline<'_>, block: &Block<'_>, place: usize, text: &str) -> Option<i32> {
    if block.marks.has(ELSEWHERE.with(Marks::OTHER_AMOUNT)) || is_other_amount(text) {
        return None;
    }
    let mut score = from_label(outline, place, text)? + from_place(outline, place);
    score += match text.len() {
        0..=30 => 12,
        31..=60 => 4,
        61..=120 => 0,
        _ => -20,
    };
    score += from_marks(outline, block)?;
    Some(score)
}

/// Whether the words in front of the amount, or behind it, say that it is something else.
fn is_other_amount(text: &str) -> bool {
    let folded = fold(text);
    let at = folded.find(|one: char| one.is_ascii_digit()).unwrap_or(folded.len());
    let (before, behind) = folded.split_at(at);
    let matches_of = |text: &str, which: usize| OTHER_AMOUNTS.matches(text).iter().any(|at| at == which);
    // A second amount in parentheses is the one by area.
    let behind = behind.split('(').next().unwrap_or_default();
    matches_of(before, 0) || matches_of(behind, 1)
}

/// A label in front of the amount: in its own text, or the text before it.
fn from_label(outline: &Outline<'_>, place: usize, text: &str) -> Option<i32> {
    let end = text.find(|one: char| one == ':' || one == '：' || one.is_ascii_digit()).unwrap_or(text.len());
    let own = text.get(..end).unwrap_or_default().trim_end_matches(|one: char| !one.is_alphabetic());
    let before = place.checked_sub(1).and_then(|before| outline.pieces.get(before));
    let before = before.filter(|piece| !piece.has_digit).map_or("", |piece| piece.text);
    let labels = [own, before].into_iter().filter(|label| !label.is_empty() && label.len() <= MAX_LABEL);
    match labels.filter_map(|label| meaning(&fold(label))).next() {
        Some(Meaning::OtherAmount | Meaning::Fact(Field::OriginalListPrice)) => None,
        Some(meaning) if meaning.is_price() => Some(25),
        Some(_) | None => Some(0),
    }
}

fn from_place(outline: &Outline<'_>, place: usize) -> i32 {
    match outline.texts_behind_heading(place) {
        None if place <= 30 => 12,
        None => 0,
        Some(0) => 20,
        Some(1..=6) => 25,
        Some(-12..0 | 7..=20) => 18,
        Some(21..=60) => 10,
        Some(-40..-12) => 6,
        Some(_) => 0,
    }
}

/// The words of the element and of those around it, and the size of its text.
fn from_marks(outline: &Outline<'_>, block: &Block<'_>) -> Option<i32> {
    let (mut price, mut large) = (0, 0);
    let mut around = block;
    for distance in 0..MAX_CLIMB {
        if around.texts() > MAX_TEXTS {
            break;
        }
        if around.marks.has(Marks::OTHER_AMOUNT) {
            return None;
        }
        if around.marks.has(Marks::PRICE) && price == 0 {
            price = 30 - 4 * distance;
        }
        large += if around.marks.has(Marks::LARGE) { 6 } else { 0 };
        around = outline.parent_of(around)?;
    }
    let strong = if matches!(block.name(), "strong" | "b" | "ins" | "mark") { 4 } else { 0 };
    let side = if block.marks.has(Marks::ASIDE.with(Marks::AGENT)) { -10 } else { 0 };
    Some(price + large.min(12) + strong + side)
}
