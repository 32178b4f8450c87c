//! The state of pages made with Nuxt: the devalue array of version 3, and the function of version 2, whose arguments
//! are the values that occur more than once. Nothing is executed.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::lenient_json;
use super::references::{ARGUMENT, StateData};
use crate::base::text::truncate;
use crate::crawler::budget::PageBudget;

/// Parameters of the function.
const MAX_ARGUMENTS: usize = 5_000;
/// Bytes of a name of a parameter.
const MAX_NAME: usize = 8;
/// Bytes of the parts of a function between its parameters and what it returns.
const MAX_PROLOGUE: usize = 20_000;
/// Steps of reading a value of the array.
const ELEMENT_STEPS: u64 = 4;
/// Bytes of a key of a map: many maps may name one text as their key, and each holds a copy.
const MAX_KEY: usize = 200;
/// Bytes of an entry of a collection beside its key.
const ENTRY_BYTES: u64 = 200;

/// The values of a `__NUXT_DATA__` block; the value itself when it is not in that form.
pub(super) fn devalue(value: Value, budget: &PageBudget) -> Result<StateData, Value> {
    match value {
        Value::Array(values) if is_devalue(&values) => {
            Ok(StateData::Devalue(without_collections(values, budget)))
        }
        other => Err(other),
    }
}

/// Whether the first value wraps the index of the root.
fn is_devalue(values: &[Value]) -> bool {
    let Some(Value::Array(first)) = values.first() else { return false };
    match &first[..] {
        [Value::String(kind), Value::Number(index)] => {
            kind.contains("Reactive") && index.as_u64().is_some_and(|index| index < values.len() as u64)
        }
        _ => false,
    }
}

/// Sets, maps, dates and objects without a prototype become arrays, objects and texts.
fn without_collections(mut values: Vec<Value>, budget: &PageBudget) -> Vec<Value> {
    for at in 0..values.len() {
        if !budget.charge_steps(ELEMENT_STEPS) {
            break;
        }
        if let Some(plain) = plain_collection(&values[at], &values, budget) {
            values[at] = plain;
        }
    }
    values
}

fn plain_collection(value: &Value, all: &[Value], budget: &PageBudget) -> Option<Value> {
    let (Value::String(kind), rest) = value.as_array()?.split_first()? else { return None };
    let pairs = || rest.chunks_exact(2);
    let entry_at = |index: &Value| all.get(usize::try_from(index.as_u64()?).ok()?)?.as_str();
    // What a collection holds are indexes.
    let entry = |key: Option<&str>, value: &Value| {
        let key = key.filter(|key| value.is_number() && key.len() <= MAX_KEY)?;
        budget.charge_bytes(key.len() as u64).then(|| (key.to_owned(), value.clone()))
    };
    let is_kept = || budget.charge_bytes(ENTRY_BYTES * rest.len() as u64);
    match (kind.as_str(), rest) {
        ("Date" | "BigInt" | "URL", [Value::String(text)]) => Some(Value::from(text.as_str())),
        ("Set", _) => {
            is_kept().then(|| Value::Array(rest.iter().filter(|value| value.is_number()).cloned().collect()))
        }
        ("null", _) if is_kept() => {
            let named = pairs().filter_map(|pair| entry(pair[0].as_str(), &pair[1]));
            Some(Value::Object(named.collect::<Map<_, _>>()))
        }
        ("Map", _) if is_kept() => {
            let named = pairs().filter_map(|pair| entry(entry_at(&pair[0]), &pair[1]));
            Some(Value::Object(named.collect::<Map<_, _>>()))
        }
        _ => None,
    }
}

/// The result of `(function(a,b){return {…}}(…))` and of its arrow form, with the arguments that `a` and `b` stand
/// for. `None` when the function does more than return an object literal.
pub(super) fn call(text: &str, budget: &PageBudget) -> Option<StateData> {
    let inner = text.strip_prefix('(')?.trim_start();
    let (names, body) = match inner.strip_prefix("function") {
        Some(rest) => {
            let (names, rest) = rest.trim_start().strip_prefix('(')?.split_once(')')?;
            (names, rest.trim_start())
        }
        None => {
            let (names, rest) = inner.strip_prefix('(')?.split_once(')')?;
            (names, rest.trim_start().strip_prefix("=>")?.trim_start())
        }
    };
    let parameters = parameters(names)?;
    let end = balanced_end(body, budget)?;
    let (block, after) = body.split_at(end);
    let arguments = arguments(after, budget)?;
    let start = returned(block)?;
    let literal = with_placeholders(&block[start..], &parameters, budget)?;
    let (result, _) = lenient_json::parse_start(&literal, budget)?;
    Some(StateData::Call { result, arguments })
}

