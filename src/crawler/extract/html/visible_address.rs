//! Finds the address that a page shows of its home: in an element that is called so near the main heading, in the
//! headings, under a heading such as "Location", in a link to a map. Never that of a neighbour or of an office.

use url::Url;

use super::address_lines::{heading_line, texts_of};
use super::address_marks::{AddressMark, address_mark, is_place_heading};
use super::address_parts::{
    AddressParts, MAX_TEXT, Source, is_city_name, numbered_streets, repeated_city, take_apart,
};
use super::fold::fold;
use super::marks::Marks;
use super::outline::{Block, Outline};
use super::street_words::is_bare_number;
use crate::base::text::truncate;
use crate::crawler::budget::PageBudget;

/// Texts between the main heading and the address.
const BEFORE_HEADING: isize = 4;
const BEHIND_HEADING: isize = 16;
/// Texts between a main heading that is the street and what follows the street.
const BEHIND_STREET: isize = 4;
/// Texts of an address.
const MAX_TEXTS: usize = 20;
/// Candidates of a page, and the numbered streets that are told.
const MAX_CANDIDATES: usize = 40;
const MAX_LINES: usize = 12;
/// Bytes of a heading such as "Location", and of the address of a map.
const MAX_SECTION_HEADING: usize = 40;
const MAX_HREF: usize = 500;
/// Elements around an address that are looked at for a telephone number, and the texts of one that is about one thing.
const MAX_CLIMB: usize = 3;
const MAX_AROUND: usize = 24;
/// Elements without text between a heading and its section.
const MAX_EMPTY: usize = 3;
/// Parts between the dashes of a heading.
const MAX_SEGMENTS: usize = 6;
const BLOCK_STEPS: u64 = 6;
/// Steps of reading the names of an element, a heading, a link.
const MARK_STEPS: u64 = 400;
const SECTION_STEPS: u64 = 150;
const LINK_STEPS: u64 = 60;
/// Steps of an element around an address, beside those for what is in it.
const AROUND_STEPS: u64 = 10;
const CONTACT_STEPS: u64 = 60;
/// Steps of taking a text apart, beside those for its length.
const TEXT_STEPS: u64 = 2_000;

/// The address that a page shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::crawler::extract) struct VisibleAddress {
    pub(in crate::crawler::extract) parts: Option<AddressParts>,
    /// What showed it.
    pub(in crate::crawler::extract) fragment: &'static str,
    /// Streets with the number of a house in the headings and in the address; at most 12.
    pub(in crate::crawler::extract) numbered_streets: Vec<String>,
}

struct Candidate {
    parts: AddressParts,
    score: isize,
    fragment: &'static str,
}

/// The address of the page's home. `og_title` is what the page is called elsewhere.
pub(super) fn visible_address(
    outline: &Outline<'_>,
    og_title: Option<&str>,
    budget: &PageBudget,
) -> VisibleAddress {
    let mut reader = Reader { outline, budget, candidates: Vec::new(), lines: Vec::new(), h1: String::new() };
    reader.read_headings(og_title.unwrap_or_default());
    reader.read_elements();
    reader.best()
}

struct Reader<'a> {
    outline: &'a Outline<'a>,
    budget: &'a PageBudget,
    candidates: Vec<Candidate>,
    lines: Vec<String>,
    h1: String,
}

