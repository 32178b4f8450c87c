//! Reading the log back: pages in order, its head, and whether a position lets a reader continue.

use std::sync::Arc;

use crate::auth::tenant_scope::TenantScope;
use crate::base::failpoint::{Failpoint, reach};
use crate::protocol::envelope::Envelope;
use crate::protocol::filter::Filter;
use crate::protocol::message::GapReason;
use crate::protocol::position::Position;
use crate::protocol::routing::Routing;
use crate::storage::events::EventRow;
use crate::storage::{Database, Error, Result, TenantTx, events, time};

/// How far a log reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    pub epoch: i64,
    /// The last event's sequence number; 0 before the first.
    pub seq: i64,
    /// The last sequence number that retention deleted.
    pub trimmed: i64,
    /// The last event that was written without the facts that filters compare today; 0 when all have them.
    pub filter_facts_after: i64,
}

impl Head {
    pub fn position(self) -> Position {
        Position { epoch: self.epoch, seq: self.seq }
    }

    /// Whether this filter cannot tell which of the events after `after` match: some lack what it compares.
    pub fn lacks_facts(self, after: i64, filter: &Filter) -> bool {
        after < self.filter_facts_after && filter.compares_later_facts()
    }
}

/// Events in order, and how far the log reached when they were read.
pub struct Page {
    pub envelopes: Vec<Arc<Envelope>>,
    pub head: Head,
}

/// The meaning of a client's `since`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Since {
    /// The log holds everything after this sequence number.
    After(i64),
    /// It does not, for this reason.
    Gap(GapReason),
}

// The permit to replay is acquired before the permit for a connection, here and everywhere: one order, no deadlock.
// In the other order waiting replays would hold connections, and hold up all other reads.

/// The log's head now.
pub async fn head(db: &Database, scope: &TenantScope) -> Result<Head> {
    let _turn = db.acquire_replay_permit(scope).await?;
    let tx = db.tenant(scope).read().await?;
    read_head(&tx).await
}

/// At most `limit` events after `after`, without a gap between them. When retention has deleted what comes next,
/// `head.trimmed` is above `after`: the caller has to report a gap up to there.
pub async fn read_after(db: &Database, scope: &TenantScope, after: i64, limit: u64) -> Result<Page> {
    let _turn = db.acquire_replay_permit(scope).await?;
    read_page(db, scope, after, limit).await
}

/// The same for the node's own delivery, which does not queue behind a tenant's readers.
pub async fn read_missing(db: &Database, scope: &TenantScope, after: i64, limit: u64) -> Result<Page> {
    let _turn = db.acquire_node_replay_permit().await?;
    read_page(db, scope, after, limit).await
}

async fn read_page(db: &Database, scope: &TenantScope, after: i64, limit: u64) -> Result<Page> {
    let tx = db.tenant(scope).read().await?;
    let mut head = read_head(&tx).await?;
    let mut rows = events::read_after(&tx, after, limit).await?;
    if was_trimmed_meanwhile(after, head, rows.first().map(|row| row.seq)) {
        // PostgreSQL shows each statement what is committed by then: the log was trimmed between the two.
        head = read_head(&tx).await?;
        rows.retain(|row| row.seq > head.trimmed);
    }
    reach(Failpoint::ReplayPage);
    let envelopes: Vec<_> = rows.into_iter().map(|row| envelope(head.epoch, row)).collect::<Result<_>>()?;
    let unknown = envelopes.iter().filter(|envelope| envelope.routing == Routing::Unknown).count();
    db.metrics().unknown_routings.add(unknown as u64);
    Ok(Page { envelopes, head })
}

