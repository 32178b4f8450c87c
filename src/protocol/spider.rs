//! Spiders as the REST routes show them.

use std::collections::BTreeMap;

use poem_openapi::{Enum, Object};
use serde::{Deserialize, Serialize};

use super::rule_report::RuleReport;
use super::schedule::{Schedule, SpiderSchedule};
use super::spider_rules::rules::{object_with_rules, rule_methods};

/// The spider that every tenant has; it can be neither changed nor removed.
pub const AUTO: &str = "auto";

/// What runs a spider's jobs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Enum, Serialize, Deserialize)]
#[oai(rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum Runner {
    /// The server's own crawler.
    #[default]
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

object_with_rules! {
    /// A spider.
    #[derive(Clone, Debug, Default, PartialEq, Eq, Object, Serialize, Deserialize)]
    #[oai(skip_serializing_if_is_none, example)]
    pub struct Spider {
        pub name: String,
        pub runner: Runner,
        /// The start URLs of a job without target URLs.
        pub start_urls: Vec<String>,
        /// Hosts that its jobs may visit besides those of their target URLs.
        pub allowed_hosts: Vec<String>,
        /// The names of the headers that its requests carry; absent when there are none. Their values are never shown.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub header_names: Option<Vec<String>>,
        /// True: the server's key that sealed the headers is lost or was replaced, so that no job can run until they
        /// are given again.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub headers_lost: Option<bool>,
        /// The preset whose rules are beneath the spider's own.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub preset: Option<String>,
        /// When the server starts jobs of it; absent where it does not.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub schedule: Option<SpiderSchedule>,
        /// Only in the answer to a change of its rules, if pages of it are kept: what the change does to them.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub rule_report: Option<RuleReport>,
        /// Absent on `auto`, like `updated_at`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub created_at: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub updated_at: Option<String>,
    }
}

object_with_rules! {
    /// A spider to be created.
    #[derive(Clone, Debug, Default, PartialEq, Eq, Object, Serialize, Deserialize)]
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
        /// Headers of the requests to the spider's own hosts, such as a cookie or a key: 20 at most, with values of
        /// 4 KiB of visible ASCII. They are stored encrypted and never shown again.
        #[oai(validator(max_properties = 20, min_length = 1, max_length = 4096))]
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub headers: Option<BTreeMap<String, String>>,
        /// A preset whose rules are beneath the spider's own.
        #[oai(validator(pattern = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"))]
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub preset: Option<String>,
        /// When the server starts jobs of it, at its start URLs. The jobs belong to the user that sets this.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub schedule: Option<Schedule>,
    }
}

object_with_rules! {
    /// The new settings of a spider; absent fields become empty, headers too.
    #[derive(Clone, Debug, Default, PartialEq, Eq, Object, Serialize, Deserialize)]
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
        /// Headers of the requests to the spider's own hosts: 20 at most, with values of 4 KiB of visible ASCII. They
        /// are stored encrypted and never shown again; absent, the spider has none from now on.
        #[oai(validator(max_properties = 20, min_length = 1, max_length = 4096))]
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub headers: Option<BTreeMap<String, String>>,
        /// A preset whose rules are beneath the spider's own.
        #[oai(validator(pattern = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"))]
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub preset: Option<String>,
        /// When the server starts jobs of it, at its start URLs; absent, the spider has no schedule from now on. The jobs
        /// belong to the user that sets this.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub schedule: Option<Schedule>,
    }
}

rule_methods!(Spider, NewSpider, SpiderInput);

impl From<NewSpider> for SpiderInput {
    /// All but the name.
    fn from(new: NewSpider) -> Self {
        let rules = new.rules();
        let NewSpider { runner, start_urls, allowed_hosts, headers, preset, schedule, .. } = new;
        Self { runner, start_urls, allowed_hosts, headers, preset, schedule, ..Self::default() }
            .with_rules(rules)
    }
}