impl Reader<'_> {
    fn read_headings(&mut self, og_title: &str) {
        let outline = self.outline;
        if let Some(heading) = outline.heading.and_then(|place| outline.blocks.get(place)) {
            self.h1 =
                heading_line(outline, heading).filter(|text| text.len() <= MAX_TEXT).unwrap_or_default();
            let h1 = self.h1.clone();
            self.read_heading(&h1, 35, "h1", MAX_SEGMENTS);
        }
        self.read_heading(og_title, 25, "og:title", MAX_SEGMENTS);
        // The last part of a title is the site's, or the agency's with its address.
        let title = truncate(outline.title, 2 * MAX_TEXT);
        let most = segments(title).len().saturating_sub(1).max(1);
        self.read_heading(title, 20, "title", most);
    }

    fn read_heading(&mut self, heading: &str, score: isize, fragment: &'static str, most: usize) {
        for segment in segments(truncate(heading, 2 * MAX_TEXT)).into_iter().take(most.min(MAX_SEGMENTS)) {
            if !self.charge(segment) {
                return;
            }
            self.add_lines(segment);
            if let Some(parts) = take_apart(segment, Source::Heading) {
                self.add(parts, score, fragment);
            }
        }
    }

    fn read_elements(&mut self) {
        let outline = self.outline;
        if outline.heading.is_none() || !self.budget.charge_steps(outline.blocks.len() as u64 * BLOCK_STEPS) {
            return;
        }
        for (place, block) in outline.blocks.iter().enumerate() {
            if self.budget.is_spent() || self.candidates.len() >= MAX_CANDIDATES {
                return;
            }
            if block.marks.has(Marks::NOT_OWN.with(Marks::AGENT).with(Marks::ASIDE)) {
                continue;
            }
            let is_section = block.level > 1 || block.level == 0 && block.marks.has(Marks::HEADING);
            if is_section && block.text_bytes <= MAX_SECTION_HEADING {
                self.read_section(place, block);
            }
            let Some(distance) = outline.texts_behind_heading(block.first_text) else { continue };
            if !(-BEFORE_HEADING..=BEHIND_HEADING).contains(&distance) {
                continue;
            }
            if block.name() == "a" {
                self.read_map_link(place, block);
            }
            if (1..=MAX_TEXTS).contains(&block.texts()) && block.text_bytes <= MAX_TEXT {
                self.read_named(place, block, distance);
            }
        }
    }

    /// An element that is called an address, or a part of one.
    fn read_named(&mut self, place: usize, block: &Block<'_>, distance: isize) {
        let is_whole_link = block.marks.has(Marks::LINK)
            || self.outline.texts_in(block).first().is_some_and(|first| {
                let holder = self.outline.blocks.get(first.block);
                holder.is_some_and(|link| link.marks.has(Marks::LINK) && link.texts() == block.texts())
            });
        if is_whole_link || !self.budget.charge_steps(MARK_STEPS) {
            return;
        }
        let Some(mark) = address_mark(block.element, false) else { return };
        if self.is_beside_contact(place) {
            return;
        }
        let mut text = texts_of(self.outline, block).join(", ");
        if text.len() > MAX_TEXT || !self.charge(&text) {
            return;
        }
        self.add_lines(&text);
        let told = self.told_parts(place, block, mark);
        let score = 40 - distance.abs();
        let is_street_above =
            (1..=BEHIND_STREET).contains(&distance) && !numbered_streets(&self.h1).is_empty();
        let parts = take_apart(&text, Source::Named);
        if is_street_above && parts.as_ref().is_none_or(|parts| parts.street.is_none()) {
            text = format!("{}, {text}", self.h1);
            if let Some(parts) = take_apart(&text, Source::Named).filter(|parts| parts.street.is_some()) {
                return self.add(with_told(parts, told), score, "address");
            }
        }
        let is_told = told.street.is_some() || told.city.is_some();
        if let Some(parts) =
            parts.or_else(|| is_told.then(|| AddressParts { text, ..AddressParts::default() }))
        {
            self.add(with_told(parts, told), score, "address");
        }
    }

    /// The parts that elements inside of an address are called.
    fn told_parts(&self, place: usize, block: &Block<'_>, own: AddressMark) -> AddressParts {
        let mut told = AddressParts::default();
        let inside = self.outline.blocks.get(place..block.end).unwrap_or_default();
        if !self.budget.charge_steps(inside.len() as u64 * MARK_STEPS) {
            return told;
        }
        for (at, part) in inside.iter().enumerate() {
            let mark = if at == 0 { Some(own) } else { address_mark(part.element, true) };
            let Some(mark) = mark.filter(|mark| *mark != AddressMark::Whole) else { continue };
            let line = texts_of(self.outline, part).join(", ");
            let text = line.split(" (").next().unwrap_or_default().trim();
            let slot = match mark {
                AddressMark::Whole => continue,
                AddressMark::Street => &mut told.street,
                AddressMark::City => &mut told.city,
                AddressMark::State => &mut told.state,
                AddressMark::PostalCode => &mut told.postal_code,
            };
            let fits = match mark {
                AddressMark::Whole => false,
                AddressMark::Street => is_street_text(text),
                AddressMark::City | AddressMark::State => is_city_name(text) && !text.contains(','),
                AddressMark::PostalCode => is_postal_code(text),
            };
            if fits && slot.is_none() {
                *slot = Some(text.to_owned());
            }
        }
        told
    }

    /// The short texts behind a heading such as "Location".
    fn read_section(&mut self, place: usize, heading: &Block<'_>) {
        let outline = self.outline;
        if !self.budget.charge_steps(SECTION_STEPS) {
            return;
        }
        let Some(text) = outline.text_of(heading, MAX_SECTION_HEADING) else { return };
        if !is_place_heading(&text) || self.is_beside_contact(place) {
            return;
        }
        let mut next = outline.next_sibling(place);
        for _ in 0..MAX_EMPTY {
            let block = next.and_then(|place| outline.blocks.get(place));
            if block.is_some_and(|block| block.texts() == 0) {
                next = next.and_then(|place| outline.next_sibling(place));
            }
        }
        let Some(block) = next.and_then(|place| outline.blocks.get(place)) else { return };
        let elsewhere = Marks::NOT_OWN.with(Marks::AGENT).with(Marks::ASIDE).with(Marks::LINK);
        if block.marks.has(elsewhere) || block.texts() > MAX_TEXTS || block.text_bytes > MAX_TEXT {
            return;
        }
        let items = texts_of(outline, block);
        let text = items.join(", ");
        if !self.charge(&text) {
            return;
        }
        let Some(mut parts) = take_apart(&text, Source::Named).filter(|parts| parts.street.is_some()) else {
            return;
        };
        self.add_lines(&text);
        let items: Vec<&str> = items.iter().map(String::as_str).collect();
        parts.city = parts.city.or_else(|| repeated_city(&items).map(str::to_owned));
        self.add(parts, 30, "location");
    }

    /// A link to a map of an address.
    fn read_map_link(&mut self, place: usize, link: &Block<'_>) {
        let href = link.element.attr("href").filter(|href| href.len() <= MAX_HREF);
        let Some(href) = href.filter(|_| self.budget.charge_steps(LINK_STEPS)) else { return };
        let is_map = href.contains("/maps") || href.contains("//maps.") || href.contains("openstreetmap.");
        if !is_map || !self.charge(href) {
            return;
        }
        let Ok(url) = Url::parse(href) else { return };
        let keys = ["q", "query", "destination", "daddr", "address"];
        let told = url.query_pairs().find(|(key, _)| keys.contains(&key.as_ref()));
        let Some((_, text)) = told.filter(|(_, text)| text.contains(char::is_alphabetic)) else { return };
        if self.is_beside_contact(place) {
            return;
        }
        if let Some(parts) = take_apart(&text, Source::Named).filter(|parts| parts.street.is_some()) {
            self.add(parts, 15, "map");
        }
    }

    /// Whether a telephone number or an address for mail is beside an element: then it is that of an office.
    fn is_beside_contact(&self, place: usize) -> bool {
        let outline = self.outline;
        let mut at = place;
        for _ in 0..=MAX_CLIMB {
            let Some(around) = outline.blocks.get(at) else { return false };
            let holds_heading = outline.heading.is_some_and(|main| (at..around.end).contains(&main));
            if holds_heading || around.texts() > MAX_AROUND {
                return false;
            }
            let inside = outline.blocks.get(at..around.end).unwrap_or_default();
            let steps = AROUND_STEPS + inside.len() as u64 + CONTACT_STEPS * around.texts() as u64;
            if !self.budget.charge_steps(steps) || inside.iter().any(is_contact_link) {
                return true;
            }
            if outline.texts_in(around).iter().any(|piece| is_contact_text(piece.text)) {
                return true;
            }
            if around.parent == at {
                return false;
            }
            at = around.parent;
        }
        false
    }

    fn charge(&self, text: &str) -> bool {
        self.budget.charge_steps(TEXT_STEPS + 8 * text.len() as u64)
    }

    fn add_lines(&mut self, text: &str) {
        for line in numbered_streets(text) {
            if self.lines.len() < MAX_LINES && !self.lines.contains(&line) {
                self.lines.push(line);
            }
        }
    }

    fn add(&mut self, parts: AddressParts, score: isize, fragment: &'static str) {
        let known = 20 * (isize::from(parts.street.is_some()) + isize::from(parts.city.is_some()));
        if self.candidates.len() < MAX_CANDIDATES && self.budget.charge_bytes(4 * parts.text.len() as u64) {
            self.candidates.push(Candidate { parts, score: score + known, fragment });
        }
    }

    /// The best candidate, with what the others add to it.
    fn best(mut self) -> VisibleAddress {
        self.candidates.sort_by_key(|one| std::cmp::Reverse(one.score));
        let mut all = self.candidates.into_iter();
        let Some(best) = all.next() else {
            return VisibleAddress { numbered_streets: self.lines, ..VisibleAddress::default() };
        };
        let mut parts = best.parts;
        for other in all {
            let is_same_city = match (&parts.city, &other.parts.city) {
                (Some(one), Some(two)) => fold(one) == fold(two),
                _ => true,
            };
            if is_same_city && parts.street.is_none() && other.parts.street.is_some() {
                parts.street = other.parts.street;
                parts.postal_code = parts.postal_code.or(other.parts.postal_code);
            }
        }
        VisibleAddress { parts: Some(parts), fragment: best.fragment, numbered_streets: self.lines }
    }
}

