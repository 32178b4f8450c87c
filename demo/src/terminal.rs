//! Escape sequences of a terminal (ECMA-48): colours, and lines that are rewritten in place.

use std::fmt::Write;
use std::io::{IsTerminal, stdout};

/// The assumed columns of a terminal of unknown size.
const DEFAULT_COLUMNS: usize = 80;

/// Whether standard output is a terminal that supports escapes. An unnamed terminal gets none.
pub(crate) fn supports_escapes() -> bool {
    stdout().is_terminal() && term_supports_escapes(std::env::var("TERM").ok().as_deref())
}

fn term_supports_escapes(term: Option<&str>) -> bool {
    term.is_some_and(|term| !term.is_empty() && term != "dumb")
}

/// The current number of columns.
pub(crate) fn columns() -> usize {
    let size = rustix::termios::tcgetwinsize(stdout()).ok();
    size.map(|size| usize::from(size.ws_col)).filter(|columns| *columns > 0).unwrap_or(DEFAULT_COLUMNS)
}

/// Lines of at most `columns`, wrapped after commas only. A longer part has a line of its own.
pub(crate) fn wrap_at_commas(text: &str, columns: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for part in text.split_inclusive(", ") {
        let length = part.trim_end().chars().count();
        match lines.last_mut().filter(|line| line.chars().count() + length <= columns) {
            Some(line) => line.push_str(part),
            None => lines.push(part.to_owned()),
        }
    }
    lines.iter().map(|line| line.trim_end().to_owned()).collect()
}

/// The style of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Colour {
    Plain,
    Bold,
    Green,
    Yellow,
    Red,
}

/// Whether colours are enabled on a terminal that supports escapes (no-color.org).
pub(crate) fn colours_enabled() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// The text in its colour, if colours are enabled.
pub(crate) fn with_colour(has_colours: bool, colour: Colour, text: &str) -> String {
    let code = match colour {
        Colour::Bold => "1",
        Colour::Green => "32",
        Colour::Yellow => "33",
        Colour::Red => "31",
        Colour::Plain => return text.to_owned(),
    };
    if has_colours { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
}

/// Erases the last `lines` lines, so that others can be written in their place.
pub(crate) fn erase_lines(lines: usize) -> String {
    if lines == 0 { String::new() } else { format!("\x1b[{lines}F\x1b[J") }
}

/// Lines that are truncated at the edge: a wrapped line would be counted and erased as one, but occupy two rows.
pub(crate) fn without_autowrap(lines: &[String]) -> String {
    let mut text = String::new();
    for line in lines {
        // Writing to a string does not fail.
        let _ = writeln!(text, "\x1b[?7l{line}\x1b[?7h");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_lines_yield_no_erase_sequence() {
        assert_eq!((erase_lines(0).as_str(), erase_lines(2).as_str()), ("", "\x1b[2F\x1b[J"));
    }

    #[test]
    fn a_named_terminal_that_is_not_dumb_supports_escapes() {
        assert!(term_supports_escapes(Some("xterm-256color")));
        for term in [None, Some(""), Some("dumb")] {
            assert!(!term_supports_escapes(term), "{term:?}");
        }
    }

    #[test]
    fn a_text_is_wrapped_after_commas_where_it_does_not_fit() {
        let text = "2,624 homes: 2,898 new, 295 price changes, 274 removed";

        assert_eq!(wrap_at_commas(text, 54), [text]);
        assert_eq!(wrap_at_commas(text, 53), ["2,624 homes: 2,898 new, 295 price changes,", "274 removed"]);
        assert_eq!(
            wrap_at_commas(text, 10),
            ["2,624 homes: 2,898 new,", "295 price changes,", "274 removed"]
        );
    }

    #[test]
    fn colours_are_written_only_when_enabled() {
        assert_eq!(with_colour(false, Colour::Red, "WRONG"), "WRONG");
        assert_eq!(with_colour(true, Colour::Red, "WRONG"), "\x1b[31mWRONG\x1b[0m");
        assert_eq!(with_colour(true, Colour::Plain, "so"), "so");
    }
}
