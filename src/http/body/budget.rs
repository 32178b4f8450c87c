//! The bytes of all bodies in memory at once, with a share for each tenant and for each address that shows no credential.

use std::collections::HashMap;

use parking_lot::Mutex;

use crate::base::address::AddressBlock;
use crate::base::ids::TenantId;
use crate::protocol::problem::{Code, Problem};

/// Whose bytes they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BodyHolder {
    Tenant(TenantId),
    /// All operators of the node together.
    Operators,
    /// A caller who has shown no credential; none: the address is not known.
    Stranger(Option<AddressBlock>),
}

/// One budget for the process.
pub struct BodyBudget {
    total: usize,
    used: Mutex<Used>,
}

#[derive(Default)]
struct Used {
    all: usize,
    strangers: usize,
    by_holder: HashMap<BodyHolder, usize>,
    /// What holders have beyond their shares. It takes nothing from others' shares.
    beyond: HashMap<BodyHolder, usize>,
}

impl Used {
    fn of(&self, holder: BodyHolder) -> usize {
        let of = |map: &HashMap<BodyHolder, usize>| map.get(&holder).copied().unwrap_or_default();
        of(&self.by_holder) + of(&self.beyond)
    }
}

fn less(map: &mut HashMap<BodyHolder, usize>, holder: BodyHolder, bytes: usize) {
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

    /// The most that `holder` may have while `used` is taken. A holder takes more only while it has no more than what
    /// stays free, so one that takes all it can leaves half of what it found: something is always left. Strangers hold a
    /// quarter together, and one address an eighth of that.
    fn share(&self, holder: BodyHolder, used: &Used, bytes: usize) -> usize {
        let free = self.total.saturating_sub(used.all + bytes);
        match holder {
            BodyHolder::Tenant(_) | BodyHolder::Operators => free,
            BodyHolder::Stranger(_) => {
                let of_strangers = (self.total / 4).saturating_sub(used.strangers + bytes);
                free.min(of_strangers).min(self.total / 32)
            }
        }
    }

    /// Counts `bytes` more for `holder`, or refuses them.
    pub fn take(&self, holder: BodyHolder, bytes: usize) -> Result<(), Problem> {
        let mut used = self.used.lock();
        let own = used.of(holder);
        if own + bytes > self.share(holder, &used, bytes) {
            return Err(full(match own {
                0 => "The bodies that are sent at this moment fill the server's memory for them",
                _ => "The bodies that you send at this moment fill your share of the server's memory",
            }));
        }
        used.all += bytes;
        if matches!(holder, BodyHolder::Stranger(_)) {
            used.strangers += bytes;
        }
        *used.by_holder.entry(holder).or_default() += bytes;
        Ok(())
    }

    /// Counts `bytes` more for `holder`, whatever it has: they are there. Until they are given back it takes no more.
    pub fn take_beyond(&self, holder: BodyHolder, bytes: usize) {
        *self.used.lock().beyond.entry(holder).or_default() += bytes;
    }

    pub fn give_back_beyond(&self, holder: BodyHolder, bytes: usize) {
        less(&mut self.used.lock().beyond, holder, bytes);
    }

    /// Refuses a holder that has more than its share, before anything is done for it.
    pub fn check(&self, holder: BodyHolder) -> Result<(), Problem> {
        let used = self.used.lock();
        if used.beyond.contains_key(&holder) && used.of(holder) > self.share(holder, &used, 0) {
            return Err(full("The answers that you have not read fill your share of the server's memory"));
        }
        Ok(())
    }

    pub fn give_back(&self, holder: BodyHolder, bytes: usize) {
        let mut used = self.used.lock();
        used.all = used.all.saturating_sub(bytes);
        if matches!(holder, BodyHolder::Stranger(_)) {
            used.strangers = used.strangers.saturating_sub(bytes);
        }
        less(&mut used.by_holder, holder, bytes);
    }

    /// How many bytes are counted at this moment.
    pub fn in_flight(&self) -> usize {
        let used = self.used.lock();
        used.all + used.beyond.values().sum::<usize>()
    }
}

fn full(words: &str) -> Problem {
    Problem::new(Code::Unavailable, format!("{words}; try again later.")).retry_after(2)
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn stranger(last: u8) -> BodyHolder {
        BodyHolder::Stranger(Some(AddressBlock::of(Ipv4Addr::new(192, 0, 2, last).into())))
    }

    fn most(budget: &BodyBudget, holder: BodyHolder) -> usize {
        (0..).find(|_| budget.take(holder, 1).is_err()).unwrap()
    }

    #[test]
    fn a_tenant_that_takes_all_it_can_leaves_half_of_what_it_found() {
        let budget = BodyBudget::new(1200);
        let tenants = [1, 2, 3].map(|id| BodyHolder::Tenant(TenantId(id)));

        assert_eq!(most(&budget, tenants[0]), 600);
        let refused = budget.take(tenants[0], 1).unwrap_err();
        assert_eq!((refused.code, refused.retry_after.is_some()), (Code::Unavailable, true));
        assert_eq!(most(&budget, tenants[1]), 300);
        assert_eq!(most(&budget, tenants[2]), 150);
        budget.give_back(tenants[0], 600);
        assert_eq!(most(&budget, tenants[2]), 300, "a share grows with what is free");

        budget.give_back(tenants[1], 300);
        budget.give_back(tenants[2], 450);
        assert_eq!(budget.in_flight(), 0);
        assert!(budget.used.lock().by_holder.is_empty());
    }

    #[test]
    fn strangers_hold_a_quarter_together_and_an_address_an_eighth_of_that() {
        let budget = BodyBudget::new(1024);

        budget.take(stranger(0), 32).unwrap();
        assert!(budget.take(stranger(0), 1).is_err());
        for last in 1..7 {
            budget.take(stranger(last), 32).unwrap();
        }
        assert_eq!(most(&budget, stranger(8)), 16, "of the quarter as much stays free");
        budget.take(BodyHolder::Tenant(TenantId(1)), 256).unwrap();

        budget.give_back(stranger(0), 32);
        budget.take(stranger(8), 8).unwrap();
    }
}
