//! A page as it is given to be kept, and as it is kept.

use super::body::PackedBody;
use crate::base::ids::TenantId;
use crate::blobs::PageKey;
use crate::storage::kept_pages::KeptPageRow;

/// A page to be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewPage {
    /// The URL that was requested, as the frontier has it.
    pub url: String,
    /// Where the page was in the end, if elsewhere.
    pub page_url: Option<String>,
    pub spider_name: String,
    /// What kind of document it is: `html`, `xml` or `json`.
    pub content: String,
    /// The charset that the header declared.
    pub charset: Option<String>,
    /// Its `X-Robots-Tag` headers, one a line.
    pub robots_tag: Option<String>,
    /// When it was fetched, in microseconds since the epoch.
    pub fetched_at: i64,
    pub body: PackedBody,
}

/// A kept page without its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptPage {
    /// The URL that was requested, as the frontier has it.
    pub url: String,
    /// Where the page was in the end, if elsewhere.
    pub page_url: Option<String>,
    pub spider_name: String,
    /// What kind of document it is: `html`, `xml` or `json`.
    pub content: String,
    /// The charset that the header declared.
    pub charset: Option<String>,
    /// Its `X-Robots-Tag` headers, one a line.
    pub robots_tag: Option<String>,
    /// When it was fetched, in microseconds since the epoch.
    pub fetched_at: i64,
    /// Of the body before compression.
    pub body_bytes: u64,
    pub(super) id: i64,
    pub(super) stored_bytes: u64,
    pub(super) key: PageKey,
}

/// A kept page with its body, decompressed and not decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptBody {
    pub page: KeptPage,
    pub body: Vec<u8>,
}

impl KeptPage {
    pub(super) fn of(row: KeptPageRow) -> Self {
        let key = key_of(&row);
        Self {
            url: row.url,
            page_url: row.page_url,
            spider_name: row.spider_name,
            content: row.content,
            charset: row.charset,
            robots_tag: row.robots_tag,
            fetched_at: row.fetched_at,
            body_bytes: u64::try_from(row.body_bytes).unwrap_or_default(),
            id: row.id,
            stored_bytes: u64::try_from(row.stored_bytes).unwrap_or_default(),
            key,
        }
    }

    /// Where the page was in the end.
    pub fn final_url(&self) -> &str {
        self.page_url.as_deref().unwrap_or(&self.url)
    }

    /// Its place among the pages of its spider.
    pub fn position(&self) -> (i64, i64) {
        (self.fetched_at, self.id)
    }
}

/// The key of a row's body in the blob store.
pub(super) fn key_of(row: &KeptPageRow) -> PageKey {
    PageKey { tenant_id: TenantId(row.tenant_id), sha256: row.sha256.clone(), id: row.body_id }
}
