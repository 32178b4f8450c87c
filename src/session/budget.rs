//! A budget for the bytes of incomplete messages, one for all sockets of the node. A tenant takes more only while it
//! has no more than what stays free, so one that takes all it can leaves half of what it found. One socket is bounded
//! by its decoder; without a sum, many sockets would hold many times that.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::base::ids::TenantId;

/// Bytes of all tenants together.
const MAX_BYTES: usize = 256 * 1024 * 1024;
/// The budget holds at least this number of the largest messages that are allowed.
const LARGEST_MESSAGES: usize = 8;

/// How many bytes are held, in all and by tenant.
pub(super) struct ByteBudget {
    max_bytes: usize,
    usage: Mutex<Usage>,
}

/// Tenants without any are removed: bounded by the open sockets.
#[derive(Default)]
struct Usage {
    total: usize,
    tenants: HashMap<TenantId, usize>,
}

/// The bytes of one socket; dropping it releases them.
pub(super) struct Reservation {
    budget: Arc<ByteBudget>,
    tenant: TenantId,
    bytes: usize,
}

/// The budget, or the tenant's share of it, is used up.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Exhausted;

impl ByteBudget {
    /// For messages of at most `largest_message` bytes.
    pub(super) fn new(largest_message: usize) -> Arc<Self> {
        let most = MAX_BYTES.max(largest_message.saturating_mul(LARGEST_MESSAGES));
        Arc::new(Self { max_bytes: most, usage: Mutex::default() })
    }

    /// A reservation of no bytes.
    pub(super) fn reserve(self: &Arc<Self>, tenant: TenantId) -> Reservation {
        Reservation { budget: Arc::clone(self), tenant, bytes: 0 }
    }

    /// Bytes that are held, of all tenants.
    pub(super) fn used_bytes(&self) -> usize {
        self.usage.lock().total
    }

    fn change(&self, tenant: TenantId, before: usize, now: usize) -> Result<(), Exhausted> {
        let mut kept = self.usage.lock();
        let total = kept.total - before + now;
        let of_tenant = kept.tenants.get(&tenant).copied().unwrap_or(0) - before + now;
        if now > before && of_tenant > self.max_bytes.saturating_sub(total) {
            return Err(Exhausted);
        }
        kept.total = total;
        match of_tenant {
            0 => _ = kept.tenants.remove(&tenant),
            some => _ = kept.tenants.insert(tenant, some),
        }
        Ok(())
    }
}

impl Reservation {
    /// Sets the number of bytes held. A decrease never fails; an increase that does not fit changes nothing.
    pub(super) fn resize(&mut self, bytes: usize) -> Result<(), Exhausted> {
        if bytes != self.bytes {
            self.budget.change(self.tenant, self.bytes, bytes)?;
            self.bytes = bytes;
        }
        Ok(())
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        // Only an increase can fail.
        let _ = self.resize(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn budget(most: usize) -> Arc<ByteBudget> {
        Arc::new(ByteBudget { max_bytes: most, usage: Mutex::default() })
    }

    #[test]
    fn a_tenant_takes_more_only_while_it_has_no_more_than_what_stays_free() {
        let budget = budget(120);
        let (mut one, mut two) = (budget.reserve(TenantId(1)), budget.reserve(TenantId(1)));
        let (mut other, mut third) = (budget.reserve(TenantId(2)), budget.reserve(TenantId(3)));

        assert_eq!(one.resize(40), Ok(()));
        assert_eq!(two.resize(21), Err(Exhausted));
        assert_eq!((two.resize(20), other.resize(31), other.resize(30)), (Ok(()), Err(Exhausted), Ok(())));
        assert_eq!((third.resize(16), third.resize(15)), (Err(Exhausted), Ok(())));
        assert_eq!(budget.used_bytes(), 105);
        drop(one);
        assert_eq!(third.resize(35), Ok(()));
    }

    #[test]
    fn released_bytes_are_not_counted_any_more() {
        let budget = budget(100);
        let mut one = budget.reserve(TenantId(1));

        assert_eq!((one.resize(30), one.resize(0)), (Ok(()), Ok(())));
        assert_eq!(one.resize(51), Err(Exhausted));
        drop(one);

        assert_eq!((budget.used_bytes(), budget.usage.lock().tenants.len()), (0, 0));
    }

    #[test]
    fn the_budget_grows_with_the_largest_message_that_is_allowed() {
        assert_eq!(ByteBudget::new(64 * 1024).max_bytes, MAX_BYTES);
        assert_eq!(ByteBudget::new(64 * 1024 * 1024).max_bytes, 512 * 1024 * 1024);
    }
}
