//! The breadcrumbs of a page: the short texts of its place among the pages of the site, from the general to the special.

use super::outline::{Block, Outline, push_collapsed};
use crate::base::text::truncate;
use crate::crawler::budget::PageBudget;

/// Texts of such a path.
const LEAST: usize = 2;
const MAX_TEXTS: usize = 30;
/// Bytes of a text, and of an attribute that is looked at.
const MAX_TEXT: usize = 80;
const MAX_ATTRIBUTE: usize = 240;
/// Steps of looking at an element.
const BLOCK_STEPS: u64 = 8;

/// The texts of the first element that is a path of breadcrumbs. Signs between them are left out.
pub(super) fn breadcrumbs(outline: &Outline<'_>, budget: &PageBudget) -> Vec<String> {
    if !budget.charge_steps(outline.blocks.len() as u64 * BLOCK_STEPS) {
        return Vec::new();
    }
    let fits = |block: &&Block<'_>| (LEAST..=MAX_TEXTS).contains(&block.texts());
    let path = outline.blocks.iter().filter(fits).find(|block| is_path(block));
    let texts = path.map(|path| outline.texts_in(path)).unwrap_or_default();
    let words = texts.iter().filter(|piece| {
        piece.text.len() <= MAX_TEXT && piece.text.contains(char::is_alphabetic) && !piece.text.contains('{')
    });
    let tidy = words.map(|piece| {
        let mut text = String::with_capacity(piece.text.len());
        push_collapsed(&mut text, piece.text);
        text
    });
    tidy.collect()
}

/// Whether the class, the label or the type of an element says so.
fn is_path(block: &Block<'_>) -> bool {
    ["class", "id", "aria-label", "itemtype", "typeof", "data-testid"].into_iter().any(|name| {
        let value = block.element.attr(name).map(|value| truncate(value, MAX_ATTRIBUTE)).unwrap_or_default();
        value.to_ascii_lowercase().contains("breadcrumb")
    })
}

#[cfg(test)]
mod tests {
    use super::super::visit::outline;
    use super::*;
    use crate::crawler::page::Page;

    fn crumbs(html: &str) -> Vec<String> {
        let url = "https://homes.example.com/h/1".parse().unwrap();
        let page = Page::parse(html, &url, PageBudget::for_page(html.len()));
        breadcrumbs(&outline(&page), page.budget())
    }

    #[test]
    fn the_texts_of_breadcrumbs_are_told_in_their_order() {
        for html in [
            "<nav class='page-breadcrumbs'><a href=/>Home</a> › <a href=/b>To  rent</a></nav><h1>House</h1>",
            "<ol itemtype=https://schema.org/BreadcrumbList><li>Home<li>To rent</ol>",
            "<nav aria-label=Breadcrumb><span>Home</span><i>/</i><span>To rent</span></nav>",
        ] {
            assert_eq!(crumbs(html), ["Home", "To rent"], "{html}");
        }
        assert!(crumbs("<nav><a href=/>Home</a><a href=/b>To rent</a></nav>").is_empty());
        assert!(crumbs("<i class=breadcrumb-arrow>Back</i>").is_empty());
    }
}
