//! The second layer: the state that a page embeds for its own scripts. Nothing is executed; data is found where it is
//! written as JSON.

use serde_json::Value;

use super::extraction::{Layer, LayerResult};
use super::{json, json_ld, page_state};
use crate::base::text::truncate_start;
use crate::crawler::budget::PageBudget;
use crate::crawler::page::Page;

/// Scripts of one page that are read.
const MAX_SCRIPTS: usize = 300;
/// Places in one script that are tried: each may cost the length of the rest.
const MAX_TRIES: usize = 100;

pub(super) fn read(page: &Page) -> LayerResult {
    let mut blocks = Blocks { budget: page.budget(), values: Vec::new(), skipped: 0, flight: String::new() };
    for script in page.scripts().take(MAX_SCRIPTS) {
        let mime = script.attr("type").unwrap_or_default().trim().to_ascii_lowercase();
        let text = page.script_text(script);
        match mime.as_str() {
            "application/ld+json" => {}
            "" | "text/javascript" | "application/javascript" | "module" => blocks.read_script(&text),
            _ if mime.starts_with("application/json") || mime.ends_with("+json") => blocks.read_json(&text),
            _ => {}
        }
    }
    blocks.read_flight();
    let drafts = page_state::drafts(&blocks.values, page.base(), page.budget());
    LayerResult { kind: Layer::Embedded, drafts, skipped_blocks: blocks.skipped }
}

struct Blocks<'a> {
    budget: &'a PageBudget,
    values: Vec<Value>,
    skipped: u32,
    /// The rows that a streaming framework pushes piece by piece.
    flight: String,
}

impl Blocks<'_> {
    fn read_json(&mut self, text: &str) {
        let text = json_ld::unwrap(text);
        match json::parse(text, self.budget) {
            Some(value) => self.values.push(value),
            None if text.is_empty() => {}
            None => self.skipped += 1,
        }
    }

    /// Takes the values of `name = {…}`, `name = JSON.parse("…")` and pushes of rows.
    fn read_script(&mut self, script: &str) {
        let mut at = 0;
        let mut tries = 0;
        self.budget.charge_steps(script.len() as u64 / 4);
        while let Some(found) = script[at..].find(['=', '(']).filter(|_| tries < MAX_TRIES) {
            if self.budget.is_spent() {
                return;
            }
            let sign = at + found;
            at = sign + 1;
            let rest = script[at..].trim_start();
            let start = script.len() - rest.len();
            if script.as_bytes()[sign] == b'(' {
                if script[..sign].ends_with("__next_f.push") {
                    tries += 1;
                    self.push_rows(rest);
                }
                continue;
            }
            let read = if let Some(literal) = rest.strip_prefix("JSON.parse(") {
                literal_json(literal.trim_start(), self.budget).map(|value| (value, "JSON.parse(".len()))
            } else if begins_json(rest) {
                json::parse_start(rest, self.budget)
            } else {
                continue;
            };
            tries += 1;
            match read {
                Some((value, length)) => {
                    self.values.push(value);
                    at = start + length;
                }
                // Ordinary code is not JSON; only what is named like state counts as broken.
                None => self.skipped += u32::from(is_state_name(&script[..sign])),
            }
        }
    }

    fn push_rows(&mut self, rest: &str) {
        if let Some((Value::Array(row), _)) = json::parse_start(rest, self.budget)
            && let Some(Value::String(text)) = row.get(1)
            && self.budget.charge_bytes(2 * text.len() as u64)
        {
            self.flight.push_str(text);
        }
    }

    /// Rows are `id:JSON`, one a line; other kinds of rows are not data.
    fn read_flight(&mut self) {
        let flight = std::mem::take(&mut self.flight);
        for line in flight.lines() {
            let Some((id, row)) = line.split_once(':') else { continue };
            let numbered = id.len() <= 8 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
            if numbered && row.starts_with(['[', '{']) {
                self.values.extend(json::parse(row, self.budget));
            }
        }
    }
}

/// Whether JSON and not code follows: the first thing in an object is a quoted key, in an array an object.
fn begins_json(text: &str) -> bool {
    let inside = |open| text.strip_prefix(open).map(str::trim_start);
    inside('{').is_some_and(|rest| rest.starts_with('"'))
        || inside('[').is_some_and(|rest| rest.starts_with(['{', '[', '"']))
}

/// The JSON inside of a string literal.
fn literal_json(text: &str, budget: &PageBudget) -> Option<Value> {
    let inner = match text.as_bytes().first()? {
        b'"' => match json::parse_start(text, budget)?.0 {
            Value::String(inner) => inner,
            _ => return None,
        },
        b'\'' => {
            let inner = single_quoted(&text[1..]);
            // Without an end it was read up to the end of the script.
            let read = inner.as_ref().map_or(text.len(), String::len) as u64;
            budget.charge_steps(read);
            budget.charge_bytes(2 * read);
            inner?
        }
        _ => return None,
    };
    json::parse(&inner, budget)
}

/// The text of a literal in single quotes, up to its end.
fn single_quoted(text: &str) -> Option<String> {
    let mut plain = String::new();
    let mut characters = text.chars();
    loop {
        match characters.next()? {
            '\'' => return Some(plain),
            '\\' => match characters.next()? {
                'n' => plain.push('\n'),
                't' => plain.push('\t'),
                'r' => plain.push('\r'),
                // Left for the JSON parser, which reads surrogate pairs as well.
                'u' => plain.push_str("\\u"),
                'x' => {
                    let hex: String = characters.by_ref().take(2).collect();
                    plain.push(char::from(u8::from_str_radix(&hex, 16).ok()?));
                }
                other => plain.push(other),
            },
            other => plain.push(other),
        }
    }
}

/// Whether the text before the sign ends in a name that sites give to page state.
fn is_state_name(before: &str) -> bool {
    const LONGEST: usize = 100;
    let before = before.trim_end();
    let near = truncate_start(before, LONGEST + 4);
    let name = near.rsplit(|c: char| c.is_whitespace() || c == ';').next().unwrap_or_default();
    // A name that fills all that was looked at is longer than that.
    if name.len() > LONGEST {
        return false;
    }
    let name = name.to_ascii_lowercase();
    ["__", "state", "data", "props"].iter().any(|word| name.contains(word))
}
