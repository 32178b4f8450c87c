//! The shape of a page: a hash of its title, the tags of its beginning and the words of its text, without numbers and
//! without repetitions of its address. Two error pages that differ only in the address have one shape.
//!
//! A word that merely occurs in the address stays: the words of a site ("page", "for sale in") are also in the
//! addresses of some of its pages, and not in those of others.

use percent_encoding::percent_decode_str;
use sha2::{Digest, Sha256};
use url::Url;

use super::marks::Marks;
use super::outline::Outline;
use crate::base::text::truncate;
use crate::crawler::budget::PageBudget;

/// Elements and bytes of text that make the shape.
const MAX_ELEMENTS: usize = 200;
const MAX_TEXT: usize = 4_000;
/// Bytes of a path and of a query that are read, parts of an address, and words of a part.
const MAX_ADDRESS: usize = 2_000;
const MAX_PARTS: usize = 8;
const MAX_PART_WORDS: usize = 24;
/// Letters of the ending of a file name.
const MAX_ENDING: usize = 5;

/// The shape; the same on every machine and in every version.
pub(super) fn shape(outline: &Outline<'_>, url: &Url, budget: &PageBudget) -> u64 {
    if !budget.charge_scan(8 * (MAX_TEXT + 2 * MAX_ADDRESS)) {
        return 0;
    }
    let parts = parts_of_address(url);
    let mut hasher = Sha256::new();
    add_words(&mut hasher, truncate(outline.title, 300), &parts);
    hasher.update(b"\0");
    let own = outline.blocks.iter().filter(|block| !block.marks.has(Marks::CARD));
    for block in own.take(MAX_ELEMENTS) {
        hasher.update(block.name().as_bytes());
        hasher.update(b"<");
    }
    let mut left = MAX_TEXT;
    for piece in &outline.pieces {
        if left == 0 {
            break;
        }
        if outline.marks_of(piece).has(Marks::CARD.with(Marks::SIMILAR)) {
            continue;
        }
        let text = truncate(piece.text, left);
        left = if text.len() < piece.text.len() { 0 } else { left - text.len() };
        add_words(&mut hasher, text, &parts);
    }
    let digest = hasher.finalize();
    digest.iter().take(8).fold(0, |number, byte| (number << 8) | u64::from(*byte))
}

/// A part of an address as a text may repeat it: all of its words in order, perhaps without the numbers around them.
struct AddressPart {
    /// From the first to the last word that is no number; lower case.
    words: Vec<String>,
    /// The numbers next to them.
    before: Option<String>,
    after: Option<String>,
    /// Whether the words are a repetition also without a number beside them.
    is_telling: bool,
}

impl AddressPart {
    /// `is_name`: a single word of it is a repetition, if it has no other.
    fn of(part: &str, is_name: bool) -> Option<Self> {
        let all: Vec<&str> = words(part).take(MAX_PART_WORDS).collect();
        let first = all.iter().position(|word| !has_digit(word))?;
        let last = all.iter().rposition(|word| !has_digit(word))?;
        let number =
            |place: Option<usize>| place.and_then(|place| all.get(place)).map(|word| (*word).to_owned());
        Some(Self {
            words: all[first..=last].iter().map(|word| (*word).to_owned()).collect(),
            before: number(first.checked_sub(1)),
            after: number(last.checked_add(1)),
            is_telling: last > first || is_name && all.len() == 1,
        })
    }

    fn is_at(&self, text: &[&str], at: usize) -> bool {
        let end = at + self.words.len();
        let has = |place: Option<usize>, number: &Option<String>| {
            let word = place.and_then(|place| text.get(place));
            number.as_deref().is_some_and(|number| word.is_some_and(|word| *word == number))
        };
        text.get(at..end)
            .is_some_and(|run| run.iter().zip(&self.words).all(|(word, own)| *word == own.as_str()))
            && (self.is_telling || has(at.checked_sub(1), &self.before) || has(Some(end), &self.after))
    }
}

