//! The limit on concurrent connections of a user or key, by carrier.

use std::collections::{HashMap, HashSet};

use parking_lot::Mutex;

use crate::auth::principal::Principal;
use crate::auth::revocation::RevocationSubject;
use crate::base::ids::{KeyId, TenantId, UserId};
use crate::telemetry::metrics;

/// The carrier of a connection; each has a limit of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Carrier {
    Socket,
    Upload,
    Stream,
}

impl From<Carrier> for metrics::Carrier {
    fn from(carrier: Carrier) -> Self {
        match carrier {
            Carrier::Socket => Self::Socket,
            Carrier::Upload => Self::Upload,
            Carrier::Stream => Self::Stream,
        }
    }
}

/// The owner of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Owner {
    User(TenantId, UserId),
    Key(TenantId, KeyId),
}

impl Owner {
    /// The owner of a principal's connections; an operator has none.
    pub(super) fn of(principal: &Principal) -> Option<Self> {
        match principal {
            Principal::User(user) => Some(Self::User(user.tenant_id(), user.user_id())),
            Principal::Key(key) => Some(Self::Key(key.tenant_id(), key.key_id())),
            Principal::Operator(_) => None,
        }
    }

    /// The subject by which the owner's connections are indexed.
    pub(super) fn subject(self) -> RevocationSubject {
        match self {
            Self::User(tenant, user) => RevocationSubject::User(tenant, user),
            Self::Key(_, key) => RevocationSubject::Key(key),
        }
    }
}

/// Maximum connections of one owner.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionLimits {
    pub sockets: usize,
    pub uploads: usize,
    pub streams: usize,
}

impl ConnectionLimits {
    fn of(&self, carrier: Carrier) -> usize {
        match carrier {
            Carrier::Socket => self.sockets,
            Carrier::Upload => self.uploads,
            Carrier::Stream => self.streams,
        }
    }
}

/// The connection slots in use on this node.
pub struct ConnectionSlots {
    limits: ConnectionLimits,
    in_use: Mutex<HashMap<(Owner, Carrier), usize>>,
    /// Owners with a socket at the echo: one each, because its messages are so much larger than others.
    echoes: Mutex<HashSet<Owner>>,
}

impl ConnectionSlots {
    pub fn new(limits: ConnectionLimits) -> Self {
        Self { limits, in_use: Mutex::default(), echoes: Mutex::default() }
    }

    /// Takes a slot; `false` when the owner has reached the limit.
    pub fn acquire(&self, owner: Owner, carrier: Carrier) -> bool {
        let mut taken = self.in_use.lock();
        let count = taken.entry((owner, carrier)).or_default();
        let free = *count < self.limits.of(carrier);
        *count += usize::from(free);
        free
    }

    pub fn release(&self, owner: Owner, carrier: Carrier) {
        let mut taken = self.in_use.lock();
        if let Some(count) = taken.get_mut(&(owner, carrier)) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&(owner, carrier));
            }
        }
    }

    /// Takes the owner's only slot at the echo, besides that of a socket; `false` when it is in use.
    pub(super) fn acquire_echo(&self, owner: Owner) -> bool {
        self.echoes.lock().insert(owner)
    }

    pub(super) fn release_echo(&self, owner: Owner) {
        self.echoes.lock().remove(&owner);
    }

    /// Slots that an owner has in use.
    pub fn count(&self, owner: Owner) -> usize {
        let taken = self.in_use.lock();
        let kinds = [Carrier::Socket, Carrier::Upload, Carrier::Stream];
        kinds.iter().filter_map(|carrier| taken.get(&(owner, *carrier))).sum()
    }
}
