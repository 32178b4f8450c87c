//! The preview of the page of a home, and a preset.

use std::collections::BTreeMap;

use poem_openapi::types::Example;
use serde_json::{Value, json};

use super::{LISTING_KEY, PAGE, SITE};
use crate::protocol::evidence::EvidenceLayer;
use crate::protocol::preview::{
    LinkWorth, NewPreview, Preset, Preview, PreviewedContent, PreviewedField, PreviewedHome, PreviewedKind,
    PreviewedLayer, PreviewedLinks, RobotsVerdict,
};
use crate::protocol::spider_rules::{FieldRule, SpiderRules};

const SELECTOR: &str = ".price";

fn rules() -> SpiderRules {
    let price = FieldRule { css: Some(SELECTOR.to_owned()), ..FieldRule::default() };
    SpiderRules {
        detail: Some("/listing/[A-Z]-[0-9]+$".to_owned()),
        fields: Some(BTreeMap::from([("list_price".to_owned(), price)])),
        ..SpiderRules::default()
    }
}

impl Example for NewPreview {
    fn example() -> Self {
        Self { url: PAGE.to_owned(), spider: None, rules: Some(rules()), preset: None }
    }
}

impl Example for PreviewedField {
    fn example() -> Self {
        Self {
            value: json!(420_000.0),
            layer: Some(EvidenceLayer::Rule),
            rule: Some(SELECTOR.to_owned()),
            fragment: Some(SELECTOR.to_owned()),
        }
    }
}

impl Example for PreviewedHome {
    fn example() -> Self {
        let key = PreviewedField {
            value: json!(LISTING_KEY),
            layer: Some(EvidenceLayer::JsonLd),
            rule: None,
            fragment: Some("identifier".to_owned()),
        };
        let fields = [("listing_key".to_owned(), key), ("list_price".to_owned(), PreviewedField::example())];
        Self { fields: BTreeMap::from(fields) }
    }
}

impl Example for PreviewedLayer {
    fn example() -> Self {
        let draft: BTreeMap<String, Value> = BTreeMap::from([("listing_key".to_owned(), json!(LISTING_KEY))]);
        Self { layer: EvidenceLayer::JsonLd, drafts: vec![draft], skipped_blocks: 0 }
    }
}

impl Example for PreviewedLinks {
    fn example() -> Self {
        Self { worth: LinkWorth::Detail, count: 1, urls: vec![format!("{SITE}listing/A-1025")] }
    }
}

impl Example for Preview {
    fn example() -> Self {
        Self {
            url: PAGE.to_owned(),
            page_url: None,
            redirected_to: None,
            robots: RobotsVerdict::Allowed,
            crawl_delay_ms: Some(1_000),
            failure: None,
            content: Some(PreviewedContent::Html),
            body_bytes: Some(48_213),
            kind: Some(PreviewedKind::Detail),
            canonical: None,
            truncated: None,
            homes: vec![PreviewedHome::example()],
            home_count: 1,
            layers: vec![PreviewedLayer::example()],
            notes: vec!["year_built: no element matches the selector".to_owned()],
            links: vec![PreviewedLinks::example()],
        }
    }
}

impl Example for Preset {
    fn example() -> Self {
        Self {
            name: "houzez".to_owned(),
            description: "WordPress sites with the theme Houzez.".to_owned(),
            rules: rules(),
        }
    }
}
