//! A quota as it stands, on the wire.

use poem_openapi::Object;
use poem_openapi::types::Example;

use crate::domain::limits::quota::Quota;
use crate::domain::limits::usage::Used;

/// Each quota as it stands.
#[derive(Debug, Object)]
#[oai(rename = "Usage", example)]
pub struct UsageView {
    data: Vec<QuotaView>,
}

/// One quota.
#[derive(Debug, Object)]
#[oai(rename = "QuotaUsage", skip_serializing_if_is_none)]
struct QuotaView {
    /// The quota's name, as in a tenant's `quotas`.
    quota: String,
    /// Absent: no limit.
    limit: Option<u64>,
    /// What is used now, or was within the window; absent: not counted.
    used: Option<u64>,
    /// Seconds over which use is counted; absent for what is held rather than spent.
    window_seconds: Option<u32>,
    /// How often it has refused or delayed something since the node started.
    refused: u64,
}

pub(super) fn view(used: Vec<Used>) -> UsageView {
    let one = |used: Used| QuotaView {
        quota: used.quota.name().to_owned(),
        limit: used.limit,
        used: used.used,
        window_seconds: used.quota.window_seconds(),
        refused: used.refused,
    };
    UsageView { data: used.into_iter().map(one).collect() }
}

impl Example for UsageView {
    fn example() -> Self {
        let quotas = [(Quota::Connections, 500, 2), (Quota::RequestsPerSecond, 200, 14)];
        let one = |(quota, limit, used)| Used { quota, limit: Some(limit), used: Some(used), refused: 0 };
        view(quotas.map(one).into())
    }
}
