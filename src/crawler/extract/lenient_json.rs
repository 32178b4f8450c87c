//! Reads JSON that is not quite JSON, and object literals of JavaScript: comments, single quotes, names without quotes,
//! raw line breaks, trailing commas. Nothing is executed, and half a value is no value. It is slower than the strict
//! reader and is tried after it.

use serde_json::{Map, Number, Value};

use super::bounds::MAX_DEPTH;
use super::json::{ELEMENT_BYTES, NODE_BYTES, NODE_ENTRIES, TEXT_BYTES, VALUE_STEPS};
use crate::crawler::budget::PageBudget;

/// Values that one text may hold one after the other.
const MAX_ROOTS: usize = 200;
/// Bytes that are looked at in one step, beside what values cost.
const BYTES_PER_STEP: u64 = 4;
/// Hexadecimal digits of the longest code point.
const MAX_CODE_DIGITS: usize = 6;

/// The object or the list that `text` is. Several in a row are a list of them, and closing braces that are too many
/// are ignored.
pub(super) fn parse(text: &str, budget: &PageBudget) -> Option<Value> {
    let mut reader = Reader { text, at: 0, budget };
    let value = reader.document();
    reader.charge_consumed();
    value
}

/// The value at the start of `text` and the place behind it; what follows does not matter.
pub(super) fn parse_start(text: &str, budget: &PageBudget) -> Option<(Value, usize)> {
    let mut reader = Reader { text, at: 0, budget };
    let value = reader.skip_blanks().and_then(|()| reader.value(0));
    reader.charge_consumed();
    Some((value?, reader.at))
}

/// A reader of one text. It never goes back, so that its work is in proportion to what it consumed.
struct Reader<'a> {
    text: &'a str,
    /// Always at the start of a character.
    at: usize,
    budget: &'a PageBudget,
}

impl<'a> Reader<'a> {
    fn document(&mut self) -> Option<Value> {
        let mut roots = Vec::new();
        loop {
            self.skip_separators(b",;")?;
            match self.peek() {
                None => break,
                Some(b'{' | b'[') if roots.len() < MAX_ROOTS => roots.push(self.value(0)?),
                Some(b'}' | b']') if !roots.is_empty() => self.at += 1,
                Some(_) => return None,
            }
        }
        if roots.len() > 1 { Some(Value::Array(roots)) } else { roots.pop() }
    }

    fn value(&mut self, depth: usize) -> Option<Value> {
        if depth >= MAX_DEPTH || !self.budget.charge_steps(VALUE_STEPS) {
            return None;
        }
        match self.peek()? {
            b'{' => self.object(depth),
            b'[' => self.array(depth),
            quote @ (b'"' | b'\'' | b'`') => self.string(quote).map(Value::String),
            b'!' => self.negation(),
            b'0'..=b'9' | b'-' | b'+' | b'.' => self.number(),
            _ => self.word(depth),
        }
    }

    fn object(&mut self, depth: usize) -> Option<Value> {
        self.at += 1;
        let mut object = Map::new();
        loop {
            self.skip_separators(b",")?;
            if self.take(b'}') {
                return Some(Value::Object(object));
            }
            let key = self.key()?;
            self.skip_blanks()?;
            if !self.take(b':') {
                return None;
            }
            self.skip_blanks()?;
            let node = if object.len().is_multiple_of(NODE_ENTRIES) { NODE_BYTES } else { 0 };
            if !self.budget.charge_bytes(node + TEXT_BYTES + key.len() as u64) {
                return None;
            }
            let value = self.value(depth + 1)?;
            object.insert(key, value);
            self.skip_blanks()?;
            if !matches!(self.peek()?, b',' | b'}') {
                return None;
            }
        }
    }

    fn array(&mut self, depth: usize) -> Option<Value> {
        self.at += 1;
        let mut values = Vec::new();
        loop {
            self.skip_separators(b",")?;
            if self.take(b']') {
                return Some(Value::Array(values));
            }
            if !self.budget.charge_bytes(ELEMENT_BYTES) {
                return None;
            }
            values.push(self.value(depth + 1)?);
            self.skip_blanks()?;
            if !matches!(self.peek()?, b',' | b']') {
                return None;
            }
        }
    }

