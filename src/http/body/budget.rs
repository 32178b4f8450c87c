//! The bytes of all bodies in memory, with a share for each tenant and for each address without a credential.

use std::collections::HashMap;

use parking_lot::Mutex;

use crate::base::ids::TenantId;
use crate::base::ip_prefix::IpPrefix;
use crate::protocol::problem::{Code, Problem};

/// The owner of counted bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BudgetOwner {
    Tenant(TenantId),
    /// All operators of the node together.
    Operators,
    /// A caller without a credential; `None`: the address is not known.
    Anonymous(Option<IpPrefix>),
}

/// One budget for the process.
pub struct BodyBudget {
    total: usize,
    used: Mutex<Used>,
}

#[derive(Default)]
struct Used {
    all: usize,
    anonymous: usize,
    by_owner: HashMap<BudgetOwner, usize>,
    /// Bytes of owners beyond their shares. They take nothing from others' shares.
    over_share: HashMap<BudgetOwner, usize>,
}

impl Used {
    fn of(&self, holder: BudgetOwner) -> usize {
        let of = |map: &HashMap<BudgetOwner, usize>| map.get(&holder).copied().unwrap_or_default();
        of(&self.by_owner) + of(&self.over_share)
    }
}

fn subtract(map: &mut HashMap<BudgetOwner, usize>, holder: BudgetOwner, bytes: usize) {
    if let Some(own) = map.get_mut(&holder) {
        *own = own.saturating_sub(bytes);
        if *own == 0 {
            map.remove(&holder);
        }
    }
}

impl BodyBudget {
    pub fn new(total: usize) -> Self {
        Self { total, used: Mutex::default() }
    }

    /// The most that `owner` may have while `used` is taken. An owner gets more only while it has no more than what
    /// stays free, so one that takes all it can leaves half of what it found: something is always left. Anonymous
    /// callers have a quarter together, and one address an eighth of that.
    fn share(&self, holder: BudgetOwner, used: &Used, bytes: usize) -> usize {
        let free = self.total.saturating_sub(used.all + bytes);
        match holder {
            BudgetOwner::Tenant(_) | BudgetOwner::Operators => free,
            BudgetOwner::Anonymous(_) => {
                let of_strangers = (self.total / 4).saturating_sub(used.anonymous + bytes);
                free.min(of_strangers).min(self.total / 32)
            }
        }
    }

    /// Counts `bytes` more for `owner`, or refuses them.
    pub fn acquire(&self, holder: BudgetOwner, bytes: usize) -> Result<(), Problem> {
        let mut used = self.used.lock();
        let own = used.of(holder);
        if own + bytes > self.share(holder, &used, bytes) {
            return Err(full(match own {
                0 => "The bodies that are sent at this moment fill the server's memory for them",
                _ => "The bodies that you send at this moment fill your share of the server's memory",
            }));
        }
        used.all += bytes;
        if matches!(holder, BudgetOwner::Anonymous(_)) {
            used.anonymous += bytes;
        }
        *used.by_owner.entry(holder).or_default() += bytes;
        Ok(())
    }

    /// Counts `bytes` more for `owner`, whatever it has: they are in use. Until they are released it gets no more.
    pub fn acquire_over_share(&self, holder: BudgetOwner, bytes: usize) {
        *self.used.lock().over_share.entry(holder).or_default() += bytes;
    }

    pub fn release_over_share(&self, holder: BudgetOwner, bytes: usize) {
        subtract(&mut self.used.lock().over_share, holder, bytes);
    }

    /// Refuses an owner that has more than its share, before its request is processed.
    pub fn check(&self, holder: BudgetOwner) -> Result<(), Problem> {
        let used = self.used.lock();
        if used.over_share.contains_key(&holder) && used.of(holder) > self.share(holder, &used, 0) {
            return Err(full("The answers that you have not read fill your share of the server's memory"));
        }
        Ok(())
    }

    pub fn release(&self, holder: BudgetOwner, bytes: usize) {
        let mut used = self.used.lock();
        used.all = used.all.saturating_sub(bytes);
        if matches!(holder, BudgetOwner::Anonymous(_)) {
            used.anonymous = used.anonymous.saturating_sub(bytes);
        }
        subtract(&mut used.by_owner, holder, bytes);
    }

    /// How many bytes are counted now.
    pub fn in_flight(&self) -> usize {
        let used = self.used.lock();
        used.all + used.over_share.values().sum::<usize>()
    }
}

fn full(words: &str) -> Problem {
    Problem::new(Code::Unavailable, format!("{words}; try again later.")).retry_after(2)
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn anonymous(last: u8) -> BudgetOwner {
        BudgetOwner::Anonymous(Some(IpPrefix::of(Ipv4Addr::new(192, 0, 2, last).into())))
    }

    fn most(budget: &BodyBudget, holder: BudgetOwner) -> usize {
        (0..).find(|_| budget.acquire(holder, 1).is_err()).unwrap()
    }

    #[test]
    fn a_tenant_that_takes_all_it_can_leaves_half_of_what_it_found() {
        let budget = BodyBudget::new(1200);
        let tenants = [1, 2, 3].map(|id| BudgetOwner::Tenant(TenantId(id)));

        assert_eq!(most(&budget, tenants[0]), 600);
        let refused = budget.acquire(tenants[0], 1).unwrap_err();
        assert_eq!((refused.code, refused.retry_after.is_some()), (Code::Unavailable, true));
        assert_eq!(most(&budget, tenants[1]), 300);
        assert_eq!(most(&budget, tenants[2]), 150);
        budget.release(tenants[0], 600);
        assert_eq!(most(&budget, tenants[2]), 300, "a share grows with what is free");

        budget.release(tenants[1], 300);
        budget.release(tenants[2], 450);
        assert_eq!(budget.in_flight(), 0);
        assert!(budget.used.lock().by_owner.is_empty());
    }

    #[test]
    fn anonymous_callers_share_a_quarter_and_an_address_gets_an_eighth_of_it() {
        let budget = BodyBudget::new(1024);

        budget.acquire(anonymous(0), 32).unwrap();
        assert!(budget.acquire(anonymous(0), 1).is_err());
        for last in 1..7 {
            budget.acquire(anonymous(last), 32).unwrap();
        }
        assert_eq!(most(&budget, anonymous(8)), 16, "of the quarter as much stays free");
        budget.acquire(BudgetOwner::Tenant(TenantId(1)), 256).unwrap();

        budget.release(anonymous(0), 32);
        budget.acquire(anonymous(8), 8).unwrap();
    }
}
