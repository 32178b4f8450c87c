//! A tenant's quotas as operators set and see them.

use poem_openapi::Object;
use poem_openapi::types::Example;
use poem_openapi::types::MaybeUndefined;

use crate::domain::limits::quota::{Quota, Quotas};

/// The tenant's quotas that operators have set. Absent: the configuration's default applies; 0: no limit.
#[derive(Debug, Default, Object)]
#[oai(rename = "Quotas", skip_serializing_if_is_none)]
pub struct QuotasView {
    connections: Option<u64>,
    connects_per_second: Option<u64>,
    messages_per_second: Option<u64>,
    bytes_out_per_second: Option<u64>,
    requests_per_second: Option<u64>,
    history_events: Option<u64>,
    upload_bytes: Option<u64>,
    pending_jobs: Option<u64>,
}

/// Quotas to set; absent ones stay unchanged. 0: no limit; `null`: the configuration's default.
#[derive(Debug, Default, Object)]
#[oai(rename = "QuotasPatch", deny_unknown_fields, example)]
pub struct QuotasPatchBody {
    /// Open sockets and streams.
    #[oai(validator(minimum(value = "0"), maximum(value = "9007199254740991")))]
    connections: MaybeUndefined<u64>,
    /// New sockets and streams per second.
    #[oai(validator(minimum(value = "0"), maximum(value = "9007199254740991")))]
    connects_per_second: MaybeUndefined<u64>,
    /// Messages per second of all sockets.
    #[oai(validator(minimum(value = "0"), maximum(value = "9007199254740991")))]
    messages_per_second: MaybeUndefined<u64>,
    /// Bytes per second delivered to all readers; the excess is delayed.
    #[oai(validator(minimum(value = "0"), maximum(value = "9007199254740991")))]
    bytes_out_per_second: MaybeUndefined<u64>,
    #[oai(validator(minimum(value = "0"), maximum(value = "9007199254740991")))]
    requests_per_second: MaybeUndefined<u64>,
    /// Events that can be read again.
    #[oai(validator(minimum(value = "0"), maximum(value = "9007199254740991")))]
    history_events: MaybeUndefined<u64>,
    #[oai(validator(minimum(value = "0"), maximum(value = "9007199254740991")))]
    upload_bytes: MaybeUndefined<u64>,
    /// Jobs that wait for a worker.
    #[oai(validator(minimum(value = "0"), maximum(value = "9007199254740991")))]
    pending_jobs: MaybeUndefined<u64>,
}

pub(super) fn view(quotas: &Quotas) -> QuotasView {
    QuotasView {
        connections: quotas.get(Quota::Connections),
        connects_per_second: quotas.get(Quota::ConnectsPerSecond),
        messages_per_second: quotas.get(Quota::MessagesPerSecond),
        bytes_out_per_second: quotas.get(Quota::BytesOutPerSecond),
        requests_per_second: quotas.get(Quota::RequestsPerSecond),
        history_events: quotas.get(Quota::HistoryEvents),
        upload_bytes: quotas.get(Quota::UploadBytes),
        pending_jobs: quotas.get(Quota::PendingJobs),
    }
}

pub(super) fn quota_changes(body: QuotasPatchBody) -> Vec<(Quota, Option<u64>)> {
    let fields = [
        (Quota::Connections, body.connections),
        (Quota::ConnectsPerSecond, body.connects_per_second),
        (Quota::MessagesPerSecond, body.messages_per_second),
        (Quota::BytesOutPerSecond, body.bytes_out_per_second),
        (Quota::RequestsPerSecond, body.requests_per_second),
        (Quota::HistoryEvents, body.history_events),
        (Quota::UploadBytes, body.upload_bytes),
        (Quota::PendingJobs, body.pending_jobs),
    ];
    let said = |(quota, field)| match field {
        MaybeUndefined::Undefined => None,
        MaybeUndefined::Null => Some((quota, None)),
        MaybeUndefined::Value(number) => Some((quota, Some(number))),
    };
    fields.into_iter().filter_map(said).collect()
}

impl Example for QuotasPatchBody {
    fn example() -> Self {
        Self {
            connections: MaybeUndefined::Value(500),
            pending_jobs: MaybeUndefined::Null,
            ..Self::default()
        }
    }
}
