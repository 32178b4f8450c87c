//! A page read without storing anything, and the ready rules that a spider may begin with.

use std::collections::BTreeMap;

use poem_openapi::{Enum, Object};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::evidence::EvidenceLayer;
use super::spider_rules::SpiderRules;

/// A page to preview. Without `spider`, `rules` and `preset` it is read as by `auto`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Object, Serialize, Deserialize)]
#[oai(deny_unknown_fields, skip_serializing_if_is_none, example)]
pub struct NewPreview {
    /// An absolute http or https URL.
    #[oai(validator(max_length = 2000, pattern = r"^[hH][tT][tT][pP][sS]?://[^\s/?#]\S*$"))]
    pub url: String,
    /// `auto`, or a spider of the tenant that the built-in crawler runs: its rules are used, and its headers are sent to
    /// its own hosts.
    #[oai(validator(max_length = 100, pattern = "^[A-Za-z0-9_.-]{1,100}$"))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spider: Option<String>,
    /// Rules as a spider has them. Beside `spider` they stand in place of the spider's own rules and of its preset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rules: Option<SpiderRules>,
    /// A preset beneath `rules`. Beside `spider` it stands in place of the spider's own rules, too.
    #[oai(validator(max_length = 63, pattern = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preset: Option<String>,
}

/// What robots.txt says of a URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Enum, Serialize, Deserialize)]
#[oai(rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum RobotsVerdict {
    /// The page may be requested.
    Allowed,
    /// It was not requested.
    Forbidden,
    /// The file could not be read, which counts as forbidden (RFC 9309 section 2.3.1.4).
    Unavailable,
}

/// What a page is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Enum, Serialize, Deserialize)]
#[oai(rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum PreviewedKind {
    /// The page of one home.
    Detail,
    /// An index or a search result.
    List,
    Neither,
}

/// What kind of document was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Enum, Serialize, Deserialize)]
#[oai(rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum PreviewedContent {
    Html,
    /// A sitemap or a feed.
    Xml,
    Json,
}

/// What requesting a link is worth to a crawl.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Enum, Serialize, Deserialize)]
#[oai(rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum LinkWorth {
    /// It looks like the page of a home; requested first.
    Detail,
    /// A list of homes, a further page of one, a sitemap or a feed.
    List,
    Page,
    /// What another page shows as well, in another order or form; requested last, and few of them.
    Permutation,
}

/// A value that was read.
#[derive(Clone, Debug, PartialEq, Object, Serialize, Deserialize)]
#[oai(skip_serializing_if_is_none, example)]
pub struct PreviewedField {
    /// Texts of more than 300 characters are cut; of files the first is shown, and their number.
    pub value: Value,
    /// What of the page it was read from; absent where it follows from other values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layer: Option<EvidenceLayer>,
    /// The selector, path or expression of the rule that gave it; absent where no rule did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// Where in the layer: the path of keys, the label or the selector; at most 80 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fragment: Option<String>,
}

/// A home as a job would store it.
#[derive(Clone, Debug, PartialEq, Object, Serialize, Deserialize)]
#[oai(example)]
pub struct PreviewedHome {
    /// By the name of the field; a part of the address as `address.city`.
    pub fields: BTreeMap<String, PreviewedField>,
}

/// What one layer of the page read, before the layers were joined.
#[derive(Clone, Debug, PartialEq, Object, Serialize, Deserialize)]
#[oai(example)]
pub struct PreviewedLayer {
    pub layer: EvidenceLayer,
    /// The homes that it told of, at most 20, each with its plain values by name.
    pub drafts: Vec<BTreeMap<String, Value>>,
    /// Blocks of data that could not be parsed.
    pub skipped_blocks: u32,
}

/// The links of one worth.
#[derive(Clone, Debug, PartialEq, Eq, Object, Serialize, Deserialize)]
#[oai(example)]
pub struct PreviewedLinks {
    pub worth: LinkWorth,
    pub count: u32,
    /// The first 20, in the order in which a crawl requests them.
    pub urls: Vec<String>,
}

/// What a crawl would read of a page. Nothing of it is stored.
#[derive(Clone, Debug, PartialEq, Object, Serialize, Deserialize)]
#[oai(skip_serializing_if_is_none, example)]
pub struct Preview {
    /// As it was requested.
    pub url: String,
    /// Where the page was in the end, if elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page_url: Option<String>,
    /// A redirect that was not followed, because it leads to another site or to too many pages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redirected_to: Option<String>,
    /// Of the last URL that was to be requested.
    pub robots: RobotsVerdict,
    /// The pause between two requests that robots.txt asks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crawl_delay_ms: Option<u32>,
    /// Why there is no page: what the host answered, or why its page could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// Absent without a page, like `body_bytes` and `kind`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<PreviewedContent>,
    /// Of the body, decompressed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body_bytes: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<PreviewedKind>,
    /// The page's own address, if it names another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canonical: Option<String>,
    /// Why the page was not read to its end, if it was not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub truncated: Option<String>,
    /// The home of a detail page, or the entries of a list or of a JSON document that become listings; at most 20.
    pub homes: Vec<PreviewedHome>,
    /// How many there are.
    pub home_count: u32,
    /// Best first. Layers that told nothing are absent.
    pub layers: Vec<PreviewedLayer>,
    /// Why a home or a value was not taken; at most 100.
    pub notes: Vec<String>,
    /// By worth, the most first.
    pub links: Vec<PreviewedLinks>,
}

/// Ready rules for the sites of one platform.
#[derive(Clone, Debug, PartialEq, Eq, Object, Serialize, Deserialize)]
#[oai(example)]
pub struct Preset {
    /// To be named as `preset` of a spider.
    pub name: String,
    /// For which sites it is, how to recognise them, and what has to be said in addition.
    pub description: String,
    pub rules: SpiderRules,
}
