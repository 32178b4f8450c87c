//! The open connections of this node: by id, and by everything that their credentials depend on. A revocation finds
//! its connections without examining any other.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use parking_lot::Mutex;
use uuid::Uuid;

use super::connection::Connection;
use crate::auth::principal::Principal;
use crate::auth::revocation::RevocationSubject;
use crate::base::ids::ConnectionId;

/// Bounded by the connections themselves: each is here once, and three times in the index.
#[derive(Default)]
pub(super) struct ConnectionIndex(Mutex<IndexMaps>);

#[derive(Default)]
struct IndexMaps {
    by_id: HashMap<ConnectionId, Arc<Connection>>,
    by_subject: BTreeSet<(RevocationSubject, ConnectionId)>,
}

impl ConnectionIndex {
    pub(super) fn insert(&self, connection: &Arc<Connection>) {
        let mut registered = self.0.lock();
        registered.by_id.insert(connection.id, Arc::clone(connection));
        let subjects = RevocationSubject::of(&connection.principal.lock());
        registered.by_subject.extend(subjects.map(|subject| (subject, connection.id)));
    }

    /// Removes a connection; returns whether it was the last one.
    pub(super) fn remove(&self, connection: &Connection) -> bool {
        let mut registered = self.0.lock();
        registered.by_id.remove(&connection.id);
        for subject in RevocationSubject::of(&connection.principal.lock()) {
            registered.by_subject.remove(&(subject, connection.id));
        }
        registered.by_id.is_empty()
    }

    /// Compare-and-swap of the principal; false if it changed concurrently, and has to be read again. The index is
    /// updated under the same lock: a revocation finds the connection by the old or by the new one.
    pub(super) fn replace_principal(
        &self,
        connection: &Connection,
        before: &Principal,
        now: &Principal,
    ) -> bool {
        let mut registered = self.0.lock();
        let mut held = connection.principal.lock();
        if *held != *before {
            return false;
        }
        *held = now.clone();
        if registered.by_id.contains_key(&connection.id) {
            for subject in RevocationSubject::of(before) {
                registered.by_subject.remove(&(subject, connection.id));
            }
            registered.by_subject.extend(RevocationSubject::of(now).map(|subject| (subject, connection.id)));
        }
        true
    }

    pub(super) fn find(&self, id: ConnectionId) -> Option<Arc<Connection>> {
        self.0.lock().by_id.get(&id).cloned()
    }

    /// The connections with credentials that depend on the subject; costs what it finds.
    pub(super) fn by_subject(&self, subject: RevocationSubject) -> Vec<Arc<Connection>> {
        let registered = self.0.lock();
        let (first, last) = (ConnectionId(Uuid::nil()), ConnectionId(Uuid::max()));
        let ids = registered.by_subject.range((subject, first)..=(subject, last));
        ids.filter_map(|(_, id)| registered.by_id.get(id)).cloned().collect()
    }

    /// The connections for which `which` holds; examines all of them.
    pub(super) fn matching(&self, which: impl Fn(&Connection) -> bool) -> Vec<Arc<Connection>> {
        self.0.lock().by_id.values().filter(|one| which(one)).cloned().collect()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.lock().by_id.is_empty()
    }
}
