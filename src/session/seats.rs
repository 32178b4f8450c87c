//! How many connections a user may hold at once, per kind.

use std::collections::{HashMap, HashSet};

use parking_lot::Mutex;

use crate::base::ids::{KeyId, TenantId, UserId};
use crate::domain::revocation::Subject;
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
pub enum Holder {
    User(TenantId, UserId),
    Key(TenantId, KeyId),
}

impl Holder {
    /// What the holder's connections are indexed by.
    pub(super) fn subject(self) -> Subject {
        match self {
            Self::User(tenant, user) => Subject::User(tenant, user),
            Self::Key(_, key) => Subject::Key(key),
        }
    }
}

/// Seats per holder.
#[derive(Clone, Copy, Debug)]
pub struct SeatLimits {
    pub sockets: usize,
    pub uploads: usize,
    pub streams: usize,
}

impl SeatLimits {
    fn of(&self, carrier: Carrier) -> usize {
        match carrier {
            Carrier::Socket => self.sockets,
            Carrier::Upload => self.uploads,
            Carrier::Stream => self.streams,
        }
    }
}

/// The seats that are taken on this node.
pub struct Seats {
    limits: SeatLimits,
    taken: Mutex<HashMap<(Holder, Carrier), usize>>,
    /// Holders with a socket at the echo: one each, because its messages are so much larger than others.
    echoes: Mutex<HashSet<Holder>>,
}

impl Seats {
    pub fn new(limits: SeatLimits) -> Self {
        Self { limits, taken: Mutex::default(), echoes: Mutex::default() }
    }

    /// Takes a seat; `false` when the holder has all of them.
    pub fn take(&self, holder: Holder, carrier: Carrier) -> bool {
        let mut taken = self.taken.lock();
        let count = taken.entry((holder, carrier)).or_default();
        let free = *count < self.limits.of(carrier);
        *count += usize::from(free);
        free
    }

    pub fn give_back(&self, holder: Holder, carrier: Carrier) {
        let mut taken = self.taken.lock();
        if let Some(count) = taken.get_mut(&(holder, carrier)) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&(holder, carrier));
            }
        }
    }

    /// Takes the holder's one seat at the echo, besides that of a socket; `false` when it is taken.
    pub(super) fn take_echo(&self, holder: Holder) -> bool {
        self.echoes.lock().insert(holder)
    }

    pub(super) fn give_back_echo(&self, holder: Holder) {
        self.echoes.lock().remove(&holder);
    }

    /// Seats of a holder that are taken.
    pub fn count(&self, holder: Holder) -> usize {
        let taken = self.taken.lock();
        let kinds = [Carrier::Socket, Carrier::Upload, Carrier::Stream];
        kinds.iter().filter_map(|carrier| taken.get(&(holder, *carrier))).sum()
    }
}
