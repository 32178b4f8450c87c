//! What a crawl has found out about pages and does not have in the store yet: pages of homes that were read, and pages
//! that their hosts report as unchanged.

use url::Url;

use crate::base::ids::PropertyId;
use crate::crawler::fetch::Validators;
use crate::domain::frontier::Worth;
use crate::domain::visits::{NewVisit, ReadMode};

/// A page of a home that was read. It is kept once the property of the home is stored.
#[derive(Clone, Debug)]
pub(super) struct ReadPage {
    /// In the frontier.
    pub(super) page_id: i64,
    pub(super) url: Url,
    pub(super) validators: Validators,
    pub(super) mode: ReadMode,
    /// As [`super::kept_links`] writes them.
    pub(super) links: String,
}

impl ReadPage {
    pub(super) fn into_visit(self, property_id: PropertyId) -> NewVisit {
        let Self { url, validators: Validators { etag, last_modified }, mode, links, .. } = self;
        NewVisit { url: url.into(), etag, last_modified, mode, property_id, links }
    }
}

/// A page that its host reports as unchanged since its visit.
#[derive(Clone, Debug)]
pub(super) struct UnchangedPage {
    pub(super) url: Url,
    pub(super) worth: Worth,
    pub(super) depth: i64,
    pub(super) property_id: PropertyId,
}
