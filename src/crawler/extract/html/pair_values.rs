//! Finds the value that stands beside a label: in the next cell of its row, behind it in its list item, in the next
//! element of the same parent, or in front of it where a list counts ("3 Bedrooms").

use super::dictionary::meaning;
use super::fold::fold;
use super::marks::Marks;
use super::outline::{Block, Outline};

/// Bytes of a value.
pub(super) const MAX_VALUE: usize = 200;
/// Bytes of a value in front of its label.
const MAX_COUNT: usize = 24;
/// Elements without text between a label and its value.
const MAX_EMPTY: usize = 3;
/// Elements around a label that hold nothing else.
const MAX_CLIMB: usize = 4;

/// The value of the label that is the text at `place`.
pub(super) fn value_of(outline: &Outline<'_>, place: usize) -> Option<String> {
    let piece = outline.pieces.get(place)?;
    // From the label's element up to the first that holds more than the label.
    let mut child = None;
    let mut around = piece.block;
    for _ in 0..MAX_CLIMB {
        let block = outline.blocks.get(around)?;
        if block.texts() > 1 {
            break;
        }
        child = Some(around);
        around = block.parent;
    }
    let block = outline.blocks.get(around).filter(|block| block.texts() > 1)?;
    match child {
        None => behind_in_text(outline, block, place),
        Some(child) if block.texts() == 2 => the_other(outline, block, child),
        Some(child) => beside(outline, block, child, place),
    }
}

/// `<li>Label: <b>value</b></li>`: the label is text of the element itself.
fn behind_in_text(outline: &Outline<'_>, block: &Block<'_>, place: usize) -> Option<String> {
    if block.texts() > 6 {
        let next = outline.pieces.get(place + 1).filter(|_| place + 1 < block.end_text)?;
        return short(next.text);
    }
    let rest = outline.pieces.get(place + 1..block.end_text)?;
    if rest.is_empty() {
        // `<li><b>3</b> bedrooms</li>`
        let before = outline.pieces.get(block.first_text).filter(|_| block.texts() == 2)?;
        return is_count(before.text).then(|| before.text.to_owned());
    }
    let mut value = String::new();
    for piece in rest {
        if !value.is_empty() {
            value.push(' ');
        }
        value.push_str(piece.text);
        if value.len() > MAX_VALUE {
            return None;
        }
    }
    short(&value)
}

/// Two texts in one element: one is the label, the other the value.
fn the_other(outline: &Outline<'_>, block: &Block<'_>, label: usize) -> Option<String> {
    let label = outline.blocks.get(label)?;
    let is_first = label.first_text == block.first_text;
    let other = if is_first { block.end_text.checked_sub(1)? } else { block.first_text };
    let piece = outline.pieces.get(other)?;
    if !is_first && !is_count(piece.text) {
        return None;
    }
    usable(outline, piece.block, piece.text)
}

/// One of several pairs in an element.
fn beside(outline: &Outline<'_>, block: &Block<'_>, label_place: usize, place: usize) -> Option<String> {
    if counts_first(outline, block, place) {
        let before = place.checked_sub(1).filter(|before| *before >= block.first_text)?;
        let piece = outline.pieces.get(before).filter(|piece| is_count(piece.text))?;
        return usable(outline, piece.block, piece.text);
    }
    let label = outline.blocks.get(label_place)?;
    let mut next = outline.next_sibling(label_place);
    for _ in 0..MAX_EMPTY {
        let Some(value_place) = next else { break };
        let value = outline.blocks.get(value_place)?;
        if value.first_text != label.end_text {
            break;
        }
        if value.texts() > 0 {
            let heads_column = label.name() == "th" && value.name() == "th";
            let heads_list = label.name() == "dt" && value.name() != "dd";
            let text = outline.text_of(value, MAX_VALUE).filter(|_| !heads_column && !heads_list)?;
            return usable(outline, value_place, &text);
        }
        next = outline.next_sibling(value_place);
    }
    // `<b>Label:</b> value <br> <b>Label:</b> value`
    let next = outline.pieces.get(place + 1).filter(|_| place + 1 < block.end_text)?;
    if outline.blocks.get(next.block)?.end == block.end { short(next.text) } else { None }
}

/// Whether the pairs of an element are written with the value in front: it begins with a number and ends with a label.
fn counts_first(outline: &Outline<'_>, block: &Block<'_>, place: usize) -> bool {
    let texts = outline.texts_in(block);
    let (Some(first), Some(last)) = (texts.first(), texts.last()) else { return false };
    if !is_count(first.text) || is_count(last.text) {
        return false;
    }
    block.end_text == place + 1 || is_label(last.text)
}

/// A number with at most a unit.
fn is_count(text: &str) -> bool {
    text.len() <= MAX_COUNT && text.starts_with(|one: char| one.is_ascii_digit())
}

fn is_label(text: &str) -> bool {
    text.len() <= MAX_VALUE && meaning(&fold(text)).is_some()
}

/// A value that is no label itself, and not a part of another home's card.
fn usable(outline: &Outline<'_>, place: usize, text: &str) -> Option<String> {
    let marks = outline.blocks.get(place)?.marks;
    short(text).filter(|value| !marks.has(Marks::NOT_OWN) && !is_label(value))
}

fn short(text: &str) -> Option<String> {
    let value = text.trim().trim_start_matches([':', '：', '–', '-']).trim();
    (!value.is_empty() && value.len() <= MAX_VALUE).then(|| value.to_owned())
}
