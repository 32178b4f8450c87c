//! Reads the scripts of a page: those that are data, those that hold data, and the rows that several of them push.

use url::Url;

use super::super::extraction::{Layer, LayerResult};
use super::super::json;
use super::super::lenient_json;
use super::super::page_state::{self, StateBlock};
use super::super::references::StateData;
use super::flight;
use super::names::is_tracking_name;
use super::script::{ScriptReader, state_data};
use crate::base::text::truncate;
use crate::crawler::budget::PageBudget;
use crate::crawler::page::Page;

/// Scripts of one page that are read.
const MAX_SCRIPTS: usize = 300;
/// Bytes of a script's `id`.
const MAX_ID: usize = 40;

/// The page state of a page.
pub(in crate::crawler::extract) struct PageState {
    pub(in crate::crawler::extract) blocks: Vec<StateBlock>,
    /// Blocks that are named like state and could not be parsed.
    skipped: u32,
}

/// Parses the page state of `page`.
pub(in crate::crawler::extract) fn parsed(page: &Page) -> PageState {
    let budget = page.budget();
    let mut blocks = Vec::new();
    let mut skipped = 0;
    let mut rows = String::new();
    for script in page.scripts().take(MAX_SCRIPTS) {
        let mime = script.attr("type").unwrap_or_default().trim().to_ascii_lowercase();
        let text = page.script_text(script);
        match mime.as_str() {
            "application/ld+json" => {}
            "" | "text/javascript" | "application/javascript" | "module" => {
                let mut reader = ScriptReader::new(&text, budget);
                reader.read();
                blocks.append(&mut reader.blocks);
                skipped += reader.skipped;
                rows.push_str(&reader.rows);
            }
            _ if is_json(&mime) => match read_json(&text, budget) {
                Some(data) => {
                    let name = truncate(script.attr("id").unwrap_or_default(), MAX_ID).to_owned();
                    let is_tracking = is_tracking_name(&name);
                    blocks.push(StateBlock { data, name, is_tracking });
                }
                None => skipped += u32::from(!bare(&text).is_empty()),
            },
            _ => {}
        }
    }
    let rows = flight::rows(&rows, budget);
    if !rows.is_empty() {
        let name = "__next_f".to_owned();
        blocks.push(StateBlock { data: StateData::Flight(rows), name, is_tracking: false });
    }
    PageState { blocks, skipped }
}

/// What the page state of `page` tells.
pub(in crate::crawler::extract) fn read(state: &PageState, page: &Page) -> LayerResult {
    let drafts = page_state::drafts(&state.blocks, page.base(), page.budget());
    LayerResult { kind: Layer::PageState, drafts, skipped_blocks: state.skipped }
}

/// The addresses in the lists of the page state.
pub(in crate::crawler::extract) fn addresses(state: &PageState, page: &Page) -> Vec<Url> {
    page_state::addresses(&state.blocks, page.base(), page.budget())
}

/// `application/json; charset=utf-8`, `application/vnd.api+json`, `text/json`.
fn is_json(mime: &str) -> bool {
    let mime = mime.split(';').next().unwrap_or_default().trim();
    matches!(mime, "application/json" | "text/json" | "application/x-json")
        || (mime.ends_with("+json") && mime != "application/ld+json")
}

fn read_json(text: &str, budget: &PageBudget) -> Option<StateData> {
    let text = bare(text);
    if text.is_empty() {
        return None;
    }
    let value = json::parse(text, budget).or_else(|| lenient_json::parse(text, budget))?;
    Some(state_data(value, text, budget))
}

/// The data without the comment and CDATA wrappers of the XHTML years.
fn bare(text: &str) -> &str {
    let mut text = text.trim();
    for opening in ["//", "/*", "<![CDATA[", "*/", "<!--"] {
        text = text.strip_prefix(opening).unwrap_or(text).trim_start();
    }
    for ending in ["*/", "-->", "]]>", "//", "/*", ";"] {
        text = text.strip_suffix(ending).unwrap_or(text).trim_end();
    }
    text
}
