//! Spiders as the REST routes show them.

use poem_openapi::{Enum, Object};
use serde::{Deserialize, Serialize};

/// The spider that every tenant has; it can be neither changed nor removed.
pub const AUTO: &str = "auto";

/// What runs a spider's jobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Enum, Serialize, Deserialize)]
#[oai(rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum Runner {
    /// The server's own crawler.
    Builtin,
    /// A worker that claims jobs with an API key.
    External,
}

impl Runner {
    /// The runner on the wire and in the store.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Builtin => "builtin",
            Self::External => "external",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        [Self::Builtin, Self::External].into_iter().find(|runner| runner.name() == name)
    }
}

/// A spider.
#[derive(Clone, Debug, PartialEq, Eq, Object, Serialize, Deserialize)]
#[oai(skip_serializing_if_is_none, example)]
pub struct Spider {
    pub name: String,
    pub runner: Runner,
    /// The start URLs of a job without target URLs.
    pub start_urls: Vec<String>,
    /// Hosts that its jobs may visit besides those of their target URLs.
    pub allowed_hosts: Vec<String>,
    /// Whether its jobs of the built-in crawler take the entries of list pages as listings. Absent in a response that was
    /// stored before there was this choice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub list_items: Option<bool>,
    /// Absent on `auto`, like `updated_at`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<String>,
}

/// A spider to be created.
#[derive(Clone, Debug, PartialEq, Eq, Object, Serialize, Deserialize)]
#[oai(deny_unknown_fields, skip_serializing_if_is_none, example)]
pub struct NewSpider {
    /// 1 to 100 of `A-Z a-z 0-9 _ . -`, unique in the tenant.
    #[oai(validator(pattern = "^[A-Za-z0-9_.-]{1,100}$"))]
    pub name: String,
    pub runner: Runner,
    /// Absolute http or https URLs.
    #[oai(validator(
        max_items = 1000,
        max_length = 2000,
        pattern = r"^[hH][tT][tT][pP][sS]?://[^\s/?#]\S*$"
    ))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_urls: Option<Vec<String>>,
    /// `host` or `host:port`.
    #[oai(validator(max_items = 100, max_length = 260, pattern = r"^[^\s/?#@\\]+$"))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed_hosts: Option<Vec<String>>,
    /// Whether jobs of the built-in crawler take the entries of list pages as listings; false when absent. An entry
    /// with a key and a page of its own becomes a listing, changes none that exists, and removes none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub list_items: Option<bool>,
}

/// The new settings of a spider; absent fields become empty.
#[derive(Clone, Debug, PartialEq, Eq, Object, Serialize, Deserialize)]
#[oai(deny_unknown_fields, skip_serializing_if_is_none, example)]
pub struct SpiderInput {
    pub runner: Runner,
    /// Absolute http or https URLs.
    #[oai(validator(
        max_items = 1000,
        max_length = 2000,
        pattern = r"^[hH][tT][tT][pP][sS]?://[^\s/?#]\S*$"
    ))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_urls: Option<Vec<String>>,
    /// `host` or `host:port`.
    #[oai(validator(max_items = 100, max_length = 260, pattern = r"^[^\s/?#@\\]+$"))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed_hosts: Option<Vec<String>>,
    /// Whether jobs of the built-in crawler take the entries of list pages as listings; false when absent. An entry
    /// with a key and a page of its own becomes a listing, changes none that exists, and removes none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub list_items: Option<bool>,
}
