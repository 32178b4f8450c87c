//! Descriptions of regular expressions. People read refusals: for the simple forms that our schemas use, a run of one
//! character set and a choice between words, the text says what is accepted.

use crate::base::web_url;
use crate::protocol::schemas::USERNAME;

/// A URL of a page. Its rule says more than the pattern, and the text is that of the rule.
const WEB_URL: &str = r"^[hH][tT][tT][pP][sS]?://[^\s/?#]\S*$";

/// Patterns of the document that have none of the simple forms.
const OTHERS: [(&str, &str); 3] = [
    (r"^[^\s/?#@\\]+$", "be a host with an optional port, such as homes.example or homes.example:8080"),
    (r"^[^,\x00-\x1f\x7f]+$", "have no comma and no control character"),
    (USERNAME, "have only letters, digits and . _ - @ +"),
];

/// The description of a matching text, to follow "must"; `None` for an unknown form.
pub(super) fn describe(pattern: &str) -> Option<String> {
    if pattern == WEB_URL {
        return web_url::EXPECTED.strip_prefix("must ").map(str::to_owned);
    }
    if let Some((_, words)) = OTHERS.iter().find(|(other, _)| *other == pattern) {
        return Some((*words).to_owned());
    }
    let inner = pattern.strip_prefix('^')?.strip_suffix('$')?;
    slug(inner).or_else(|| choice(inner)).or_else(|| run(inner))
}

/// `[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?`: no dash at either end.
fn slug(inner: &str) -> Option<String> {
    let rest = inner.strip_prefix("[a-z0-9]([a-z0-9-]{0,")?;
    let most: usize = rest.strip_suffix("}[a-z0-9])?")?.parse().ok()?;
    Some(format!("have 1 to {} of a-z, 0-9 and -, neither first nor last a dash", most + 2))
}

/// `(one|two|three)`, with sets of characters in them.
fn choice(inner: &str) -> Option<String> {
    let inside = inner.strip_prefix('(')?.strip_suffix(')')?;
    let mut words = Vec::new();
    for one in split_outside(inside, '|') {
        let (word, rest) = one.split_at(one.find(['(', '[']).unwrap_or(one.len()));
        match rest.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) {
            _ if rest.is_empty() => words.push(word.to_owned()),
            Some(more) => words.extend(more.split('|').map(|more| format!("{word}{more}"))),
            None => words.push(format!("{word}{}", set_with_count(rest)?)),
        }
    }
    (words.len() > 1).then(|| format!("be one of {}", words.join(", ")))
}

/// `[A-Z]{3}`, `[!-~]{1,255}`.
fn run(inner: &str) -> Option<String> {
    let (set, count) = parts_of(inner)?;
    Some(format!("have {count} of {set}"))
}

fn set_with_count(text: &str) -> Option<String> {
    let (set, count) = parts_of(text)?;
    Some(format!("({count} of {set})"))
}

/// Describes a set of characters and their number.
fn parts_of(text: &str) -> Option<(String, String)> {
    let (set, rest) = text.strip_prefix('[')?.split_once(']')?;
    let count = rest.strip_prefix('{')?.strip_suffix('}')?;
    let is_simple = !set.starts_with('^') && !set.contains('\\') && !count.contains(['{', '(']);
    let count = match count.split_once(',') {
        None => count.to_owned(),
        Some((least, "")) => format!("{least} or more"),
        Some((least, most)) => format!("{least} to {most}"),
    };
    is_simple.then(|| (characters(set), count))
}

/// The members of a set, with ranges.
fn characters(set: &str) -> String {
    if set == "!-~" {
        return "the visible ASCII characters".to_owned();
    }
    let letters: Vec<char> = set.chars().collect();
    let (mut words, mut at) = (Vec::new(), 0);
    while at < letters.len() {
        if at + 2 < letters.len() && letters[at + 1] == '-' {
            words.push(format!("{}-{}", letters[at], letters[at + 2]));
            at += 3;
        } else {
            words.push(letters[at].to_string());
            at += 1;
        }
    }
    words.join(" ")
}

/// The parts between `border`s outside of brackets.
fn split_outside(text: &str, border: char) -> Vec<&str> {
    let (mut parts, mut depth, mut start) = (Vec::new(), 0_i32, 0);
    for (at, letter) in text.char_indices() {
        match letter {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth -= 1,
            _ if letter == border && depth == 0 => {
                parts.push(&text[start..at]);
                start = at + letter.len_utf8();
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;

    /// The patterns below `value`.
    fn patterns(value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::Object(map) => {
                found.extend(map.get("pattern").and_then(Value::as_str).map(str::to_owned));
                map.values().for_each(|value| patterns(value, found));
            }
            Value::Array(items) => items.iter().for_each(|value| patterns(value, found)),
            _ => {}
        }
    }

    #[test]
    fn every_pattern_of_the_document_has_words() {
        let document: Value = serde_json::from_str(&crate::http::router::openapi(None).unwrap()).unwrap();
        let mut found = BTreeSet::new();
        patterns(&document, &mut found);

        assert!(found.len() > 8, "only {found:?}");
        let silent: Vec<&String> = found.iter().filter(|pattern| describe(pattern).is_none()).collect();
        assert_eq!(silent, Vec::<&String>::new());
    }

    #[test]
    fn the_forms_of_our_schemas_are_read_out() {
        for (pattern, words) in [
            ("^[A-Z]{3}$", "have 3 of A-Z"),
            ("^[A-Za-z0-9_.-]{1,100}$", "have 1 to 100 of A-Z a-z 0-9 _ . -"),
            ("^[!-~]{1,255}$", "have 1 to 255 of the visible ASCII characters"),
            ("^[0-9a-f]{64}$", "have 64 of 0-9 a-f"),
            (
                "^[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?$",
                "have 1 to 64 of a-z, 0-9 and -, neither first nor last a dash",
            ),
            (
                "^(everyone|admins|role:(viewer|member)|user:[0-9]{1,19})$",
                "be one of everyone, admins, role:viewer, role:member, user:(1 to 19 of 0-9)",
            ),
        ] {
            assert_eq!(describe(pattern).as_deref(), Some(words), "{pattern}");
        }
        assert_eq!(describe("^(?!x).+$"), None);
    }
}
