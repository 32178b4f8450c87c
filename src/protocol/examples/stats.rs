//! Statistics of an idle node with two connections, and a close code of sockets.

use std::collections::BTreeMap;

use poem_openapi::types::Example;

use super::{after, now};
use crate::base::clock::epoch_seconds;
use crate::protocol::job::JobStatus;
use crate::protocol::problem::{CloseCode, CloseCodeBody};
use crate::protocol::property::StandardStatus;
use crate::protocol::stats::{ConnectionCounts, NodeStats, TenantStats};

const CONNECTIONS: ConnectionCounts = ConnectionCounts { sockets: 1, uploads: 0, streams: 1 };

impl Example for TenantStats {
    fn example() -> Self {
        Self {
            connections: CONNECTIONS,
            users_online: 1,
            events_per_second: 0.5,
            frames_delivered: 120,
            bytes_delivered: 48_000,
            messages_received: 14,
            passing_dropped: 0,
            queued_bytes: 0,
            lag: 0,
            jobs: BTreeMap::from([(JobStatus::Running.name().to_owned(), 1)]),
            properties: BTreeMap::from([(StandardStatus::Active.name().to_owned(), 2048)]),
            server_time: epoch_seconds(now()),
        }
    }
}

impl Example for NodeStats {
    fn example() -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            database: "sqlite".to_owned(),
            started_at: after(-60),
            leaving: false,
            connections: CONNECTIONS,
            active_tenants: 1,
            queued_bytes: 0,
            lag: 0,
            resident_bytes: 41_943_040,
            open_fds: 24,
            max_fds: 20_000,
            cpu_seconds: 3.5,
            tasks: 12,
            stalled_seconds: 0.0,
            head_poll_age_seconds: 0.4,
            open_writes: 0,
            oldest_write_seconds: 0.0,
            disk_full: false,
            server_time: epoch_seconds(now()),
        }
    }
}

impl Example for CloseCodeBody {
    fn example() -> Self {
        Self::from(CloseCode::SlowConsumer.row())
    }
}
