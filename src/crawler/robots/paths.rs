//! Paths and the patterns that match them, in one spelling each (RFC 9309 section 2.2.2): unreserved characters
//! plain, other escapes in upper case, and what is neither reserved nor unreserved escaped. A literal star or dollar
//! is escaped, so that those that are left are the special ones of section 2.2.3.

use std::fmt::Write;

use serde::{Deserialize, Serialize};

/// Bytes of a pattern in that spelling. No URL that is fetched is longer.
pub(super) const MAX_PATTERN_BYTES: usize = 2_000;

/// The path of a rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Pattern {
    text: Box<str>,
    /// It ended with `$`: nothing may follow.
    to_the_end: bool,
    /// It names the query itself.
    has_query: bool,
}

/// A URL's path and query as patterns are compared with it.
pub(super) struct PathForms {
    /// With the delimiters in the query plain, as in section 2.2.2's table: there `https://` is `https%3A%2F%2F`.
    plain_query: String,
    /// With all escapes kept; only where it differs.
    escaped_query: Option<String>,
}

impl Pattern {
    /// A pattern that matches what `path` does; `None` when it is too long.
    pub(super) fn exact(path: &[u8]) -> Option<Self> {
        let pattern = Self::read(path);
        (pattern.text.len() <= MAX_PATTERN_BYTES).then_some(pattern)
    }

    /// A pattern that matches what `path` does, and more where `path` is too long.
    pub(super) fn at_least(path: &[u8]) -> Self {
        let mut pattern = Self::read(path);
        if pattern.text.len() > MAX_PATTERN_BYTES {
            // Not within an escape.
            let end = MAX_PATTERN_BYTES - 3;
            let start = &pattern.text[..end];
            let whole = start.rfind('%').filter(|at| end - at < 3).unwrap_or(end);
            pattern.text = pattern.text[..whole].into();
            pattern.to_the_end = false;
        }
        pattern
    }

    fn read(path: &[u8]) -> Self {
        let (path, to_the_end) = path.strip_suffix(b"$").map_or((path, false), |path| (path, true));
        let text = normalize_path(path, Special::Star, Query::Plain).into_boxed_str();
        let has_query = text.contains('?');
        Self { text, to_the_end, has_query }
    }

    pub(super) fn len(&self) -> usize {
        self.text.len()
    }

    /// How specific it is: the most octets win.
    pub(super) fn specificity(&self) -> usize {
        self.text.len() + usize::from(self.to_the_end)
    }

    pub(super) fn matches(&self, path: &PathForms) -> bool {
        // A pattern that does not name the query may mean it all the same: `/*u=https%3A`.
        let escaped = path.escaped_query.as_deref().filter(|_| !self.has_query);
        self.matches_text(&path.plain_query) || escaped.is_some_and(|path| self.matches_text(path))
    }

    /// Each piece between stars is taken where it first occurs: a later place never helps what follows. Each octet of
    /// the path is looked at once.
    fn matches_text(&self, path: &str) -> bool {
        let mut pieces = self.text.split('*').peekable();
        let Some(mut rest) = path.strip_prefix(pieces.next().unwrap_or_default()) else { return false };
        let ended = !self.to_the_end || pieces.peek().is_some() || rest.is_empty();
        while let Some(piece) = pieces.next() {
            if self.to_the_end && pieces.peek().is_none() {
                return rest.ends_with(piece);
            }
            let Some(at) = rest.find(piece) else { return false };
            rest = &rest[at + piece.len()..];
        }
        ended
    }
}

impl PathForms {
    pub(super) fn of(path: &str) -> Self {
        let path = path.split('#').next().unwrap_or_default().as_bytes();
        let plain_query = normalize_path(path, Special::None, Query::Plain);
        let escaped_query =
            Some(normalize_path(path, Special::None, Query::Escaped)).filter(|form| *form != plain_query);
        Self { plain_query, escaped_query }
    }
}

/// The beginning of a rule's path up to its second slash or first star.
pub(super) fn first_segment(path: &[u8]) -> &[u8] {
    let literal = path.split(|byte| matches!(byte, b'*' | b'$')).next().unwrap_or_default();
    let slash = literal.iter().skip(1).position(|byte| *byte == b'/');
    slash.map_or(literal, |at| &literal[..at + 2])
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Special {
    None,
    /// A star matches any octets.
    Star,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Query {
    Plain,
    Escaped,
}

fn normalize_path(path: &[u8], special: Special, query: Query) -> String {
    let mut spelt = String::with_capacity(path.len());
    let mut in_query = false;
    let mut rest = path;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        let escaped = if byte == b'%' { hex_octet(after) } else { None };
        if escaped.is_some() {
            rest = &after[2..];
        }
        let plain = match escaped {
            Some(octet) => is_unreserved(octet) || (in_query && query == Query::Plain && is_delimiter(octet)),
            None if byte == b'*' => special == Special::Star,
            None => byte != b'$' && (is_unreserved(byte) || is_reserved(byte)),
        };
        let octet = escaped.unwrap_or(byte);
        in_query |= octet == b'?' && escaped.is_none();
        if plain {
            spelt.push(char::from(octet));
        } else {
            // Writing to a string does not fail.
            let _ = write!(spelt, "%{octet:02X}");
        }
    }
    spelt
}

fn hex_octet(text: &[u8]) -> Option<u8> {
    let digit = |at: usize| char::from(*text.get(at)?).to_digit(16);
    u8::try_from(digit(0)? * 16 + digit(1)?).ok()
}

/// RFC 3986 section 2.3.
fn is_unreserved(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || b"-._~".contains(&octet)
}

/// RFC 3986 section 2.2.
fn is_reserved(octet: u8) -> bool {
    is_delimiter(octet) || b"!$&'()*+,;=".contains(&octet)
}

/// The delimiters between the parts of a URL.
fn is_delimiter(octet: u8) -> bool {
    b":/?#[]@".contains(&octet)
}