fn parameters(names: &str) -> Option<Vec<&str>> {
    let names: Vec<_> = names.split(',').map(str::trim).take(MAX_ARGUMENTS + 1).collect();
    let fits = |name: &&str| name.len() <= MAX_NAME && name.bytes().all(is_name_byte);
    (names.len() <= MAX_ARGUMENTS && names.iter().all(fits)).then_some(names)
}

/// Where the returned object begins: the body of an arrow function that is an expression, or behind `return`.
fn returned(block: &str) -> Option<usize> {
    if block.starts_with('(') {
        return block.find('{');
    }
    let prologue = truncate(block, MAX_PROLOGUE);
    let at = prologue.find("return")? + "return".len();
    let rest = block[at..].trim_start_matches([' ', '\n', '\t', '(']);
    rest.starts_with('{').then(|| block.len() - rest.len())
}

/// The values in the parentheses behind the function: `}(1,2))`, `})(1,2)`. What is no value is null.
fn arguments(after: &str, budget: &PageBudget) -> Option<Vec<Value>> {
    let after = after.trim_start();
    let list = after.strip_prefix(')').map_or(after, str::trim_start);
    let end = balanced_end(list, budget).filter(|_| list.starts_with('('))?;
    let mut values = Vec::new();
    let mut rest = &list[1..end - 1];
    while !rest.trim_start().is_empty() && values.len() < MAX_ARGUMENTS {
        let length = argument_length(rest, budget)?;
        let (own, after) = rest.split_at(length);
        values.push(argument(own.trim(), budget));
        rest = after.strip_prefix(',').unwrap_or(after);
    }
    Some(values)
}

/// The reader takes lists and objects only, so that a number or a text is read as the one element of a list.
fn argument(text: &str, budget: &PageBudget) -> Value {
    if !budget.charge_bytes(text.len() as u64) {
        return Value::Null;
    }
    match lenient_json::parse(&format!("[{text}]"), budget) {
        Some(Value::Array(mut one)) if one.len() == 1 => one.swap_remove(0),
        _ => Value::Null,
    }
}

/// The length of the first argument in `text`: up to the comma outside of brackets and texts.
fn argument_length(text: &str, budget: &PageBudget) -> Option<usize> {
    let mut scan = Scan::new(text, budget);
    while let Some((at, byte)) = scan.next_code()? {
        if byte == b',' && scan.depth == 0 {
            return Some(at);
        }
    }
    Some(text.len())
}

/// The length of the bracket that `text` begins with.
fn balanced_end(text: &str, budget: &PageBudget) -> Option<usize> {
    let mut scan = Scan::new(text, budget);
    while let Some((at, _)) = scan.next_code()? {
        if scan.depth == 0 {
            return (at > 0).then_some(at + 1);
        }
    }
    None
}

/// The literal in which a text stands for each parameter: the arguments are looked up there, not copied.
fn with_placeholders(literal: &str, parameters: &[&str], budget: &PageBudget) -> Option<String> {
    let places: HashMap<_, _> = parameters.iter().enumerate().map(|(at, name)| (*name, at)).collect();
    let mut replaced = String::with_capacity(literal.len());
    let mut copied = 0;
    // Before a value there is a colon, a comma or a bracket.
    let mut before = b'[';
    let mut scan = Scan::new(literal, budget);
    while let Some((at, byte)) = scan.next_code()? {
        if !is_name_byte(byte) {
            if !byte.is_ascii_whitespace() {
                before = byte;
            }
            if scan.depth == 0 {
                replaced.push_str(&literal[copied..=at]);
                return budget.charge_bytes(replaced.len() as u64).then_some(replaced);
            }
            continue;
        }
        let end = at + literal[at..].bytes().take_while(|byte| is_name_byte(*byte)).count();
        scan.at = end;
        budget.charge_scan(end - at);
        let is_value =
            matches!(before, b':' | b'[' | b',') && literal[end..].trim_start().starts_with([',', '}', ']']);
        before = b'a';
        if let Some(place) = places.get(&literal[at..end]).filter(|_| is_value) {
            replaced.push_str(&literal[copied..at]);
            replaced.push_str(&format!("\"{ARGUMENT}{place}\""));
            copied = end;
        }
    }
    None
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$'
}

/// Goes over code byte by byte, skips texts and counts brackets. All that it looks for is ASCII.
struct Scan<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Brackets that are open behind the last byte.
    depth: usize,
    budget: &'a PageBudget,
}

impl<'a> Scan<'a> {
    fn new(text: &'a str, budget: &'a PageBudget) -> Self {
        Self { bytes: text.as_bytes(), at: 0, depth: 0, budget }
    }

