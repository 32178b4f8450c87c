//! How many connections a user may hold at once, per kind.

use std::collections::{HashMap, HashSet};

use parking_lot::Mutex;

use crate::base::ids::{KeyId, TenantId, UserId};
use crate::domain::revocation::RevocationSubject;
use crate::telemetry::metrics;

/// What carries a connection; each kind has seats of its own.
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

/// Whose seat it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Owner {
    User(TenantId, UserId),
    Key(TenantId, KeyId),
}

impl Owner {
    /// What the holder's connections are indexed by.
    pub(super) fn subject(self) -> RevocationSubject {
        match self {
            Self::User(tenant, user) => RevocationSubject::User(tenant, user),
            Self::Key(_, key) => RevocationSubject::Key(key),
        }
    }
}

/// Seats per holder.
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

/// The seats that are taken on this node.
pub struct ConnectionSlots {
    limits: ConnectionLimits,
    in_use: Mutex<HashMap<(Owner, Carrier), usize>>,
    /// Holders with a socket at the echo: one each, because its messages are so much larger than others.
    echoes: Mutex<HashSet<Owner>>,
}

impl ConnectionSlots {
    pub fn new(limits: ConnectionLimits) -> Self {
        Self { limits, in_use: Mutex::default(), echoes: Mutex::default() }
    }

    /// Takes a seat; `false` when the holder has all of them.
    pub fn acquire(&self, holder: Owner, carrier: Carrier) -> bool {
        let mut taken = self.in_use.lock();
        let count = taken.entry((holder, carrier)).or_default();
        let free = *count < self.limits.of(carrier);
        *count += usize::from(free);
        free
    }

    pub fn release(&self, holder: Owner, carrier: Carrier) {
        let mut taken = self.in_use.lock();
        if let Some(count) = taken.get_mut(&(holder, carrier)) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&(holder, carrier));
            }
        }
    }

    /// Takes the holder's one seat at the echo, besides that of a socket; `false` when it is taken.
    pub(super) fn acquire_echo(&self, holder: Owner) -> bool {
        self.echoes.lock().insert(holder)
    }

    pub(super) fn release_echo(&self, holder: Owner) {
        self.echoes.lock().remove(&holder);
    }

    /// Seats of a holder that are taken.
    pub fn count(&self, holder: Owner) -> usize {
        let taken = self.in_use.lock();
        let kinds = [Carrier::Socket, Carrier::Upload, Carrier::Stream];
        kinds.iter().filter_map(|carrier| taken.get(&(holder, *carrier))).sum()
    }
}
