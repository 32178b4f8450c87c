//! Reading the log back: pages in order, its head, and whether a position lets a reader continue.

use std::sync::Arc;

use crate::auth::scope::TenantScope;
use crate::protocol::envelope::Envelope;
use crate::protocol::message::GapReason;
use crate::protocol::position::Position;
use crate::storage::events::EventRow;
use crate::storage::{Database, Error, Result, TenantTx, events, time};

/// How far a log reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    pub epoch: i64,
    /// The last event's sequence number; 0 before the first.
    pub seq: i64,
    /// The last sequence number that retention took away.
    pub trimmed: i64,
}

impl Head {
    pub fn position(self) -> Position {
        Position { epoch: self.epoch, seq: self.seq }
    }
}

/// Events in order, and how far the log reached when they were read.
pub struct Page {
    pub envelopes: Vec<Arc<Envelope>>,
    pub head: Head,
}

/// What a client's `since` comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Since {
    /// The log holds everything after this sequence number.
    After(i64),
    /// It does not, for this reason.
    Gap(GapReason),
}

/// The log's head now.
pub async fn head(db: &Database, scope: &TenantScope) -> Result<Head> {
    let tx = db.tenant(scope).read().await?;
    read_head(&tx).await
}

/// At most `limit` events after `after`. The head is read in the same transaction, before the rows, so a page that
/// is not full and ends below the head means that retention was faster: the caller compares `head.trimmed`.
pub async fn read_after(db: &Database, scope: &TenantScope, after: i64, limit: u64) -> Result<Page> {
    let tx = db.tenant(scope).read().await?;
    let head = read_head(&tx).await?;
    let rows = events::read_after(&tx, after, limit).await?;
    let envelopes = rows.into_iter().map(|row| envelope(head.epoch, row)).collect::<Result<_>>()?;
    Ok(Page { envelopes, head })
}

/// Judges a position against the log.
pub fn judge(since: &str, head: Head) -> Since {
    let Ok(position) = since.parse::<Position>() else { return Since::Gap(GapReason::Malformed) };
    if position.epoch != head.epoch {
        Since::Gap(GapReason::OtherLog)
    } else if position.seq > head.seq {
        Since::Gap(GapReason::Future)
    } else if position.seq < head.trimmed {
        Since::Gap(GapReason::Trimmed)
    } else {
        Since::After(position.seq)
    }
}

/// The head within a transaction that reads more than that.
pub async fn read_head(tx: &TenantTx) -> Result<Head> {
    let log = events::log(tx).await?;
    Ok(Head { epoch: log.epoch, seq: log.head, trimmed: log.trimmed })
}

fn envelope(epoch: i64, row: EventRow) -> Result<Arc<Envelope>> {
    let routing = serde_json::from_str(&row.routing)
        .map_err(|error| Error::Corrupt(format!("the routing of event {}: {error}", row.seq)))?;
    let position = Position { epoch, seq: row.seq };
    Ok(Arc::new(Envelope::new(position, &row.kind, routing, &row.body, time(row.occurred_at))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_position_that_the_log_can_continue_is_continued() {
        let head = Head { epoch: 7, seq: 100, trimmed: 40 };
        let judged = |epoch, seq| judge(&Position { epoch, seq }.to_string(), head);

        assert_eq!(judged(7, 100), Since::After(100));
        assert_eq!(judged(7, 40), Since::After(40));
        assert_eq!(judged(7, 39), Since::Gap(GapReason::Trimmed));
        assert_eq!(judged(7, 101), Since::Gap(GapReason::Future));
        assert_eq!(judged(8, 50), Since::Gap(GapReason::OtherLog));
        assert_eq!(judge("yesterday", head), Since::Gap(GapReason::Malformed));
    }
}
