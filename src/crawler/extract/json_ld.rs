//! The first layer: schema.org data in `<script type="application/ld+json">`.

use std::borrow::Cow;

use serde_json::Value;

use super::extraction::{Layer, LayerResult};
use super::{json, lenient_json, schema_org, values};
use crate::crawler::budget::PageBudget;
use crate::crawler::page::Page;

/// Blocks of one page that are read.
const MAX_BLOCKS: usize = 200;

/// The blocks of a page.
pub(super) struct JsonLdBlocks {
    pub(super) roots: Vec<Value>,
    /// Blocks that could not be parsed.
    pub(super) skipped: u32,
}

/// Parses the blocks of `page`.
pub(super) fn parsed(page: &Page) -> JsonLdBlocks {
    let mut parsed = JsonLdBlocks { roots: Vec::new(), skipped: 0 };
    for text in blocks(page).take(MAX_BLOCKS) {
        match parse(&text, page.budget()) {
            Some(root) => parsed.roots.push(root),
            None => parsed.skipped += 1,
        }
    }
    parsed
}

/// What the blocks of `page` tell.
pub(super) fn read(blocks: &JsonLdBlocks, page: &Page) -> LayerResult {
    let drafts = schema_org::drafts(&blocks.roots, page.base(), page.budget(), Layer::JsonLd);
    LayerResult { kind: Layer::JsonLd, drafts, skipped_blocks: blocks.skipped }
}

fn blocks(page: &Page) -> impl Iterator<Item = Cow<'_, str>> {
    let data = page.scripts().filter(|script| {
        let mime = script.attr("type").unwrap_or_default();
        mime.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/ld+json")
    });
    data.map(|script| page.script_text(script)).filter(|text| !text.trim().is_empty())
}

/// The data of a block. Templates break JSON in many ways, and some escape it as if it were text.
fn parse(text: &str, budget: &PageBudget) -> Option<Value> {
    let bare = unwrap(text);
    let value = json::parse(bare, budget).or_else(|| parse_leniently(text, bare, budget))?;
    match value {
        // Data that was encoded twice.
        Value::String(inner) => json::parse(&inner, budget).or_else(|| lenient_json::parse(&inner, budget)),
        value => Some(value),
    }
}

fn parse_leniently(text: &str, bare: &str, budget: &PageBudget) -> Option<Value> {
    // Decoding a block that was fine would break it, so this comes after the strict reader.
    if is_escaped(bare) {
        if !budget.charge_bytes(bare.len() as u64) {
            return None;
        }
        let decoded = values::decode(bare);
        return json::parse(&decoded, budget).or_else(|| lenient_json::parse(&decoded, budget));
    }
    // What was taken for a wrapper may be a comment with words in it.
    let with_comments = || text.trim_start().starts_with('/').then(|| lenient_json::parse(text, budget));
    lenient_json::parse(bare, budget).or_else(|| with_comments().flatten())
}

/// Whether the quotes of the data itself are character references, and not only those of a text in it.
fn is_escaped(text: &str) -> bool {
    text.trim_start_matches(|c: char| c.is_whitespace() || matches!(c, '{' | '[')).starts_with('&')
}

/// The data without the comment and CDATA wrappers of the XHTML years.
pub(super) fn unwrap(text: &str) -> &str {
    let mut text = text.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
    for opening in ["//", "/*", "<![CDATA[", "*/", "<!--"] {
        text = text.strip_prefix(opening).unwrap_or(text).trim_start();
    }
    for ending in ["*/", "-->", "]]>", "//", "/*", ";"] {
        text = text.strip_suffix(ending).unwrap_or(text).trim_end();
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn block(text: &str) -> Option<Value> {
        parse(text, &PageBudget::for_page(10_000))
    }

    #[test]
    fn wrapped_and_escaped_blocks_are_read() {
        let value = json!({"@type": "House", "numberOfBedrooms": 3});
        let data = value.to_string();
        for text in [
            format!("<!-- {data} -->"),
            format!("//<![CDATA[\n{data}\n//]]>"),
            format!("/*<![CDATA[*/ {data} /*]]>*/"),
            format!("// the home\n{data}"),
            format!("\u{feff}{data}"),
            format!("{data};"),
            data.replace('"', "&quot;"),
            data.replace('"', "&#34;"),
            data.replace('"', "&#x22;").replace('{', "&#123;"),
            data.replace('"', "'"),
            Value::from(data.clone()).to_string(),
        ] {
            assert_eq!(block(&text), Some(value.clone()), "{text}");
        }
    }

    #[test]
    fn references_in_a_text_stay_for_the_reader_of_the_text() {
        assert_eq!(block(r#"{"name": "A &quot;b&quot;",}"#), Some(json!({"name": "A &quot;b&quot;"})));
    }

    #[test]
    fn a_block_that_is_cut_off_is_skipped_and_the_others_are_read() {
        let html = "<script type=application/ld+json>{\"@type\": \"House\", \"name\": \"cut</script>\
                    <script type='application/ld+json'>{'@type': 'House', numberOfBedrooms: 3,}</script>";
        let url = "https://homes.example.com/page/1".parse().unwrap();

        let page = Page::parse(html, &url, PageBudget::for_page(html.len()));
        let result = read(&parsed(&page), &page);

        assert_eq!(result.skipped_blocks, 1);
        assert_eq!(result.drafts.len(), 1);
        assert_eq!(result.drafts[0].property.bedrooms_total, Some(3));
    }
}
