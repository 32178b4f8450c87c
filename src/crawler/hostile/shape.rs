//! A kind of hostile page or file, and how the text of one is made.

use std::fmt::Write;

/// A kind of hostile page or file.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    pub name: &'static str,
    /// Makes one of about this many bytes.
    pub make: fn(usize) -> String,
}

/// `start`, then what `part` gives for 0, 1, 2 … up to about `bytes`, then `end`.
pub(super) fn fill(bytes: usize, start: &str, end: &str, part: impl Fn(usize) -> String) -> String {
    let mut text = String::with_capacity(bytes + 1_024);
    text.push_str(start);
    let mut number = 0;
    while text.len() + end.len() < bytes {
        // Writing to a string does not fail.
        let _ = write!(text, "{}", part(number));
        number += 1;
    }
    text.push_str(end);
    text
}

/// `start`, `part` again and again up to about `bytes`, then `end`.
pub(super) fn repeat(bytes: usize, start: &str, end: &str, part: &str) -> String {
    let times = bytes.saturating_sub(start.len() + end.len()).div_ceil(part.len());
    [start, &part.repeat(times), end].concat()
}