    fn key(&mut self) -> Option<String> {
        if let quote @ (b'"' | b'\'' | b'`') = self.peek()? {
            return self.string(quote);
        }
        let name = self.take_while(|c| c.is_alphanumeric() || matches!(c, '_' | '$' | '@' | '-'));
        (!name.is_empty()).then(|| name.to_owned())
    }

    /// A text up to its quote. A template with an expression in it is no text.
    fn string(&mut self, quote: u8) -> Option<String> {
        self.at += 1;
        let start = self.at;
        let mut plain = String::new();
        loop {
            let rest = &self.text.as_bytes()[self.at..];
            let special = |byte: &u8| *byte == quote || *byte == b'\\' || (quote == b'`' && *byte == b'$');
            let Some(length) = rest.iter().position(special) else {
                self.at = self.text.len();
                return None;
            };
            let found = rest[length];
            plain.push_str(&self.text[self.at..self.at + length]);
            self.at += length + 1;
            if found == quote {
                let bytes = TEXT_BYTES + (self.at - start) as u64;
                return self.budget.charge_bytes(bytes).then_some(plain);
            }
            match found {
                b'\\' => self.escape(&mut plain)?,
                _ if self.peek() == Some(b'{') => return None,
                _ => plain.push('$'),
            }
        }
    }

    /// What follows a backslash. A character without a meaning there stands for itself.
    fn escape(&mut self, plain: &mut String) -> Option<()> {
        let escaped = self.text[self.at..].chars().next()?;
        self.at += escaped.len_utf8();
        match escaped {
            'n' => plain.push('\n'),
            't' => plain.push('\t'),
            'r' => plain.push('\r'),
            'b' => plain.push('\u{8}'),
            'f' => plain.push('\u{c}'),
            'v' => plain.push('\u{b}'),
            '0' => plain.push('\0'),
            'u' => plain.push(self.code_unit()),
            'x' => plain.push(self.hex(2).and_then(char::from_u32).unwrap_or(char::REPLACEMENT_CHARACTER)),
            // A line that goes on in the next one.
            '\r' => {
                self.take(b'\n');
            }
            '\n' | '\u{2028}' | '\u{2029}' => {}
            other => plain.push(other),
        }
        Some(())
    }

