//! What shapes the crawls of one spider, as the crawler uses it: its rules with those of its preset beneath, and its
//! headers, decrypted.

use std::fmt;

use super::headers;
use crate::base::hex::sha256_hex;
use crate::domain::error::Result;
use crate::domain::jobs::view::json;
use crate::domain::op::Op;
use crate::domain::previews::page_reader::OwnHosts;
use crate::protocol::spider_rules::{SpiderRules, preset_rules};
use crate::storage::spiders::SpiderRow;

/// What shapes the crawls of a spider. The default is that of `auto`.
#[derive(Clone, PartialEq, Eq)]
pub struct SpiderShape {
    /// With the preset's rules beneath.
    pub rules: SpiderRules,
    /// Names and values; only for the spider's own hosts.
    pub headers: Vec<(String, String)>,
    /// The hosts that the headers may be sent to: those of the start URLs, and the allowed ones. Of the same row as the
    /// headers, so that a change in between sends no header to a host that it was not given for.
    pub own_hosts: OwnHosts,
    /// SHA-256, in hex, of the rules and of the names of the headers: what was read with another digest may be read
    /// differently now.
    pub digest: String,
    /// Why no job of the spider can run: its headers cannot be decrypted.
    pub refusal: Option<String>,
}

impl SpiderShape {
    /// The shape of these rules and headers.
    pub fn new(rules: SpiderRules, headers: Vec<(String, String)>) -> Self {
        let digest = digest(&rules, headers.iter().map(|(name, _)| name.as_str()));
        Self { rules, headers, own_hosts: OwnHosts::default(), digest, refusal: None }
    }

    pub(super) fn of_row(op: &Op, row: &SpiderRow) -> Result<Self> {
        let rules = merged_rules(row)?;
        let own_hosts =
            OwnHosts { start_urls: json(&row.start_urls)?, allowed_hosts: json(&row.allowed_hosts)? };
        let shape = match headers::open(op, row) {
            Some(headers) => Self::new(rules, headers),
            None => Self { refusal: Some(lost_words(&row.name)), ..Self::new(rules, Vec::new()) },
        };
        Ok(Self { own_hosts, ..shape })
    }
}

impl Default for SpiderShape {
    fn default() -> Self {
        Self::new(SpiderRules::default(), Vec::new())
    }
}

/// Without the values of headers, which are secrets.
impl fmt::Debug for SpiderShape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("SpiderShape")
            .field("rules", &self.rules)
            .field("header_names", &names)
            .field("digest", &self.digest)
            .field("refusal", &self.refusal)
            .finish()
    }
}

/// The spider's own rules, as they were given. Rows from before there were rules have `list_items` in a column.
pub(super) fn own_rules(row: &SpiderRow) -> Result<SpiderRules> {
    let mut rules: SpiderRules = row.rules.as_deref().map(json).transpose()?.unwrap_or_default();
    if rules.list_items.is_none() && row.list_items {
        rules.list_items = Some(true);
    }
    Ok(rules)
}

/// Whether the spider's jobs take the entries of list pages, by its own rules or its preset's.
pub(super) fn takes_list_items(row: &SpiderRow) -> Result<bool> {
    Ok(merged_rules(row)?.list_items == Some(true))
}

fn merged_rules(row: &SpiderRow) -> Result<SpiderRules> {
    // A preset that a later version no longer has says nothing.
    let base = row.preset.as_deref().and_then(preset_rules).unwrap_or_default();
    Ok(own_rules(row)?.over(base))
}

fn digest<'a>(rules: &SpiderRules, header_names: impl Iterator<Item = &'a str>) -> String {
    let mut names: Vec<String> = header_names.map(str::to_ascii_lowercase).collect();
    names.sort();
    // Its fields have one order and its maps are sorted: equal rules are equal texts, and they always serialise.
    let rules = serde_json::to_string(rules).unwrap_or_default();
    sha256_hex(&format!("{rules}\n{}", names.join("\n")))
}

fn lost_words(name: &str) -> String {
    format!(
        "The headers of the spider {name} cannot be decrypted: the server's key for them is lost or was replaced. An \
         admin has to give them again with PUT /api/v1/spiders/{name}."
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(rules: &str, headers: &[(&str, &str)]) -> SpiderShape {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        SpiderShape::new(serde_json::from_str(rules).unwrap(), headers.collect())
    }

    #[test]
    fn the_digest_changes_with_rules_and_names_of_headers_and_not_with_their_values() {
        let plain = shape("{}", &[]);

        assert_eq!(plain.digest, SpiderShape::default().digest);
        assert_ne!(shape(r#"{"detail": "/home/"}"#, &[]).digest, plain.digest);
        assert_ne!(shape("{}", &[("Cookie", "a")]).digest, plain.digest);
        assert_eq!(shape("{}", &[("Cookie", "a")]).digest, shape("{}", &[("cookie", "b")]).digest);
        assert_eq!(plain.digest.len(), 64);
    }

    #[test]
    fn values_of_headers_are_not_printed() {
        let printed = format!("{:?}", shape("{}", &[("Cookie", "canary")]));

        assert!(printed.contains("Cookie") && !printed.contains("canary"), "{printed}");
    }
}
