//! Finds where a tag ends, as the HTML tokenizer does, and counts its attributes on the way. The tokenizer compares
//! each attribute with all before it, so they are counted before it sees them.

/// Attributes of one tag at most. Real pages stay below a hundred.
pub(super) const MAX_ATTRIBUTES: usize = 1_000;

/// Where the scan is inside of a tag. Names are those of the HTML standard, section 13.2.5, without "attribute".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    TagName,
    BeforeName,
    Name,
    AfterName,
    BeforeValue,
    Quoted(u8),
    Unquoted,
    AfterQuoted,
}

/// What a scan found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TagEnd {
    /// `end` is the place behind its `>`.
    At {
        end: usize,
        attributes: usize,
    },
    /// The text ends inside of the tag.
    Open {
        attributes: usize,
    },
    TooManyAttributes,
}

/// The end of a tag; `at` is inside of its name.
pub(super) fn tag_end(text: &[u8], mut at: usize) -> TagEnd {
    let mut state = State::TagName;
    let mut attributes = 0;
    while let Some(byte) = text.get(at).copied() {
        at += 1;
        if let State::Quoted(quote) = state {
            if byte == quote {
                state = State::AfterQuoted;
            }
            continue;
        }
        if byte == b'>' {
            return TagEnd::At { end: at, attributes };
        }
        let next = step(state, byte);
        if next == State::Name && state != State::Name {
            attributes += 1;
            if attributes > MAX_ATTRIBUTES {
                return TagEnd::TooManyAttributes;
            }
        }
        state = next;
    }
    TagEnd::Open { attributes }
}

fn step(state: State, byte: u8) -> State {
    let blank = is_blank(byte);
    match (state, byte) {
        (State::TagName, _) if blank => State::BeforeName,
        (State::TagName | State::Name | State::AfterName, b'/') => State::BeforeName,
        (State::TagName, _) => State::TagName,
        (State::BeforeName | State::AfterQuoted, _) if blank || byte == b'/' => State::BeforeName,
        // An equals sign begins a name here.
        (State::BeforeName | State::AfterQuoted, _) => State::Name,
        (State::Name | State::AfterName, _) if blank => State::AfterName,
        (State::Name | State::AfterName, b'=') => State::BeforeValue,
        (State::Name | State::AfterName, _) => State::Name,
        (State::BeforeValue, _) if blank => State::BeforeValue,
        (State::BeforeValue, b'"' | b'\'') => State::Quoted(byte),
        (State::BeforeValue, _) => State::Unquoted,
        (State::Unquoted, _) if blank => State::BeforeName,
        (State::Unquoted, _) => State::Unquoted,
        (State::Quoted(quote), _) => State::Quoted(quote),
    }
}

/// Whether `byte` separates the parts of a tag.
pub(super) fn is_blank(byte: u8) -> bool {
    matches!(byte, b'\t' | b'\n' | b'\x0c' | b'\r' | b' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan(text: &str) -> (Option<&str>, usize) {
        match tag_end(text.as_bytes(), 1) {
            TagEnd::At { end, attributes } => (Some(&text[end..]), attributes),
            TagEnd::Open { attributes } => (None, attributes),
            TagEnd::TooManyAttributes => unreachable!(),
        }
    }

    #[test]
    fn tags_end_where_the_standard_says_so() {
        for (text, rest, attributes) in [
            ("<a>x", "x", 0),
            ("<a/>x", "x", 0),
            ("<a href>x", "x", 1),
            ("<a href='>' title=\">\">x", "x", 2),
            ("<a b=c/d e>x", "x", 2),
            ("<a b = 'c'd=e>x", "x", 2),
            ("<a =b=c>x", "x", 1),
            ("<a b=>x", "x", 1),
            ("<a b=\n'>'\r/c\x0cd>x", "x", 3),
            ("<a b='c'/d>x", "x", 2),
            ("<a \"b'>x", "x", 1),
        ] {
            assert_eq!(scan(text), (Some(rest), attributes), "{text}");
        }
        assert_eq!(scan("<a b='c>x"), (None, 1));
    }

    #[test]
    fn attributes_are_counted_up_to_the_bound() {
        let honest = format!("<a {}>", "b=c ".repeat(MAX_ATTRIBUTES));
        let hostile = format!("<a {}", "b=c ".repeat(MAX_ATTRIBUTES + 1));

        assert!(matches!(tag_end(honest.as_bytes(), 1), TagEnd::At { attributes: MAX_ATTRIBUTES, .. }));
        assert_eq!(tag_end(hostile.as_bytes(), 1), TagEnd::TooManyAttributes);
    }
}
