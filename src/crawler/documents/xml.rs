//! Reads XML event by event: which kind of document it is, and its entries. A document type is skipped, entities that it
//! defines are not expanded, and depth, texts and entries are bounded.

use quick_xml::Reader;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesRef, BytesStart, Event};
use url::Url;

use super::entry::{Element, Entry, EntryReader, MAX_TEXT, RawEntry};
use super::feed::FeedReader;
use super::sitemap::SitemapReader;
use crate::crawler::budget::{PageBudget, Truncation};

/// How deep elements may nest. Sitemaps need four levels, and their extensions a few more.
const MAX_DEPTH: usize = 32;
/// Stands for what is missing in a text: no address has it.
const CUT: char = '\0';
/// Steps of an event, beside those for its bytes.
const EVENT_STEPS: u64 = 30;

/// The entries of the document at `url`, at most `most`; none of a document of another kind.
pub(super) fn entries(text: &str, url: &Url, most: usize, budget: &PageBudget) -> Vec<Entry> {
    let mut document = Document { url, budget, path: Vec::new(), texts: Vec::new(), reader: None };
    let mut reader = Reader::from_str(text);
    let config = reader.config_mut();
    // What stands in front of a fault is read all the same.
    config.check_end_names = false;
    config.allow_unmatched_ends = true;
    config.allow_dangling_amp = true;
    let mut found = Vec::new();
    let mut before = 0;
    while found.len() < most {
        let event = reader.read_event();
        let position = reader.buffer_position();
        let steps = EVENT_STEPS + position.saturating_sub(before);
        before = position;
        if !budget.charge_steps(steps) {
            break;
        }
        match event {
            Ok(Event::Eof) | Err(_) => break,
            Ok(event) => {
                if !document.handle(&event) {
                    break;
                }
            }
        }
        found.extend(document.take());
    }
    found
}

struct Document<'a> {
    url: &'a Url,
    budget: &'a PageBudget,
    /// The names of the open elements.
    path: Vec<String>,
    /// The texts that stand directly in them.
    texts: Vec<String>,
    /// What the root element says that this is.
    reader: Option<Box<dyn EntryReader>>,
}

impl Document<'_> {
    /// Whether reading goes on.
    fn handle(&mut self, event: &Event<'_>) -> bool {
        match event {
            Event::Start(start) => self.begin(start),
            Event::Empty(start) => self.begin(start) && self.end(),
            Event::End(_) => self.end(),
            Event::Text(text) => self.add(text),
            Event::CData(text) => self.add(text),
            Event::GeneralRef(reference) => self.add_reference(reference),
            Event::DocType(_) | Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::Eof => true,
        }
    }

    fn begin(&mut self, start: &BytesStart<'_>) -> bool {
        let name = local_name(start);
        if self.path.len() >= MAX_DEPTH {
            self.budget.stop(Truncation::Depth);
            return false;
        }
        if self.path.is_empty() && self.reader.is_none() {
            self.reader = reader_for(&name);
            if self.reader.is_none() {
                return false;
            }
        }
        self.path.push(name);
        self.texts.push(String::new());
        if let Some(reader) = &mut self.reader {
            reader.begin(&self.path, &Element::new(start));
        }
        true
    }

    fn end(&mut self) -> bool {
        let Some(text) = self.texts.pop() else { return true };
        if let Some(reader) = &mut self.reader {
            reader.end(&self.path, text.trim());
        }
        self.path.pop();
        true
    }

    fn add(&mut self, text: &str) -> bool {
        let Some(open) = self.texts.last_mut() else { return true };
        if open.len() + text.len() <= MAX_TEXT {
            if !self.budget.charge_bytes(text.len() as u64) {
                return false;
            }
            open.push_str(text);
        } else {
            open.push(CUT);
        }
        true
    }

    /// A character reference, or one of the five entities that XML itself has.
    fn add_reference(&mut self, reference: &BytesRef<'_>) -> bool {
        match reference.resolve_char_ref() {
            Ok(Some(character)) => self.add(character.encode_utf8(&mut [0; 4])),
            _ => match resolve_predefined_entity(reference) {
                Some(text) => self.add(text),
                // An entity of a document type: what it stands for is not known.
                None => self.add(CUT.encode_utf8(&mut [0; 4])),
            },
        }
    }

    fn take(&mut self) -> Option<Entry> {
        let RawEntry { address, is_list, changed } = self.reader.as_mut()?.take()?;
        let url = self.url.join(&address).ok().filter(|_| is_address(&address))?;
        Some(Entry { url, is_list, changed })
    }
}

fn is_address(text: &str) -> bool {
    !text.is_empty() && !text.contains(|c: char| c.is_whitespace() || c.is_control())
}

fn local_name(start: &BytesStart<'_>) -> String {
    start.local_name().into_inner().to_ascii_lowercase()
}

/// What reads a document with this root element.
fn reader_for(root: &str) -> Option<Box<dyn EntryReader>> {
    match root {
        "urlset" | "sitemapindex" => Some(Box::new(SitemapReader::default())),
        "rss" | "feed" | "rdf" => Some(Box::new(FeedReader::default())),
        _ => None,
    }
}