    /// The character of `XXXX`, of a pair of surrogates or of `{X…}`. Half a pair is replaced, as decoders do.
    fn code_unit(&mut self) -> char {
        if self.take(b'{') {
            let digits = self.take_while(|c| c.is_ascii_hexdigit());
            let code = Some(digits).filter(|digits| digits.len() <= MAX_CODE_DIGITS);
            self.take(b'}');
            let code = code.and_then(|digits| u32::from_str_radix(digits, 16).ok());
            return code.and_then(char::from_u32).unwrap_or(char::REPLACEMENT_CHARACTER);
        }
        let Some(first) = self.hex(4) else { return char::REPLACEMENT_CHARACTER };
        if (0xd800..0xdc00).contains(&first) && self.text[self.at..].starts_with("\\u") {
            let behind_first = self.at;
            self.at += 2;
            match self.hex(4) {
                Some(second @ 0xdc00..0xe000) => {
                    let code = 0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00);
                    return char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
                }
                _ => self.at = behind_first,
            }
        }
        char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER)
    }

    fn hex(&mut self, length: usize) -> Option<u32> {
        let digits = self.text.get(self.at..self.at + length)?;
        if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        self.at += length;
        u32::from_str_radix(digits, 16).ok()
    }

    /// `!0` and `!1`, as minifiers write `true` and `false`.
    fn negation(&mut self) -> Option<Value> {
        self.at += 1;
        match self.take_while(|c| c.is_ascii_alphanumeric()) {
            "0" => Some(Value::Bool(true)),
            "1" => Some(Value::Bool(false)),
            _ => None,
        }
    }

    fn number(&mut self) -> Option<Value> {
        number(self.take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '+' | '-' | '_')))
    }

    /// A constant. Inside of an object a name has a value that is not known, which is the same as none.
    fn word(&mut self, depth: usize) -> Option<Value> {
        match self.take_while(|c| c.is_alphanumeric() || matches!(c, '_' | '$' | '.')) {
            "" => None,
            "true" | "True" => Some(Value::Bool(true)),
            "false" | "False" => Some(Value::Bool(false)),
            "null" | "undefined" | "NaN" | "Infinity" | "None" => Some(Value::Null),
            "void" => {
                self.skip_blanks()?;
                self.number().map(|_| Value::Null)
            }
            _ => (depth > 0).then_some(Value::Null),
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Whether `byte`, which is ASCII, is next; then it is skipped.
    fn take(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }

    fn take_while(&mut self, belongs: impl Fn(char) -> bool) -> &'a str {
        let rest = &self.text[self.at..];
        let length = rest.find(|c| !belongs(c)).unwrap_or(rest.len());
        self.at += length;
        &rest[..length]
    }

    /// Skips blanks, comments and `separators`.
    fn skip_separators(&mut self, separators: &[u8]) -> Option<()> {
        loop {
            self.skip_blanks()?;
            if !self.peek().is_some_and(|byte| separators.contains(&byte)) {
                return Some(());
            }
            self.at += 1;
        }
    }

    /// Skips blanks and comments; `None` for a comment without an end.
    fn skip_blanks(&mut self) -> Option<()> {
        loop {
            self.take_while(is_blank);
            let rest = &self.text[self.at..];
            let (ending, needs_end) = match rest.as_bytes() {
                [b'/', b'/', ..] => ("\n", false),
                [b'/', b'*', ..] => ("*/", true),
                _ => return Some(()),
            };
            match rest[2..].find(ending) {
                Some(length) => self.at += 2 + length + ending.len(),
                None => {
                    self.at = self.text.len();
                    return (!needs_end).then_some(());
                }
            }
        }
    }

    fn charge_consumed(&self) {
        self.budget.charge_steps(1 + self.at as u64 / BYTES_PER_STEP);
    }
}

/// A byte order mark is a blank, and so are the control characters that editors leave.
fn is_blank(c: char) -> bool {
    c.is_whitespace() || c.is_control() || c == '\u{feff}'
}

