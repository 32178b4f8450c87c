//! The text of an element as people read it: a line for each block, single blanks between words, without scripts and
//! hidden parts.

use scraper::node::Element;
use scraper::{ElementRef, Node};

use super::budget::RuleBudget;

/// Steps of visiting a node.
const NODE_STEPS: u64 = 4;
/// Elements whose content is no text for people.
const UNSEEN: [&str; 17] = [
    "canvas", "datalist", "embed", "head", "iframe", "math", "noembed", "noframes", "noscript", "object",
    "script", "select", "style", "svg", "template", "textarea", "title",
];
/// Elements in a line of text.
const INLINE: [&str; 38] = [
    "a", "abbr", "b", "bdi", "bdo", "big", "cite", "code", "data", "del", "dfn", "em", "font", "i", "ins",
    "kbd", "label", "mark", "meter", "nobr", "output", "q", "rp", "rt", "ruby", "s", "samp", "small", "span",
    "strike", "strong", "sub", "sup", "time", "tt", "u", "var", "wbr",
];
/// Elements that stand in a line with a gap around them.
const SPACED: [&str; 8] = ["button", "dd", "img", "input", "picture", "td", "th", "video"];

/// The text of `element`, at most `most` bytes and a word. The element itself may be one that is not shown.
pub(super) fn text_of(element: ElementRef<'_>, most: usize, budget: &RuleBudget<'_>) -> String {
    let root = *element;
    let mut lines = Lines::default();
    let mut next = root.first_child();
    while let Some(node) = next {
        if lines.text.len() >= most || !budget.charge_steps(NODE_STEPS) {
            break;
        }
        let enters = match node.value() {
            Node::Text(text) => {
                if !budget.charge_steps(text.len() as u64 / 8) {
                    break;
                }
                lines.push(text, most);
                false
            }
            Node::Element(element) => {
                lines.pass(element.name());
                is_shown(element)
            }
            _ => false,
        };
        if enters && let Some(child) = node.first_child() {
            next = Some(child);
            continue;
        }
        let mut at = node;
        next = loop {
            if let Node::Element(element) = at.value() {
                lines.pass(element.name());
            }
            if let Some(sibling) = at.next_sibling() {
                break Some(sibling);
            }
            match at.parent() {
                Some(parent) if parent.id() != root.id() => at = parent,
                _ => break None,
            }
        };
    }
    budget.charge_bytes(lines.text.len() as u64);
    lines.text
}

fn is_shown(element: &Element) -> bool {
    let is_styled_away =
        |style: &str| style.split_ascii_whitespace().collect::<String>().contains("display:none");
    !UNSEEN.contains(&element.name())
        && element.attr("hidden").is_none()
        && !element.attr("style").is_some_and(is_styled_away)
}

/// What stands between two words.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Gap {
    #[default]
    None,
    Blank,
    Line,
}

/// Text while it is put together.
#[derive(Default)]
struct Lines {
    text: String,
    gap: Gap,
}

impl Lines {
    /// An element with this name begins or ends.
    fn pass(&mut self, name: &str) {
        let gap = if INLINE.contains(&name) {
            Gap::None
        } else if SPACED.contains(&name) {
            Gap::Blank
        } else {
            Gap::Line
        };
        self.gap = self.gap.max(gap);
    }

    fn push(&mut self, piece: &str, most: usize) {
        if piece.starts_with(char::is_whitespace) {
            self.gap = self.gap.max(Gap::Blank);
        }
        for word in piece.split_whitespace() {
            if self.text.len() >= most {
                return;
            }
            if !self.text.is_empty() {
                match self.gap {
                    Gap::None => {}
                    Gap::Blank => self.text.push(' '),
                    Gap::Line => self.text.push('\n'),
                }
            }
            // A word without end is no text.
            self.text.push_str(crate::base::text::truncate(word, most));
            self.gap = Gap::Blank;
        }
        if !piece.ends_with(char::is_whitespace) && !piece.is_empty() {
            self.gap = Gap::None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crawler::budget::PageBudget;
    use crate::crawler::page::Page;

    fn text(html: &str, most: usize) -> String {
        let url = "https://homes.example.com/h/1".parse().unwrap();
        let page = Page::parse(html, &url, PageBudget::for_page(html.len()));
        let budget = RuleBudget::new(page.budget());
        let root = page.elements().next().unwrap();
        text_of(root, most, &budget)
    }

    #[test]
    fn blocks_are_lines_and_words_in_a_line_stay_together() {
        let html =
            "<title>x</title><h1>Oak <b>Street</b></h1><p>€<span>425</span>.<sup>000</sup><br>3 rooms</p>
            <table><tr><th>Bedrooms<td>3<tr><th>Baths<td>2</table><script>a()</script>";

        assert_eq!(text(html, 1_000), "Oak Street\n€425.000\n3 rooms\nBedrooms 3\nBaths 2");
    }

    #[test]
    fn what_people_do_not_see_is_left_out() {
        let html = "<p>a<p hidden>b<p style='display: none'>c<svg>d</svg><noscript>e</noscript><p>f";

        assert_eq!(text(html, 1_000), "a\nf");
    }

    #[test]
    fn a_long_text_is_cut_after_a_word() {
        assert_eq!(text("<p>one two three", 6), "one two");
        assert_eq!(text(&format!("<p>{}", "x".repeat(5_000)), 100).len(), 100);
    }
}
