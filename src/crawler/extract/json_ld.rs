//! The first layer: schema.org data in `<script type="application/ld+json">`.

use std::borrow::Cow;

use serde_json::Value;

use super::extraction::{Layer, LayerResult};
use super::{entities, json, schema_org};
use crate::crawler::budget::PageBudget;
use crate::crawler::page::Page;

/// Blocks of one page that are read.
const MAX_BLOCKS: usize = 200;

pub(super) fn read(page: &Page) -> LayerResult {
    let mut roots = Vec::new();
    let mut skipped_blocks = 0;
    for text in blocks(page).take(MAX_BLOCKS) {
        match parse(&text, page.budget()) {
            Some(root) => roots.push(root),
            None => skipped_blocks += 1,
        }
    }
    let drafts = schema_org::drafts(&roots, page.base(), page.budget());
    LayerResult { kind: Layer::JsonLd, drafts, skipped_blocks }
}

fn blocks(page: &Page) -> impl Iterator<Item = Cow<'_, str>> {
    let data = page.scripts().filter(|script| {
        let mime = script.attr("type").unwrap_or_default();
        mime.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/ld+json")
    });
    data.map(|script| page.script_text(script)).filter(|text| !text.trim().is_empty())
}

fn parse(text: &str, budget: &PageBudget) -> Option<Value> {
    let bare = unwrap(text);
    if let Some(value) = json::parse(bare, budget) {
        return Some(value);
    }
    // Some templates escape the whole block. Decoding a block that was fine would break it, so this comes second.
    if !bare.contains("&quot;") || !budget.charge_bytes(bare.len() as u64) {
        return None;
    }
    json::parse(&entities::decode(bare), budget)
}

/// The data without the comment and CDATA wrappers of the XHTML years.
pub(super) fn unwrap(text: &str) -> &str {
    let mut text = text.trim();
    for opening in ["//", "/*", "<![CDATA[", "*/", "<!--"] {
        text = text.strip_prefix(opening).unwrap_or(text).trim_start();
    }
    for ending in ["*/", "-->", "]]>", "//", "/*", ";"] {
        text = text.strip_suffix(ending).unwrap_or(text).trim_end();
    }
    text
}
