//! After revocations were missed: asks the store about every open connection, and ends those only whose credential is
//! over. A connection is not closed for doubt: one tenant's burst would close the connections of all others.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{self, StreamExt};
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::connection::Connection;
use super::role_change::{self, close_reason};
use super::supervisor::ConnectionRegistry;
use crate::auth::principal::Principal;
use crate::base::ids::ConnectionId;
use crate::domain::error::Result;

/// Connections that are judged at once: as few as leave most of the store's connections to others.
const MAX_CONCURRENT: usize = 8;
/// How long a connection in doubt is served. A revocation takes effect within a second (contract, section 4): one
/// that could not be judged in the first half of it gets nothing more until it was. Held messages wait in the mailbox, within
/// its usual bound, so a judgement in favour loses none; a store that cannot be read for longer than a mailbox holds
/// closes the slow ones with 4503, to resume.
const PAUSE_AFTER: Duration = Duration::from_millis(500);
/// Between two attempts while the store cannot be read.
const RETRY: Duration = Duration::from_millis(250);

/// Whether connections have to be judged anew.
#[derive(Default)]
pub(super) struct Revalidation {
    requested: Notify,
}

impl ConnectionRegistry {
    /// Revocations were missed: from now on no account is believed unread, and every open connection is judged anew.
    pub fn revalidate_all(&self) {
        tracing::warn!("revocations were missed; every open connection is checked against the store");
        // First the accounts: a connection that is admitted from here on is judged by what the store says now.
        self.identity.invalidate_accounts();
        self.revalidation.requested.notify_one();
    }
}

/// Judges connections whenever that is wanted, until `stop`. What is wanted meanwhile is done once more afterwards.
pub(super) async fn run(sessions: Arc<ConnectionRegistry>, stop: CancellationToken) {
    let judging = async {
        loop {
            sessions.revalidation.requested.notified().await;
            check_all(&sessions).await;
        }
    };
    tokio::select! {
        () = stop.cancelled() => {}
        () = judging => {}
    }
}

async fn check_all(sessions: &ConnectionRegistry) {
    let open = sessions.all();
    let doubtful: HashMap<ConnectionId, Arc<Connection>> =
        open.iter().map(|one| (one.id, Arc::clone(one))).collect();
    let doubtful = Mutex::new(doubtful);
    let mut judging = pin!(stream::iter(open).for_each_concurrent(MAX_CONCURRENT, async |one| {
        check(sessions, &one).await;
        doubtful.lock().remove(&one.id);
        resume(&one);
        // Where the cache answers, nothing waits: the thread's other tasks have their turn all the same.
        tokio::task::yield_now().await;
    }));
    tokio::select! {
        () = &mut judging => return,
        () = sessions.clock().sleep(PAUSE_AFTER) => {}
    }
    let held: Vec<_> = doubtful.lock().values().cloned().collect();
    held.iter().for_each(|one| one.pause_delivery());
    // A judgement that came between the two lines above has released before the hold.
    held.iter().filter(|one| !doubtful.lock().contains_key(&one.id)).for_each(|one| resume(one));
    judging.await;
}

/// What waits for a connection that has ended meanwhile is not for it any more.
fn resume(one: &Connection) {
    if one.closing().is_none() {
        one.resume_delivery();
    }
}

/// Asks about one connection until the store answers. Connections of one credential cost one read: the account cache
/// holds what was read for the first.
async fn check(sessions: &ConnectionRegistry, one: &Connection) {
    while one.closing().is_none() {
        let before = one.principal();
        match load_principal(sessions, &before).await {
            Ok(now) if sessions.index.replace_principal(one, &before, &now) => {
                role_change::sync_reader(sessions, one);
                return;
            }
            // A newer token came meanwhile: it is asked about.
            Ok(_) => {}
            Err(problem) => match close_reason(one, &problem) {
                Some((code, reason)) => return one.close(code, reason),
                None => sessions.clock().sleep(RETRY).await,
            },
        }
    }
}

/// The principal as the store has it now.
async fn load_principal(sessions: &ConnectionRegistry, principal: &Principal) -> Result<Principal> {
    match principal {
        Principal::User(_) => sessions.identity.reload_principal(principal).await,
        Principal::Key(_) | Principal::Operator(_) => {
            sessions.identity.recheck(principal).await.map(|()| principal.clone())
        }
    }
}