fn number(token: &str) -> Option<Value> {
    let unsigned = token.strip_prefix(['-', '+']).unwrap_or(token);
    if matches!(unsigned, "Infinity" | "NaN") {
        return Some(Value::Null);
    }
    if let Some(digits) = unsigned.strip_prefix("0x").or_else(|| unsigned.strip_prefix("0X")) {
        // A sign behind the prefix would pass as a part of the digits.
        let is_plain = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        let number = i64::from_str_radix(digits, 16).ok().filter(|_| is_plain)?;
        return Some(Value::from(if token.starts_with('-') { -number } else { number }));
    }
    let is_whole = unsigned.bytes().all(|byte| byte.is_ascii_digit());
    // A postal code without quotes: as a number it would lose its zeros.
    if is_whole && unsigned.len() > 1 && unsigned.starts_with('0') {
        return Some(Value::from(unsigned));
    }
    let plain = token.strip_prefix('+').unwrap_or(token).replace('_', "");
    // The suffix of a BigInt.
    let plain = plain.strip_suffix('n').unwrap_or(&plain);
    if let Ok(whole) = plain.parse::<i64>() {
        return Some(Value::from(whole));
    }
    if let Ok(whole) = plain.parse::<u64>() {
        return Some(Value::from(whole));
    }
    plain.parse().ok().map(|number| Number::from_f64(number).map_or(Value::Null, Value::Number))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(text: &str) -> Option<Value> {
        parse(text, &PageBudget::for_page(10_000))
    }

    #[test]
    fn common_mistakes_are_read() {
        for (text, value) in [
            ("{\"a\": 1, \"b\": [1, 2,],}", json!({"a": 1, "b": [1, 2]})),
            ("{\"a\": \"one\ntwo\tthree\"}", json!({"a": "one\ntwo\tthree"})),
            ("{/* x */\"a\": 1, // y\n\"b\": 2}", json!({"a": 1, "b": 2})),
            ("{'a': 'it\\'s \"so\"'}", json!({"a": "it's \"so\""})),
            ("{\"a\": \"it\\'s\"}", json!({"a": "it's"})),
            ("\u{feff}{\"a\": 1}", json!({"a": 1})),
            ("{\"a\": 1}}", json!({"a": 1})),
            ("{\"a\": 1};", json!({"a": 1})),
            ("{\"a\": 1} {\"b\": 2}", json!([{"a": 1}, {"b": 2}])),
            ("{\"a\": 1},\n{\"b\": 2},", json!([{"a": 1}, {"b": 2}])),
            ("{\"a\": \"http://x/*y*/\"}", json!({"a": "http://x/*y*/"})),
            ("{\"a\": \"x\\\ny\"}", json!({"a": "xy"})),
        ] {
            assert_eq!(read(text), Some(value), "{text}");
        }
    }

    #[test]
    fn half_a_surrogate_pair_is_replaced() {
        assert_eq!(read(r#"{"a": "\ud83c\udfe0"}"#), Some(json!({"a": "🏠"})));
        assert_eq!(read(r#"{"a": "\ud83c x"}"#), Some(json!({"a": "\u{fffd} x"})));
        assert_eq!(read(r#"{"a": "\ud83cA"}"#), Some(json!({"a": "\u{fffd}A"})));
        assert_eq!(read(r#"{"a": "\udfe0"}"#), Some(json!({"a": "\u{fffd}"})));
        assert_eq!(read(r#"{a: "\u{1f3e0}\x41"}"#), Some(json!({"a": "🏠A"})));
    }

    #[test]
    fn literals_of_javascript_are_read() {
        assert_eq!(
            read("{id: 'K1', price: 425_000, beds: +3, size: .5, $x: void 0, y: undefined, z: NaN}"),
            Some(
                json!({"id": "K1", "price": 425_000, "beds": 3, "size": 0.5, "$x": null, "y": null, "z": null})
            )
        );
        assert_eq!(read("{a: !0, b: !1, 7: `x $5`}"), Some(json!({"a": true, "b": false, "7": "x $5"})));
        assert_eq!(read("{a: 0x10, b: 12n, zip: 01234}"), Some(json!({"a": 16, "b": 12, "zip": "01234"})));
        assert_eq!(read("{@type: 'House', a: window.b}"), Some(json!({"@type": "House", "a": null})));
    }

    #[test]
    fn half_a_value_is_none() {
        for text in [
            "",
            "undefined",
            "12",
            "{\"a\": 1",
            "{\"a\": [1}",
            "{\"a\": \"x",
            "{\"a\" 1}",
            "{\"a\": 1 \"b\": 2}",
            "{\"a\": 1} and more",
            "{a: `x ${y}`}",
            "{a: f(1)}",
            "{a: 1 + 2}",
            "{a() {}}",
            "{/* a: 1}",
            "{a: -0x-8000000000000000}",
            "}",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn a_value_ends_where_it_ends() {
        let budget = PageBudget::for_page(10_000);

        assert_eq!(parse_start(" {a: 1}; b()", &budget), Some((json!({"a": 1}), 7)));
        assert_eq!(parse_start("name", &budget), None);
    }

    #[test]
    fn strict_data_is_read_as_by_the_strict_reader() {
        for text in [
            r#"{"a": [1, -1, 1.5, 1e300, true, null, "x\u00e9\n\/"], "b": {"c": {}}, "d": []}"#,
            r#"[18446744073709551615, -9223372036854775808, 0.1, -0.5, 0]"#,
        ] {
            assert_eq!(read(text), serde_json::from_str(text).ok(), "{text}");
        }
    }

    #[test]
    fn nesting_and_costs_are_bounded() {
        let budget = PageBudget::for_page(10_000);
        let deep = format!("{}{}", "[".repeat(50_000), "]".repeat(50_000));
        let open = format!("{{'{}", "a".repeat(1_600_000));
        let many = format!("[{}0]", "{'':0},".repeat(120_000));

        assert_eq!(parse(&deep, &budget), None);
        assert_eq!(parse(&open, &budget), None);
        assert!(budget.used().steps >= 200_000, "{:?}", budget.used());
        assert_eq!(parse(&many, &budget), None);
        assert!(budget.is_spent());
    }
}
