//! Escapes of a terminal (ECMA-48): colours, and lines that are written again in their place.

use std::fmt::Write;

/// What a text is set off by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Colour {
    Plain,
    Bold,
    Green,
    Yellow,
    Red,
}

/// Whether whoever sits there wants colours (no-color.org).
pub(super) fn wants_colours() -> bool {
    let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    !is_set("NO_COLOR") && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// The text in its colour, where there are colours.
pub(super) fn coloured(has_colours: bool, colour: Colour, text: &str) -> String {
    let code = match colour {
        Colour::Bold => "1",
        Colour::Green => "32",
        Colour::Yellow => "33",
        Colour::Red => "31",
        Colour::Plain => return text.to_owned(),
    };
    if has_colours { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
}

/// Takes the last `lines` lines away, so that others can be written in their place.
pub(super) fn erased(lines: usize) -> String {
    if lines == 0 { String::new() } else { format!("\x1b[{lines}F\x1b[J") }
}

/// Lines that are cut at the edge: one that went on in the next row would be counted as one and erased as one.
pub(super) fn unwrapped(lines: &[String]) -> String {
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
    fn nothing_is_erased_where_nothing_stands() {
        assert_eq!((erased(0).as_str(), erased(2).as_str()), ("", "\x1b[2F\x1b[J"));
    }

    #[test]
    fn colours_are_for_those_who_have_them() {
        assert_eq!(coloured(false, Colour::Red, "WRONG"), "WRONG");
        assert_eq!(coloured(true, Colour::Red, "WRONG"), "\x1b[31mWRONG\x1b[0m");
        assert_eq!(coloured(true, Colour::Plain, "so"), "so");
    }
}
