//! The data inside of a text literal: `JSON.parse("…")` and `JSON.parse(decodeURIComponent("…"))`.

use percent_encoding::percent_decode_str;
use serde_json::Value;

use super::super::json;
use super::super::lenient_json;
use crate::crawler::budget::PageBudget;

/// Functions around the literal that only encode it.
const DECODERS: [&str; 3] = ["decodeURIComponent(", "decodeURI(", "unescape("];

/// The JSON inside of the literal that `text` begins with.
pub(super) fn parsed(text: &str, budget: &PageBudget) -> Option<Value> {
    let decoder = DECODERS.iter().find_map(|decoder| text.strip_prefix(decoder));
    let literal = decoder.unwrap_or(text).trim_start();
    let quote = literal.chars().next().filter(|quote| matches!(quote, '"' | '\'' | '`'))?;
    let mut inner = unquoted(&literal[1..], quote, budget)?;
    if decoder.is_some() {
        if !budget.charge_bytes(inner.len() as u64) {
            return None;
        }
        inner = percent_decode_str(&inner).decode_utf8().ok()?.into_owned();
    }
    json::parse(&inner, budget).or_else(|| lenient_json::parse(&inner, budget))
}

/// The text of a literal up to its closing quote, with its escapes resolved (ECMA-262, 12.9.4).
fn unquoted(text: &str, quote: char, budget: &PageBudget) -> Option<String> {
    let mut plain = String::new();
    let mut characters = text.chars();
    let is_closed = loop {
        match characters.next() {
            None => break false,
            Some(end) if end == quote => break true,
            Some('\\') => {
                if !push_escaped(&mut plain, &mut characters) {
                    break false;
                }
            }
            // What a template inserts is not known.
            Some('$') if quote == '`' && characters.as_str().starts_with('{') => break false,
            Some(other) => plain.push(other),
        }
    };
    // Without an end it was read up to the end of the script.
    let read = (text.len() - characters.as_str().len()) as u64;
    let afforded = budget.charge_steps(read) && budget.charge_bytes(2 * read);
    (is_closed && afforded).then_some(plain)
}

/// Adds the character behind a backslash. False where there is none.
fn push_escaped(plain: &mut String, characters: &mut std::str::Chars<'_>) -> bool {
    let Some(escape) = characters.next() else { return false };
    let character = match escape {
        'n' => '\n',
        't' => '\t',
        'r' => '\r',
        'b' => '\u{8}',
        'f' => '\u{c}',
        'v' => '\u{b}',
        '0' => '\0',
        // A line that continues.
        '\n' => return true,
        'x' => match hexadecimal(characters, 2) {
            Some(code) => char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER),
            None => return false,
        },
        'u' => match unicode(characters) {
            Some(character) => character,
            None => return false,
        },
        other => other,
    };
    plain.push(character);
    true
}

/// `\u00e9`, `\u{e9}`, or a pair of surrogates; half of a pair is replaced.
fn unicode(characters: &mut std::str::Chars<'_>) -> Option<char> {
    if let Some(rest) = characters.as_str().strip_prefix('{') {
        let (digits, _) = rest.get(..7.min(rest.len())).unwrap_or_default().split_once('}')?;
        let code = u32::from_str_radix(digits, 16).ok()?;
        characters.nth(digits.len() + 1)?;
        return Some(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
    }
    let high = hexadecimal(characters, 4)?;
    if !(0xd800..0xdc00).contains(&high) {
        return Some(char::from_u32(high).unwrap_or(char::REPLACEMENT_CHARACTER));
    }
    let mut after = characters.clone();
    let low = (after.next() == Some('\\') && after.next() == Some('u'))
        .then(|| hexadecimal(&mut after, 4))
        .flatten()
        .filter(|low| (0xdc00..0xe000).contains(low));
    let Some(low) = low else { return Some(char::REPLACEMENT_CHARACTER) };
    *characters = after;
    char::from_u32(0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00))
}

fn hexadecimal(characters: &mut std::str::Chars<'_>, digits: usize) -> Option<u32> {
    let text = characters.as_str().get(..digits)?;
    let code = u32::from_str_radix(text, 16).ok().filter(|_| !text.starts_with('+'))?;
    characters.nth(digits - 1)?;
    Some(code)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(text: &str) -> Option<Value> {
        parsed(text, &PageBudget::for_page(text.len()))
    }

    #[test]
    fn the_data_in_a_literal_is_read() {
        for text in [
            r#""{\"price\":1,\"name\":\"caf\u00e9\"}")"#,
            r#"'{"price":1,"name":"café"}')"#,
            r#"'{\u0022price\u0022:1,\x22name\x22:"caf\\u00e9"}')"#,
            r#"`{"price":1,"name":"café"}`)"#,
            r#"decodeURIComponent("%7B%22price%22%3A1%2C%22name%22%3A%22caf%C3%A9%22%7D"))"#,
            r#"'{price:1,name:"caf\u{e9}"}')"#,
        ] {
            assert_eq!(read(text), Some(json!({"price": 1, "name": "café"})), "{text}");
        }
        assert_eq!(read(r#"'["\ud83c\udfe0","\ud83c"]'"#), Some(json!(["🏠", "\u{fffd}"])));
    }

    #[test]
    fn what_is_no_closed_literal_is_nothing() {
        for text in ["", "x", "'", "'{}", "'\\", "'\\x", "'\\u12", "'\\u{110000000}'", "`{${a}}`", "\"{\\\""]
        {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
