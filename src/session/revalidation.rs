//! After missed revocations: checks every open connection against the store, and closes only those with a credential
//! that has ended. A mere doubt closes none: otherwise one tenant's burst would close the connections of all others.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{self, StreamExt};
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use super::connection::Connection;
use super::registry::ConnectionRegistry;
use super::role_change::{self, close_reason};
use crate::auth::principal::Principal;
use crate::base::ids::ConnectionId;
use crate::domain::error::Result;

/// Connections checked concurrently: few enough to leave most of the store's connections to others.
const MAX_CONCURRENT: usize = 8;
/// How long a doubtful connection is served unchecked. A revocation takes effect within a second: a connection that
/// could not be checked in the first half of it receives nothing more until it is. Its messages wait in the mailbox,
/// within the usual bound, so a check that succeeds loses none; if the store cannot be read for longer than a mailbox
/// can hold, slow readers are closed with 4503, to resume.
const PAUSE_AFTER: Duration = Duration::from_millis(500);
/// Interval between two attempts while the store cannot be read.
const RETRY: Duration = Duration::from_millis(250);

impl ConnectionRegistry {
    /// Revocations were missed: no cached account is trusted without a read, and every open connection is checked.
    pub fn revalidate_all(&self) {
        tracing::warn!("revocations were missed; every open connection is checked against the store");
        // The accounts first: a connection that is admitted from here on is checked against the current store.
        self.identity.invalidate_accounts();
        self.revalidation_requested.notify_one();
    }
}

/// Checks all connections on request, until `stop`. Requests during a check lead to one more afterwards.
pub(super) async fn run(registry: Arc<ConnectionRegistry>, stop: CancellationToken) {
    let judging = async {
        loop {
            registry.revalidation_requested.notified().await;
            check_all(&registry).await;
        }
    };
    tokio::select! {
        () = stop.cancelled() => {}
        () = judging => {}
    }
}

async fn check_all(registry: &ConnectionRegistry) {
    let open = registry.all();
    let doubtful: HashMap<ConnectionId, Arc<Connection>> =
        open.iter().map(|one| (one.id, Arc::clone(one))).collect();
    let doubtful = Mutex::new(doubtful);
    let mut judging = pin!(stream::iter(open).for_each_concurrent(MAX_CONCURRENT, async |one| {
        check(registry, &one).await;
        doubtful.lock().remove(&one.id);
        resume(&one);
        // With cached accounts nothing waits: the thread's other tasks get their turn all the same.
        tokio::task::yield_now().await;
    }));
    tokio::select! {
        () = &mut judging => return,
        () = registry.clock().sleep(PAUSE_AFTER) => {}
    }
    let held: Vec<_> = doubtful.lock().values().cloned().collect();
    held.iter().for_each(|one| one.pause_delivery());
    // A check that ended between the two lines above has resumed its connection before the pause.
    held.iter().filter(|one| !doubtful.lock().contains_key(&one.id)).for_each(|one| resume(one));
    judging.await;
}

/// Resumes delivery, unless the connection was closed meanwhile: what waits is not for it any more.
fn resume(one: &Connection) {
    if one.closing().is_none() {
        one.resume_delivery();
    }
}

/// Checks one connection, repeatedly until the store answers. Connections of one credential cost one read: the
/// account cache holds what was read for the first.
async fn check(registry: &ConnectionRegistry, one: &Connection) {
    while one.closing().is_none() {
        let before = one.principal();
        match load_principal(registry, &before).await {
            Ok(now) if registry.index.replace_principal(one, &before, &now) => {
                role_change::sync_reader(registry, one);
                return;
            }
            // A newer token came meanwhile: that one is checked.
            Ok(_) => {}
            Err(problem) => match close_reason(one, &problem) {
                Some((code, reason)) => return one.close(code, reason),
                None => registry.clock().sleep(RETRY).await,
            },
        }
    }
}

/// The principal by the current state of the store.
async fn load_principal(registry: &ConnectionRegistry, principal: &Principal) -> Result<Principal> {
    match principal {
        Principal::User(_) => registry.identity.reload_principal(principal).await,
        Principal::Key(_) | Principal::Operator(_) => {
            registry.identity.recheck(principal).await.map(|()| principal.clone())
        }
    }
}
