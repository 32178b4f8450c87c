//! The texts of an element with an address as one line: parts in elements of their own are put apart by commas, and what
//! only leads to a map is left out.

use super::fold::fold;
use super::marks::Marks;
use super::outline::{Block, Outline, push_collapsed};
use super::street_words::is_bare_number;

/// Bytes and texts of such a line.
const MAX_LINE: usize = 300;
const MAX_TEXTS: usize = 24;
/// Words of a text that leads to a map, and the words that say so, folded.
const MAX_MAP_TEXT: usize = 5;
const MAP_WORDS: [&str; 23] = [
    "harta",
    "kaardil",
    "kaart",
    "kaartil",
    "kart",
    "karta",
    "kartan",
    "karte",
    "kartta",
    "kortet",
    "map",
    "mapa",
    "mape",
    "mapie",
    "mappa",
    "maps",
    "terkep",
    "地図",
    "карта",
    "карте",
    "карту",
    "מפה",
    "במפה",
];

/// The texts in an element, each part once. The number of a house that follows its street without a comma is put behind
/// it.
pub(super) fn texts_of(outline: &Outline<'_>, block: &Block<'_>) -> Vec<String> {
    let mut texts: Vec<String> = Vec::new();
    let mut after_comma = true;
    for piece in outline.texts_in(block).iter().take(MAX_TEXTS) {
        let plain =
            piece.text.trim_matches(|one: char| matches!(one, ',' | '|' | '·') || one.is_whitespace());
        let is_button = outline.marks_of(piece).has(Marks::FORM);
        if !is_button && plain.contains(char::is_alphanumeric) && !leads_to_map(plain) {
            let is_number = is_bare_number(plain) && !after_comma && !piece.text.starts_with(',');
            match texts.last_mut().filter(|_| is_number) {
                Some(street) => {
                    street.push(' ');
                    street.push_str(plain);
                }
                None => {
                    let mut text = String::with_capacity(plain.len());
                    push_collapsed(&mut text, plain);
                    texts.push(text);
                }
            }
        }
        after_comma = piece.text.trim_end().ends_with(',');
    }
    texts
}

/// The text of a heading, with commas in front of elements that begin a line of their own.
pub(super) fn heading_line(outline: &Outline<'_>, heading: &Block<'_>) -> Option<String> {
    if heading.text_bytes > MAX_LINE || heading.texts() > MAX_TEXTS {
        return None;
    }
    let mut line = String::with_capacity(heading.text_bytes + 2 * heading.texts());
    let mut was_inline = true;
    for piece in outline.texts_in(heading) {
        let is_inline = outline.blocks.get(piece.block).is_some_and(|block| is_inline(block.name()));
        if !line.is_empty() {
            let is_apart = !(is_inline && was_inline || line.ends_with(','));
            line.push_str(if is_apart { ", " } else { " " });
        }
        push_collapsed(&mut line, piece.text);
        was_inline = is_inline;
    }
    (!line.is_empty()).then_some(line)
}

/// Elements that stand within a line, headings themselves included.
fn is_inline(name: &str) -> bool {
    !matches!(name, "div" | "p" | "li" | "ul" | "ol" | "section" | "dl" | "dt" | "dd" | "td" | "tr")
}

fn leads_to_map(text: &str) -> bool {
    let folded = fold(text);
    folded.split_whitespace().count() <= MAX_MAP_TEXT
        && folded.split_whitespace().any(|word| MAP_WORDS.contains(&word))
}
