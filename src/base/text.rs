//! Text with a length limit, counted in Unicode scalar values, and slugs, the short names of tenants and rooms.

use std::borrow::Cow;

/// Whether `text` has between `least` and `most` characters and no NUL, which neither database keeps reliably.
pub fn has_length(text: &str, least: usize, most: usize) -> bool {
    let count = text.chars().take(most + 1).count();
    (least..=most).contains(&count) && !text.contains('\0')
}

/// Whether `text` has 1 to `most` characters, at least one of them visible, and none that ends a line or changes the
/// direction of the text after it (UAX 9).
pub fn is_single_line(text: &str, most: usize) -> bool {
    let is_hidden = |one: char| one.is_whitespace() || is_zero_width(one);
    let turns = |one: char| is_control_or_bidi(one) && !matches!(one, '\u{61c}' | '\u{200e}' | '\u{200f}');
    has_length(text, 1, most) && !text.chars().all(is_hidden) && !text.chars().any(turns)
}

/// Whether a character has no width: two texts that look the same must not differ by one.
pub fn is_zero_width(one: char) -> bool {
    ZERO_WIDTH.iter().any(|(first, last)| (*first..=*last).contains(&one))
}

/// Unicode's property Default_Ignorable_Code_Point.
const ZERO_WIDTH: [(char, char); 17] = [
    ('\u{ad}', '\u{ad}'),
    ('\u{34f}', '\u{34f}'),
    ('\u{61c}', '\u{61c}'),
    ('\u{115f}', '\u{1160}'),
    ('\u{17b4}', '\u{17b5}'),
    ('\u{180b}', '\u{180f}'),
    ('\u{200b}', '\u{200f}'),
    ('\u{202a}', '\u{202e}'),
    ('\u{2060}', '\u{206f}'),
    ('\u{3164}', '\u{3164}'),
    ('\u{fe00}', '\u{fe0f}'),
    ('\u{feff}', '\u{feff}'),
    ('\u{ffa0}', '\u{ffa0}'),
    ('\u{fff0}', '\u{fff8}'),
    ('\u{1bca0}', '\u{1bca3}'),
    ('\u{1d173}', '\u{1d17a}'),
    ('\u{e0000}', '\u{e0fff}'),
];

/// Whether `text` is a slug: 1 to `most` of `a-z`, `0-9` and `-`, neither first nor last a dash.
pub fn is_slug(text: &str, most: usize) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !text.is_empty()
        && text.len() <= most
        && text.bytes().all(allowed)
        && !text.starts_with('-')
        && !text.ends_with('-')
}

/// `text` for a terminal: characters that move the cursor, change its state or change the direction of writing are
/// escaped as `\uXXXX`, as in JSON, so that untrusted text cannot forge output lines.
pub fn escape_controls(text: &str) -> Cow<'_, str> {
    if !text.contains(is_control_or_bidi) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        match is_control_or_bidi(character) {
            true => shown.push_str(&format!("\\u{:04x}", u32::from(character))),
            false => shown.push(character),
        }
    }
    Cow::Owned(shown)
}

/// C0, C1, the line and paragraph separators, and the bidirectional controls of UAX 9.
fn is_control_or_bidi(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
        )
}

/// The last bytes of `text`, at most `most`, starting at a character boundary.
pub fn truncate_start(text: &str, most: usize) -> &str {
    let mut start = text.len().saturating_sub(most);
    while !text.is_char_boundary(start) {
        start += 1;
    }
    &text[start..]
}

/// Truncates `text` to at most `most` bytes at a character boundary.
pub fn truncate(text: &str, most: usize) -> &str {
    let mut end = text.len().min(most);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_single_line_is_visible_and_has_no_line_break() {
        for good in ["a", "Zoë, 家, 👩\u{200d}👧", "\u{200f}שלום"] {
            assert!(is_single_line(good, 100), "{good:?}");
        }
        for bad in ["", "  ", "\u{200b}", "\u{3164}", "a\nb", "a\u{202e}b", "a\u{2028}b", "a\u{85}b"] {
            assert!(!is_single_line(bad, 100), "{bad:?}");
        }
    }

    #[test]
    fn control_and_bidi_characters_are_escaped_and_all_else_stays() {
        assert_eq!(escape_controls("a\u{1b}]0;x\u{7}\nb"), "a\\u001b]0;x\\u0007\\u000ab");
        assert_eq!(escape_controls("\u{9b}31m\u{202e}\u{2028}"), "\\u009b31m\\u202e\\u2028");
        assert_eq!(escape_controls("Zoë, 家, 👩\u{200d}👧"), "Zoë, 家, 👩\u{200d}👧");
    }
}
