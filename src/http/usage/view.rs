//! The current use of a quota on the wire.

use poem::Request;
use poem_openapi::Object;
use poem_openapi::types::Example;

use crate::base::page::{Page, PageRequest};
use crate::domain::limits::quota::Quota;
use crate::domain::limits::usage::QuotaUsage;
use crate::http::list::{Listed, listed};

/// One quota.
#[derive(Debug, Object)]
#[oai(rename = "QuotaUsage", skip_serializing_if_is_none, example)]
pub struct QuotaUsageView {
    /// The quota's name, as in a tenant's `quotas`.
    quota: String,
    /// Absent: no limit.
    limit: Option<u64>,
    /// Current use, or use within the window; absent: not counted.
    used: Option<u64>,
    /// Seconds over which use is counted; absent for quotas on stored or open things.
    window_seconds: Option<u32>,
    /// How often it has refused or delayed a request since the node started.
    refused: u64,
}

/// A page of the quotas, in their order; the cursor is the number of quotas on earlier pages.
pub(super) fn list(
    request: &Request,
    used: Vec<QuotaUsage>,
    page: &PageRequest<usize>,
) -> Listed<QuotaUsageView> {
    let after = page.after.unwrap_or_default();
    let rest: Vec<(usize, QuotaUsage)> = (1..).zip(used).skip(after).collect();
    listed(request, Page::from_rows(rest, page.limit, |(number, _)| *number).map(|(_, used)| view(used)))
}

fn view(used: QuotaUsage) -> QuotaUsageView {
    QuotaUsageView {
        quota: used.quota.name().to_owned(),
        limit: used.limit,
        used: used.used,
        window_seconds: used.quota.window_seconds(),
        refused: used.refused,
    }
}

impl Example for QuotaUsageView {
    fn example() -> Self {
        view(QuotaUsage { quota: Quota::Connections, limit: Some(500), used: Some(2), refused: 0 })
    }
}
