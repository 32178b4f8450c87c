//! Finds data in the code of a script: `name = {…}`, `JSON.parse("…")`, what is pushed to a queue, and the argument of
//! a call. Code is not understood; a place that looks like data is tried, and a bounded number of them.

use serde_json::Value;

use super::super::json;
use super::super::lenient_json;
use super::super::nuxt;
use super::super::page_state::StateBlock;
use super::super::references::StateData;
use super::literal;
use super::names::{has_references, is_state_name, is_tracking_name, state_name};
use crate::base::text::{truncate, truncate_start};
use crate::crawler::budget::PageBudget;

/// Places in one script that are tried: each may cost the length of the rest.
const MAX_TRIES: usize = 100;
/// Of them, places that the slower lenient reader tries.
const MAX_LENIENT_TRIES: usize = 40;
/// Steps of looking at what is around a sign.
const SIGN_STEPS: u64 = 10;
/// Bytes of code before a bracket that may name what is called, and of a default in front of a value.
const MAX_CALLEE: usize = 60;
const MAX_DEFAULT: usize = 80;

/// Reads one script.
pub(super) struct ScriptReader<'a> {
    script: &'a str,
    budget: &'a PageBudget,
    tries: usize,
    lenient_tries: usize,
    pub(super) blocks: Vec<StateBlock>,
    /// Values that are named like state and could not be read.
    pub(super) skipped: u32,
    /// Rows of React's flight format.
    pub(super) rows: String,
}

impl<'a> ScriptReader<'a> {
    pub(super) fn new(script: &'a str, budget: &'a PageBudget) -> Self {
        let rows = String::new();
        Self { script, budget, tries: 0, lenient_tries: 0, blocks: Vec::new(), skipped: 0, rows }
    }

    /// Tries every place behind an equals sign or an opening bracket.
    pub(super) fn read(&mut self) {
        let script = self.script;
        let mut at = 0;
        self.budget.charge_steps(script.len() as u64 / 4);
        while let Some(found) = script[at..].find(['=', '(']).filter(|_| self.tries < MAX_TRIES) {
            if !self.budget.charge_steps(SIGN_STEPS) {
                return;
            }
            let sign = at + found;
            let (before, rest) = (&script[..sign], &script[sign + 1..]);
            let is_call = script.as_bytes()[sign] == b'(';
            let read = if is_call { self.read_call(before, rest) } else { self.read_assigned(before, rest) };
            at = sign + 1 + read.unwrap_or(0);
        }
    }

    /// Reads what a function is called with. The length of what was read, where that is not to be read again.
    fn read_call(&mut self, before: &str, rest: &str) -> Option<usize> {
        let callee = truncate_start(before, MAX_CALLEE);
        let value = rest.trim_start();
        if callee.ends_with(".push") && callee.contains("__next_f") {
            self.tries += 1;
            self.push_rows(value);
            return None;
        }
        if callee.ends_with("JSON.parse") {
            self.tries += 1;
            let named = before.trim_end_matches("JSON.parse").trim_end().trim_end_matches('=');
            match literal::parsed(value, self.budget) {
                Some(parsed) => self.keep(parsed, value, named),
                None => self.skipped += u32::from(is_state_name(named)),
            }
            return None;
        }
        let is_queue = callee.ends_with("dataLayer.push");
        if !(begins_object(value) || (is_queue && begins_literal(value))) {
            return None;
        }
        self.tries += 1;
        let named = if is_queue { &before[..before.len() - ".push".len()] } else { before };
        self.read_value(value, named).map(|length| rest.len() - value.len() + length)
    }

    /// Reads what a name is assigned.
    fn read_assigned(&mut self, before: &str, rest: &str) -> Option<usize> {
        let value = without_default(rest.trim_start());
        if value.starts_with('(') && truncate_start(before.trim_end(), MAX_CALLEE).ends_with("__NUXT__") {
            self.tries += 1;
            match nuxt::call(value, self.budget) {
                Some(data) => self.keep_data(data, before),
                None => self.skipped += 1,
            }
            return None;
        }
        if !begins_json(value) && !begins_literal(value) {
            return None;
        }
        self.tries += 1;
        let length = self.read_value(value, before);
        // Ordinary code is not JSON; only what is named like state counts as broken.
        self.skipped += u32::from(length.is_none() && is_state_name(before));
        length.map(|length| rest.len() - value.len() + length)
    }

    /// Reads the value at the start of `text`, strictly first.
    fn read_value(&mut self, text: &str, named: &str) -> Option<usize> {
        let strict = begins_json(text).then(|| json::parse_start(text, self.budget)).flatten();
        let (value, length) = match strict {
            Some(read) => read,
            None if self.lenient_tries < MAX_LENIENT_TRIES => {
                self.lenient_tries += 1;
                lenient_json::parse_start(text, self.budget)?
            }
            None => return None,
        };
        self.keep(value, &text[..length], named);
        Some(length)
    }

    fn push_rows(&mut self, rest: &str) {
        if let Some((Value::Array(row), _)) = json::parse_start(rest, self.budget)
            && let Some(Value::String(text)) = row.get(1)
            && self.budget.charge_bytes(2 * text.len() as u64)
        {
            self.rows.push_str(text);
        }
    }

    fn keep(&mut self, value: Value, text: &str, named: &str) {
        if value.is_object() || value.is_array() {
            self.keep_data(state_data(value, text, self.budget), named);
        }
    }