/// The whole address, its path, the last step of that, and the values of its query; long ones first.
fn parts_of_address(url: &Url) -> Vec<AddressPart> {
    let plain =
        |text: &str| percent_decode_str(truncate(text, MAX_ADDRESS)).decode_utf8_lossy().to_lowercase();
    let path = plain(url.path());
    let query = url.query().unwrap_or_default();
    let step = path.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    let mut parts: Vec<AddressPart> = Vec::new();
    parts.extend(AddressPart::of(&format!("{path} {}", plain(query)), false));
    parts.extend(AddressPart::of(&path, false));
    // Where the query names the page, the path is that of many.
    parts.extend(AddressPart::of(without_ending(step), !query.contains('=')));
    let values = truncate(query, MAX_ADDRESS).split('&').filter_map(|pair| pair.split_once('='));
    parts.extend(values.take(MAX_PARTS).filter_map(|(_, value)| AddressPart::of(&plain(value), false)));
    parts.sort_by_key(|part| std::cmp::Reverse(part.words.len()));
    parts
}

/// The last step of a path without `.html` and the like.
fn without_ending(step: &str) -> &str {
    let is_ending = |text: &str| {
        (1..=MAX_ENDING).contains(&text.len()) && text.bytes().all(|one| one.is_ascii_alphanumeric())
    };
    step.rsplit_once('.').filter(|(_, ending)| is_ending(ending)).map_or(step, |(name, _)| name)
}

/// Adds the words of a text without numbers, and without those that repeat a part of the address.
fn add_words(hasher: &mut Sha256, text: &str, parts: &[AddressPart]) {
    let text = text.to_lowercase();
    let all: Vec<&str> = words(&text).collect();
    let mut at = 0;
    while let Some(word) = all.get(at) {
        if let Some(part) = parts.iter().find(|part| part.is_at(&all, at)) {
            at += part.words.len();
            continue;
        }
        if !has_digit(word) {
            hasher.update(word.as_bytes());
            hasher.update(b" ");
        }
        at += 1;
    }
}

fn has_digit(word: &str) -> bool {
    word.contains(|one: char| one.is_numeric())
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|one: char| !one.is_alphanumeric()).filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is left of a text on the page with this path.
    fn hash(path: &str, text: &str) -> Vec<u8> {
        let url: Url = format!("https://homes.example{path}").parse().unwrap();
        let mut hasher = Sha256::new();
        add_words(&mut hasher, text, &parts_of_address(&url));
        hasher.finalize().to_vec()
    }

    #[test]
    fn a_repetition_of_the_address_is_left_out() {
        let missing = hash("/h/1", "Sorry, is not here");
        for (path, name) in [
            ("/sale/oak-street-12", "Oak Street 12"),
            ("/sale/oak-street-12", "Oak Street"),
            ("/sale/oak-12-410001.html", "Oak 12"),
            ("/sale/410001-oak/", "410001 Oak"),
            ("/h/rosebud", "Rosebud"),
            ("/h/m%C3%BChle", "Mühle"),
            ("/de/sale/oak-12", "/de/sale/oak-12"),
            ("/h/nosuchpage1", "/h/nosuchpage1"),
            ("/home?name=oak+street", "Oak Street"),
        ] {
            assert_eq!(hash(path, &format!("Sorry, {name} is not here")), missing, "{path}: {name}");
        }
    }

    #[test]
    fn words_of_the_site_stay_where_an_address_has_them_too() {
        let text = "Begin a new search on our start page: homes for sale in London, villa or house";
        let plain = hash("/x/1", text);
        for path in [
            "/homes/new-410001",
            "/homes/villa-or-410001-page",
            "/homes/3-bed-house-for-sale-in-london-410001",
            "/sale/london/1",
            "/search?page=villa&id=7",
        ] {
            assert_eq!(hash(path, text), plain, "{path}");
        }
        assert_ne!(hash("/x/1", "Begin a new search"), plain);
    }
}