    /// The next ASCII byte of code and its place; `Some(None)` at the end, `None` where brackets do not match or the
    /// budget is spent.
    fn next_code(&mut self) -> Option<Option<(usize, u8)>> {
        while let Some(byte) = self.bytes.get(self.at).copied() {
            let at = self.at;
            self.at += 1;
            if at.is_multiple_of(64) && !self.budget.charge_steps(16) {
                return None;
            }
            match byte {
                b'"' | b'\'' | b'`' => self.skip_text(byte)?,
                b'{' | b'[' | b'(' => self.depth += 1,
                b'}' | b']' | b')' => self.depth = self.depth.checked_sub(1)?,
                _ => {}
            }
            if byte.is_ascii() {
                return Some(Some((at, byte)));
            }
        }
        Some(None)
    }

    fn skip_text(&mut self, quote: u8) -> Option<()> {
        let start = self.at;
        while let Some(byte) = self.bytes.get(self.at).copied() {
            self.at += if byte == b'\\' { 2 } else { 1 };
            if byte == quote {
                return self.budget.charge_scan(self.at - start).then_some(());
            }
        }
        self.budget.charge_scan(self.bytes.len() - start);
        None
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn budget() -> PageBudget {
        PageBudget::for_page(10_000)
    }

    fn called(text: &str) -> Option<(Value, Vec<Value>)> {
        match call(text, &budget())? {
            StateData::Call { result, arguments } => Some((result, arguments)),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn parameters_stand_for_arguments() {
        for text in [
            r#"(function(a,b,c){return {data:[{id:"a,b",price:a,list:[b,c],a:1}],b:"x"}}(425000,"it's (3)",{d:[1]}))"#,
            r#"(function(a,b,c){return {data:[{id:"a,b",price:a,list:[b,c],a:1}],b:"x"}})(425000,"it's (3)",{d:[1]})"#,
            r#"((a, b, c) => ({data:[{id:"a,b",price:a,list:[b,c],a:1}],b:"x"}))(425000, "it's (3)", {d:[1]})"#,
            r#"((a,b,c) => {return {data:[{id:"a,b",price:a,list:[b,c],a:1}],b:"x"}})(425000,"it's (3)",{d:[1]})"#,
        ] {
            let (result, arguments) = called(text).unwrap();

            let [a, b, c] = [0, 1, 2].map(|at| format!("{ARGUMENT}{at}"));
            let home = json!({"id": "a,b", "price": a, "list": [b, c], "a": 1});
            assert_eq!(result, json!({"data": [home], "b": "x"}), "{text}");
            assert_eq!(arguments, [json!(425_000), json!("it's (3)"), json!({"d": [1]})], "{text}");
        }
    }

    #[test]
    fn an_argument_that_is_code_is_null_and_other_code_is_no_state() {
        let (_, arguments) = called("(function(a,b){return {x:a}}(new Map([[1]]),2))").unwrap();
        assert_eq!(arguments, [Value::Null, json!(2)]);
        for code in [
            "(function(a){alert(a)}(1))",
            "(function(){return {x:f()}}())",
            "(function(a){return {x:a}}(1",
            "(function(a){return {x:'a}}(1))",
            "(function",
            "((",
            ")",
        ] {
            assert!(call(code, &budget()).is_none(), "{code}");
        }
    }

    #[test]
    fn only_the_devalue_form_is_taken_for_it() {
        let form = json!([["ShallowReactive", 1], {"price": 2}, 5]);
        assert!(matches!(devalue(form, &budget()), Ok(StateData::Devalue(_))));
        for other in [json!([{"price": 425_000, "beds": 3}]), json!([1, 2]), json!({"a": 1}), json!([])] {
            assert_eq!(devalue(other.clone(), &budget()).unwrap_err(), other);
        }
    }

    #[test]
    fn collections_of_devalue_become_plain_ones() {
        let form = json!([["Reactive", 1], {"set": 2, "map": 3, "date": 5, "bare": 6}, ["Set", 4], ["Map", 7, 4], 9,
            ["Date", "2026-01-02T00:00:00.000Z"], ["null", "price", 4], "beds"]);

        let Ok(StateData::Devalue(values)) = devalue(form, &budget()) else { panic!("devalue") };

        assert_eq!(values[2], json!([4]));
        assert_eq!(values[3], json!({"beds": 4}));
        assert_eq!(values[5], json!("2026-01-02T00:00:00.000Z"));
        assert_eq!(values[6], json!({"price": 4}));
    }

    #[test]
    fn a_long_text_is_no_key_of_many_maps() {
        let mut form = vec![json!(["Reactive", 1]), json!("k".repeat(100_000))];
        form.extend((0..5_000).map(|_| json!(["Map", 1, 1])));
        let budget = PageBudget::for_page(200_000);

        let Ok(StateData::Devalue(values)) = devalue(Value::Array(form), &budget) else { panic!("devalue") };

        assert!(values[2..].iter().all(|value| *value == json!({})));
    }
}
