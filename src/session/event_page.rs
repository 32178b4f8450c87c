//! The log by request: the same inbox and feeds as on a socket or stream, in pages.

use std::sync::Arc;

use super::connect_request::ConnectRequest;
use crate::auth::tenant_scope::TenantScope;
use crate::base::ids::RoomId;
use crate::domain::op::Services;
use crate::eventlog::{self, Head, Since};
use crate::protocol::envelope::Envelope;
use crate::protocol::position::Position;
use crate::protocol::reader::Reader;
use crate::protocol::subscription::Interest;
use crate::storage::{self, room_members};

/// Maximum rows that one call examines; it may return fewer events or none, with more to come.
const MAX_EXAMINED: u64 = 10_000;
/// Rows read at a time.
const READ_BATCH: u64 = 500;

/// A page of events.
pub struct EventPage {
    pub events: Vec<Arc<Envelope>>,
    /// Where the next call continues.
    pub position: Position,
    pub has_more: bool,
    /// Whether the log reached back to the requested position. If not, the events come after what is missing.
    pub recovered: bool,
}

impl EventPage {
    /// No events, and the head to continue from.
    fn not_recovered(head: Head) -> Self {
        Self { events: Vec::new(), position: head.position(), has_more: false, recovered: false }
    }
}

/// Events after `request.since`, at most `limit`. Without `since` the page is empty and has the head's position.
pub async fn read_page(
    services: &Services,
    scope: &TenantScope,
    reader: Reader,
    request: &ConnectRequest,
    limit: usize,
) -> storage::Result<EventPage> {
    let head = eventlog::head(&services.db, scope).await?;
    let rooms = read_rooms(services, scope, reader).await?;
    let judged = request.since.as_deref().map(|since| eventlog::resolve_since(since, head));
    match judged {
        None => Ok(EventPage { recovered: true, ..EventPage::not_recovered(head) }),
        Some(Since::Gap(_)) => Ok(EventPage::not_recovered(head)),
        // One answer is whole or not: it has no word for a single subscription.
        Some(Since::After(after)) if request.lacks_facts(after, head) => Ok(EventPage::not_recovered(head)),
        Some(Since::After(after)) => {
            let mut interest = request.build_interest(reader, after);
            interest.rooms.load(&rooms, head.seq);
            read_matching(services, scope, interest, Position { epoch: head.epoch, seq: after }, limit).await
        }
    }
}

/// The reader's rooms, each with the sequence number that its membership began after.
async fn read_rooms(
    services: &Services,
    scope: &TenantScope,
    reader: Reader,
) -> storage::Result<Vec<(RoomId, i64)>> {
    match reader.user {
        Some(user) => room_members::rooms_of(&services.db.tenant(scope).read().await?, user).await,
        None => Ok(Vec::new()),
    }
}

async fn read_matching(
    services: &Services,
    scope: &TenantScope,
    mut interest: Interest,
    from: Position,
    limit: usize,
) -> storage::Result<EventPage> {
    let mut page = EventPage { events: Vec::new(), position: from, has_more: true, recovered: true };
    let mut examined = 0;
    while examined < MAX_EXAMINED {
        // One permit for each page: this bounds what a tenant's requests read together, not only what each reads.
        let permit = services.log_cache.acquire_permit(scope).await?;
        let rows = eventlog::read_after(&services.db, scope, page.position.seq, READ_BATCH).await?;
        // Missing events must be reported. They are missing before everything else on a page, so a page that has
        // begun ends before them.
        let (replaced, overtaken) =
            (rows.head.epoch != page.position.epoch, rows.head.trimmed > page.position.seq);
        if (replaced || overtaken) && !page.events.is_empty() {
            return Ok(page);
        }
        if replaced {
            return Ok(EventPage::not_recovered(rows.head));
        }
        if overtaken {
            page.position.seq = rows.head.trimmed;
            page.recovered = false;
        }
        examined += READ_BATCH;
        let last = (rows.envelopes.len() as u64) < READ_BATCH;
        for envelope in rows.envelopes {
            if page.events.len() == limit {
                return Ok(page);
            }
            page.position.seq = envelope.seq();
            interest.apply_membership(&envelope.routing, envelope.seq());
            if interest.matches(&envelope.routing, envelope.seq()) {
                page.events.push(envelope);
            }
        }
        drop(permit);
        if last {
            page.has_more = false;
            return Ok(page);
        }
    }
    Ok(page)
}
