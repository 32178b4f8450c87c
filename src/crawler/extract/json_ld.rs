//! The first layer: schema.org data in `<script type="application/ld+json">`.

use serde_json::Value;

use super::{Found, Layer, entities, schema_org};
use crate::crawler::page::Page;

/// Blocks of one page that are read.
const MAX_BLOCKS: usize = 200;

pub(super) fn read(page: &Page) -> Found {
    let mut roots = Vec::new();
    let mut skipped_blocks = 0;
    for text in blocks(page).take(MAX_BLOCKS) {
        match parse(&text) {
            Some(root) => roots.push(root),
            None => skipped_blocks += 1,
        }
    }
    Found { kind: Layer::JsonLd, drafts: schema_org::drafts(&roots, page.base()), skipped_blocks }
}

fn blocks(page: &Page) -> impl Iterator<Item = String> {
    let scripts = page.elements().filter(|element| element.value().name() == "script");
    let data = scripts.filter(|script| {
        let mime = script.attr("type").unwrap_or_default();
        mime.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/ld+json")
    });
    data.map(|script| script.text().collect::<String>()).filter(|text| !text.trim().is_empty())
}

fn parse(text: &str) -> Option<Value> {
    let bare = unwrap(text);
    if let Ok(value) = serde_json::from_str(bare) {
        return Some(value);
    }
    // Some templates escape the whole block. Decoding a block that was fine would break it, so this comes second.
    bare.contains("&quot;").then(|| serde_json::from_str(&entities::decode(bare)).ok()).flatten()
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