/// Checks a position against the log.
pub fn resolve_since(since: &str, head: Head) -> Since {
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

/// Checks the position of one subscription. To its filter, events without the facts that it compares are as good as
/// trimmed.
pub fn resolve_filtered_since(since: &str, head: Head, filter: &Filter) -> Since {
    match resolve_since(since, head) {
        Since::After(seq) if head.lacks_facts(seq, filter) => Since::Gap(GapReason::Trimmed),
        resolved => resolved,
    }
}

/// Whether rows that the head promised were trimmed away before they were read: numbers follow each other, so the
/// first row after `after` is known beforehand.
fn was_trimmed_meanwhile(after: i64, head: Head, first: Option<i64>) -> bool {
    let before_first = Ord::max(after, head.trimmed);
    first.map_or(head.seq > before_first, |first| first > before_first + 1)
}

/// The head within a transaction that reads more than that.
pub async fn read_head(tx: &TenantTx) -> Result<Head> {
    let log = events::log(tx).await?;
    Ok(Head {
        epoch: log.epoch,
        seq: log.head,
        trimmed: log.trimmed,
        filter_facts_after: log.filter_facts_after,
    })
}

fn envelope(epoch: i64, row: EventRow) -> Result<Arc<Envelope>> {
    let routing = serde_json::from_str(&row.routing)
        .map_err(|error| Error::Corrupt(format!("the routing of event {}: {error}", row.seq)))?;
    let position = Position { epoch, seq: row.seq };
    Ok(Arc::new(Envelope::new(position, &row.kind, routing, &row.body, time(row.occurred_at))))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::protocol::feed::Feed;

    /// Events up to 60 lack the facts of today's filters.
    const HEAD: Head = Head { epoch: 7, seq: 100, trimmed: 40, filter_facts_after: 60 };

    #[test]
    fn a_page_that_does_not_begin_with_the_next_event_was_trimmed_meanwhile() {
        let head = HEAD;

        assert!(!was_trimmed_meanwhile(50, head, Some(51)));
        assert!(!was_trimmed_meanwhile(10, head, Some(41)), "the head told of that much");
        assert!(!was_trimmed_meanwhile(100, head, None));
        assert!(was_trimmed_meanwhile(50, head, Some(81)));
        assert!(was_trimmed_meanwhile(50, head, None));
        // Written after the head was read.
        assert!(!was_trimmed_meanwhile(100, head, Some(101)));
    }

    #[test]
    fn only_a_position_that_the_log_can_continue_is_continued() {
        let head = HEAD;
        let judged = |epoch, seq| resolve_since(&Position { epoch, seq }.to_string(), head);

        assert_eq!(judged(7, 100), Since::After(100));
        assert_eq!(judged(7, 40), Since::After(40));
        assert_eq!(judged(7, 39), Since::Gap(GapReason::Trimmed));
        assert_eq!(judged(7, 101), Since::Gap(GapReason::Future));
        assert_eq!(judged(8, 50), Since::Gap(GapReason::OtherLog));
        assert_eq!(resolve_since("yesterday", head), Since::Gap(GapReason::Malformed));
    }

    #[test]
    fn a_filter_on_later_facts_continues_only_from_where_they_begin() {
        let filter = |filter| Filter::parse(Feed::PropertyUpdates, Some(&filter)).unwrap();
        let judged = |seq, filter: &Filter| {
            resolve_filtered_since(&Position { epoch: 7, seq }.to_string(), HEAD, filter)
        };
        let (plain, later) = (filter(json!({"city": "Toledo"})), filter(json!({"listing_type": "sale"})));

        assert_eq!((judged(59, &plain), judged(60, &plain)), (Since::After(59), Since::After(60)));
        assert_eq!(judged(59, &later), Since::Gap(GapReason::Trimmed));
        assert_eq!((judged(60, &later), judged(100, &later)), (Since::After(60), Since::After(100)));
        assert_eq!(judged(101, &later), Since::Gap(GapReason::Future));
        let all_have_them = Head { filter_facts_after: 0, trimmed: 0, ..HEAD };
        assert!(!all_have_them.lacks_facts(0, &later));
    }
}
