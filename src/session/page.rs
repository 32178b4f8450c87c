//! The log by request: the same inbox and feeds as on socket and stream, in pages.

use std::sync::Arc;

use super::start::read_rooms;
use super::wish::Wish;
use crate::auth::scope::TenantScope;
use crate::domain::op::Kernel;
use crate::eventlog::{self, Since};
use crate::protocol::envelope::Envelope;
use crate::protocol::position::Position;
use crate::protocol::subscription::{INBOX_RESYNC_URL, Interest, Reader};
use crate::storage;

/// Rows that one call looks at, at most; what it returns may be less or nothing, with more to come.
const MOST_EXAMINED: u64 = 10_000;
/// Rows read at a time.
const READ: u64 = 500;

/// A page of events.
pub struct EventPage {
    pub events: Vec<Arc<Envelope>>,
    /// Where the next call goes on.
    pub position: Position,
    pub has_more: bool,
    /// The list to read first, when the log does not reach back to what was asked for.
    pub resync_url: Option<&'static str>,
}

/// Events after `wish.since`, at most `limit`. Without `since` the page is empty and tells the head.
pub async fn page(
    kernel: &Kernel,
    scope: &TenantScope,
    reader: Reader,
    wish: &Wish,
    limit: usize,
) -> storage::Result<EventPage> {
    let head = eventlog::head(&kernel.db, scope).await?;
    let rooms = read_rooms(kernel, scope, reader).await?;
    let judged = wish.since.as_deref().map(|since| eventlog::judge(since, head));
    let empty =
        |resync_url| EventPage { events: Vec::new(), position: head.position(), has_more: false, resync_url };
    match judged {
        None => Ok(empty(None)),
        Some(Since::Gap(_)) => Ok(empty(Some(resync_url(wish)))),
        Some(Since::After(after)) => {
            let mut interest = wish.interest(reader, after);
            interest.rooms.read(&rooms, head.seq);
            read(kernel, scope, interest, Position { epoch: head.epoch, seq: after }, limit, wish).await
        }
    }
}

async fn read(
    kernel: &Kernel,
    scope: &TenantScope,
    mut interest: Interest,
    from: Position,
    limit: usize,
    wish: &Wish,
) -> storage::Result<EventPage> {
    let mut page = EventPage { events: Vec::new(), position: from, has_more: true, resync_url: None };
    let mut examined = 0;
    while examined < MOST_EXAMINED {
        let rows = eventlog::read_after(&kernel.db, scope, page.position.seq, READ).await?;
        if rows.head.trimmed > page.position.seq {
            // Retention overtook the reader between two calls: what is missing has to be said, not passed over.
            page.position.seq = rows.head.trimmed;
            page.resync_url = Some(resync_url(wish));
        }
        examined += READ;
        let last = (rows.envelopes.len() as u64) < READ;
        for envelope in rows.envelopes {
            if page.events.len() == limit {
                return Ok(page);
            }
            page.position.seq = envelope.seq();
            interest.follow(&envelope.routing, envelope.seq());
            if interest.admits(&envelope.routing, envelope.seq()) {
                page.events.push(envelope);
            }
        }
        if last {
            page.has_more = false;
            return Ok(page);
        }
    }
    Ok(page)
}

fn resync_url(wish: &Wish) -> &'static str {
    wish.subscriptions.first().map_or(INBOX_RESYNC_URL, |one| one.filter.feed().resync_url())
}
