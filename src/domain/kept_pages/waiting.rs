//! How many bytes of pages wait to be written on a node. A page for which there is no room is not kept: nothing waits
//! for the store but what is written anyway.
//!
//! A tenant takes more only while it has no more than what stays free. A tenant that has nothing takes what fits.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::base::ids::TenantId;

#[derive(Debug)]
pub struct WaitingBytes {
    most: u64,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    used: u64,
    /// A tenant without any has no entry.
    tenants: HashMap<TenantId, u64>,
}

/// Bytes that wait. Dropping it gives them back.
#[derive(Debug)]
pub struct WaitingPermit {
    node: Arc<WaitingBytes>,
    tenant: TenantId,
    bytes: u64,
}

impl WaitingBytes {
    pub(super) fn new(most: u64) -> Arc<Self> {
        Arc::new(Self { most, state: Mutex::default() })
    }

    /// Room for `bytes` more of the tenant, if there is some.
    pub(super) fn try_take(self: &Arc<Self>, tenant: TenantId, bytes: u64) -> Option<WaitingPermit> {
        let mut state = self.state.lock();
        let own = state.tenants.get(&tenant).copied().unwrap_or_default();
        let free_after = self.most.checked_sub(state.used)?.checked_sub(bytes)?;
        if own > 0 && own + bytes > free_after {
            return None;
        }
        state.used += bytes;
        *state.tenants.entry(tenant).or_default() += bytes;
        Some(WaitingPermit { node: Arc::clone(self), tenant, bytes })
    }
}

impl Drop for WaitingPermit {
    fn drop(&mut self) {
        let mut state = self.node.state.lock();
        state.used -= self.bytes;
        let own = state.tenants.get(&self.tenant).copied().unwrap_or_default();
        if own > self.bytes {
            state.tenants.insert(self.tenant, own - self.bytes);
        } else {
            state.tenants.remove(&self.tenant);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_leaves_half_of_what_it_found_to_others() {
        let (node, one, other) = (WaitingBytes::new(100), TenantId(1), TenantId(2));
        let first = node.try_take(one, 30).unwrap();
        let second = node.try_take(one, 20).unwrap();

        assert!(node.try_take(one, 1).is_none(), "it has as much as stays free");
        let third = node.try_take(other, 50).unwrap();
        assert!(node.try_take(TenantId(3), 1).is_none(), "nothing is left");

        drop((first, second, third));
        assert!(node.state.lock().tenants.is_empty());
        assert!(node.try_take(other, 100).is_some() && node.try_take(other, 101).is_none());
    }
}
