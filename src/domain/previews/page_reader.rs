//! The crawler's way to read a page, as use cases see it: the crawler is a layer above them and implements this.

use std::collections::BTreeMap;

use futures_util::future::BoxFuture;
use serde_json::Value;
use url::Url;

use crate::base::ids::TenantId;
use crate::domain::error::Result;
use crate::domain::kept_pages::page::KeptBody;
use crate::protocol::preview::Preview;
use crate::protocol::spider_rules::SpiderRules;

/// What was read of the home of a page, by the names on the wire (`list_price`, `address.city`).
pub type ReadFields = BTreeMap<String, Value>;

/// A page to request and to read. It holds headers in clear, so it cannot be printed.
pub struct PreviewRequest {
    pub url: Url,
    /// With those of a preset beneath.
    pub rules: SpiderRules,
    /// Names and values. They are sent to `own_hosts` only.
    pub headers: Vec<(String, String)>,
    /// The hosts that the spider names itself.
    pub own_hosts: OwnHosts,
}

/// The hosts that a spider names itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnHosts {
    pub start_urls: Vec<String>,
    /// `host` or `host:port`.
    pub allowed_hosts: Vec<String>,
}

/// Reads pages, in the page readers of this node. Nothing is stored.
pub trait PageReader: Send + Sync {
    /// Requests a page as a crawl does, past guard, robots.txt and politeness, and reads it. Fails where the URL must
    /// not be requested, and where its host may not be asked soon; what the host answers is part of the preview.
    fn preview<'a>(&'a self, tenant: TenantId, request: &'a PreviewRequest)
    -> BoxFuture<'a, Result<Preview>>;

    /// What `rules` read of the home of a kept page: no field of a page without a home. `None`: it cannot be read.
    fn read_kept<'a>(
        &'a self,
        tenant: TenantId,
        page: &'a KeptBody,
        rules: &'a SpiderRules,
    ) -> BoxFuture<'a, Option<ReadFields>>;
}