/// The parts of a heading between dashes and bars.
fn segments(heading: &str) -> Vec<&str> {
    let mut segments = vec![heading];
    for sign in [" - ", " – ", " — ", " | ", " • ", " · "] {
        segments = segments.into_iter().flat_map(|segment| segment.split(sign)).collect();
    }
    segments.into_iter().map(str::trim).filter(|segment| !segment.is_empty()).collect()
}

fn with_told(mut parts: AddressParts, told: AddressParts) -> AddressParts {
    // "Lindgatan 15, 6 tr" is told as a street, and the street in it is known.
    parts.street = parts.street.or(told.street);
    parts.city = told.city.or(parts.city);
    parts.state = told.state.or(parts.state);
    parts.postal_code = told.postal_code.or(parts.postal_code);
    parts
}

fn is_street_text(text: &str) -> bool {
    text.contains(char::is_alphabetic)
        && !text.contains(',')
        && text.chars().count() <= 120
        && !is_bare_number(text)
}

fn is_postal_code(text: &str) -> bool {
    text.len() <= 12 && text.contains(|one: char| one.is_ascii_digit())
}

fn is_contact_link(block: &Block<'_>) -> bool {
    let href = block.element.attr("href").filter(|_| block.name() == "a").unwrap_or_default();
    href.starts_with("tel:") || href.starts_with("mailto:")
}

/// "Tel. 01 23", "Phone:", "тел.".
fn is_contact_text(text: &str) -> bool {
    let text = truncate(text, 80);
    let folded = fold(text);
    let starts = [
        "tel.",
        "tel:",
        "telefon",
        "telephone",
        "phone",
        "fax",
        "тел.",
        "тел:",
        "телефон",
        "e-mail",
        "email",
    ];
    starts.iter().any(|start| folded.starts_with(start)) || text.contains('@')
}
