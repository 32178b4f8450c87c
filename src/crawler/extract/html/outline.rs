//! What a page shows, as two flat lists: its elements in the order in which they begin, and its texts. An element's
//! content is a range of each, so that all questions about a part of the page are loops over a range.

use scraper::node::Element;

use super::marks::Marks;
use super::targets::Targets;

/// An element.
pub(super) struct Block<'a> {
    pub(super) element: &'a Element,
    /// The place of its parent; its own place for the first.
    pub(super) parent: usize,
    /// The place behind the last element in it.
    pub(super) end: usize,
    pub(super) first_text: usize,
    /// The place behind the last text in it.
    pub(super) end_text: usize,
    pub(super) marks: Marks,
    /// 1 to 6 for `h1` to `h6`, else 0.
    pub(super) level: u8,
    /// Of the tag and the first class, of this element and the two around it: like blocks share it.
    pub(super) signature: u64,
    pub(super) targets: Targets,
    pub(super) has_image: bool,
    /// Bytes of all text in it.
    pub(super) text_bytes: usize,
    /// Texts in it with an amount of money.
    pub(super) prices: usize,
}

impl Block<'_> {
    pub(super) fn name(&self) -> &str {
        self.element.name()
    }

    /// How many texts are in it.
    pub(super) fn texts(&self) -> usize {
        self.end_text - self.first_text
    }
}

/// A text between two tags, trimmed and not empty.
#[derive(Clone, Copy, Debug)]
pub(super) struct Piece<'a> {
    pub(super) text: &'a str,
    /// The element that it stands in.
    pub(super) block: usize,
    pub(super) has_digit: bool,
    /// Whether a sign or a word of a currency is in it.
    pub(super) has_currency: bool,
}

/// What a page shows, and what it says of itself to machines.
#[derive(Default)]
pub(super) struct Outline<'a> {
    pub(super) blocks: Vec<Block<'a>>,
    pub(super) pieces: Vec<Piece<'a>>,
    pub(super) title: &'a str,
    /// Name or property, and content, of `<meta>` elements.
    pub(super) metas: Vec<(&'a str, &'a str)>,
    /// Elements with facts in `data-` attributes.
    pub(super) with_data: Vec<usize>,
    /// Elements with a short text in `title`, `aria-label` or `alt`.
    pub(super) with_hint: Vec<(usize, &'a str)>,
    /// Whether a script or an element of a bot wall is on the page.
    pub(super) has_challenge: bool,
    pub(super) has_password_field: bool,
    /// Whether it holds data for machines: JSON-LD or the state of a script.
    pub(super) has_data_script: bool,
    /// The element with the page's main heading.
    pub(super) heading: Option<usize>,
}

impl<'a> Outline<'a> {
    /// The marks of the element with a piece of text.
    pub(super) fn marks_of(&self, piece: &Piece<'_>) -> Marks {
        self.blocks.get(piece.block).map_or(Marks::NONE, |block| block.marks)
    }

    /// The texts in an element.
    pub(super) fn texts_in(&self, block: &Block<'_>) -> &[Piece<'a>] {
        self.pieces.get(block.first_text..block.end_text).unwrap_or_default()
    }

    pub(super) fn parent_of(&self, block: &Block<'_>) -> Option<&Block<'a>> {
        self.blocks.get(block.parent)
    }

    /// The text of an element with spaces between its pieces; `None` when it is empty or longer than `most` bytes.
    pub(super) fn text_of(&self, block: &Block<'_>, most: usize) -> Option<String> {
        if block.text_bytes > most || block.texts() > most {
            return None;
        }
        let mut text = String::with_capacity(block.text_bytes + block.texts());
        for piece in self.texts_in(block) {
            if !text.is_empty() {
                text.push(' ');
            }
            push_collapsed(&mut text, piece.text);
        }
        (!text.is_empty()).then_some(text)
    }

    /// The texts of the main heading, as a range of places.
    pub(super) fn heading_texts(&self) -> Option<(usize, usize)> {
        let block = self.blocks.get(self.heading?)?;
        Some((block.first_text, block.end_text))
    }

    /// How many texts the one at `place` is behind the main heading: 0 inside of it, negative in front of it. `None`
    /// without a heading.
    pub(super) fn texts_behind_heading(&self, place: usize) -> Option<isize> {
        let (first, end) = self.heading_texts()?;
        Some(if place >= end {
            (place - end + 1) as isize
        } else if place < first {
            -((first - place) as isize)
        } else {
            0
        })
    }

    /// The element after `place` in the same parent.
    pub(super) fn next_sibling(&self, place: usize) -> Option<usize> {
        let block = self.blocks.get(place)?;
        let next = self.blocks.get(block.end)?;
        (next.parent == block.parent && block.end != block.parent).then_some(block.end)
    }
}

/// Adds `text` with single spaces.
pub(super) fn push_collapsed(all: &mut String, text: &str) {
    for (at, word) in text.split_whitespace().enumerate() {
        if at > 0 {
            all.push(' ');
        }
        all.push_str(word);
    }
}