    fn keep_data(&mut self, data: StateData, named: &str) {
        let name = state_name(named);
        let is_tracking = is_tracking_name(&name);
        self.blocks.push(StateBlock { data, name, is_tracking });
    }
}

/// How the values of a block that was written as `text` refer to each other.
pub(super) fn state_data(value: Value, text: &str, budget: &PageBudget) -> StateData {
    match nuxt::devalue(value, budget) {
        Ok(values) => values,
        Err(tree) if has_references(text, budget) => StateData::Cache(tree),
        Err(tree) => StateData::Tree(tree),
    }
}

/// The value behind `window.name ||` and `name ??`.
fn without_default(text: &str) -> &str {
    let near = truncate(text, MAX_DEFAULT);
    let end = near.find("||").or_else(|| near.find("??"));
    let is_name = |name: &str| {
        name.trim_end().bytes().all(|byte| {
            byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'$' | b'[' | b']' | b'\'' | b'"')
        })
    };
    match end {
        Some(end) if is_name(&near[..end]) => text[end + 2..].trim_start(),
        _ => text,
    }
}

/// Whether JSON and not code follows: the first thing in an object is a quoted key, in an array an object.
fn begins_json(text: &str) -> bool {
    begins_object(text)
        || text.strip_prefix('[').map(str::trim_start).is_some_and(|rest| rest.starts_with(['{', '[', '"']))
}

fn begins_object(text: &str) -> bool {
    text.strip_prefix('{').map(str::trim_start).is_some_and(|rest| rest.starts_with('"'))
}

/// Whether an object literal with unquoted keys or keys in single quotes follows, or a list of them.
fn begins_literal(text: &str) -> bool {
    let text = text.strip_prefix('[').map_or(text, str::trim_start);
    let Some(rest) = text.strip_prefix('{').map(str::trim_start) else { return false };
    let name = rest.bytes().take(MAX_CALLEE).take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    let after = &rest[name.count()..];
    rest.starts_with(['\'', '"']) || (after.len() < rest.len() && after.trim_start().starts_with(':'))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(script: &str) -> (Vec<(String, Value)>, u32) {
        let budget = PageBudget::for_page(script.len());
        let mut reader = ScriptReader::new(script, &budget);
        reader.read();
        let named = |block: StateBlock| match block.data {
            StateData::Tree(value) | StateData::Cache(value) => (block.name, value),
            StateData::Call { result, arguments } => (block.name, json!([result, arguments])),
            other => panic!("{other:?}"),
        };
        (reader.blocks.into_iter().map(named).collect(), reader.skipped)
    }

    #[test]
    fn data_is_found_where_it_is_assigned_parsed_or_passed() {
        let home = json!({"price": 1, "beds": 2});
        for (script, name, value) in [
            (r#"window['__STATE__'] = {"price": 1, "beds": 2};"#, "__STATE__", home.clone()),
            (r#"var a = 1; window.data={price: 1, 'beds': 2};var b=2;"#, "data", home.clone()),
            (r#"window.state = window.state || {"price":1,"beds":2};"#, "state", home.clone()),
            (r#"App.hydrate({"price":1,"beds":2}, x)"#, "hydrate", home.clone()),
            (r#"dataLayer.push({price: 1, beds: 2})"#, "dataLayer", home.clone()),
            (r#"dataLayer = [{"price": 1, "beds": 2}]"#, "dataLayer", json!([home])),
            (r#"window.__S__ = JSON.parse('{"price":1,"beds":2}')"#, "__S__", home),
            (
                r#"__S__ = {"price": 1, "beds": 2, "x": undefined}"#,
                "__S__",
                json!({"price": 1, "beds": 2, "x": null}),
            ),
        ] {
            assert_eq!(read(script), (vec![(name.to_owned(), value)], 0), "{script}");
        }
    }

    #[test]
    fn the_function_of_nuxt_is_read_with_its_arguments() {
        let (blocks, skipped) = read("window.__NUXT__=(function(a){return {price:a}}(5));");

        assert_eq!(blocks, [("__NUXT__".to_owned(), json!([{"price": "\u{e000}0"}, [5]]))]);
        assert_eq!(skipped, 0);
    }

    #[test]
    fn rows_are_pushed_together() {
        let budget = PageBudget::for_page(1_000);
        let script = r#"(self.__next_f=self.__next_f||[]).push([0]);self.__next_f.push([1,"1:{\"a\""]);
            self.__next_f.push([1,":1}\n"])"#;
        let mut reader = ScriptReader::new(script, &budget);

        reader.read();

        assert_eq!(reader.rows, "1:{\"a\":1}\n");
        assert!(reader.blocks.is_empty());
    }

    #[test]
    fn code_is_no_data_and_only_broken_state_counts() {
        assert_eq!(read("if (a == b) { var c = {d: function() { return 1 }}; e = a.b(c) }").0, []);
        assert_eq!(read("window.__STATE__ = {\"a\": [").1, 1);
        assert_eq!(read("window.__STATE__ = JSON.parse('{').1").1, 1);
        assert_eq!(read("x.y = {\"a\": [").1, 0);
    }

    #[test]
    fn the_number_of_attempts_is_bounded() {
        let budget = PageBudget::for_page(1_000);
        let script = "a={\"".repeat(10_000);
        let mut reader = ScriptReader::new(&script, &budget);

        reader.read();

        assert_eq!((reader.tries, reader.lenient_tries), (MAX_TRIES, MAX_LENIENT_TRIES));
        assert!(reader.blocks.is_empty());
    }
}
