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
}

impl BodyBudget {
    pub fn new(total: usize) -> Self {
        Self { total, used: Mutex::default() }
    }

    /// A tenant may hold half, so that one that fills its share leaves as much to the others. Strangers hold a quarter
    /// together, and one address an eighth of that.
    fn share(&self, holder: BodyHolder) -> usize {
        match holder {
            BodyHolder::Tenant(_) | BodyHolder::Operators => self.total / 2,
            BodyHolder::Stranger(_) => self.total / 32,
        }
    }

    /// Counts `bytes` more for `holder`, or refuses them.
    pub fn take(&self, holder: BodyHolder, bytes: usize) -> Result<(), Problem> {
        let mut used = self.used.lock();
        let own = used.by_holder.get(&holder).copied().unwrap_or_default();
        let is_stranger = matches!(holder, BodyHolder::Stranger(_));
        if own + bytes > self.share(holder) {
            return Err(full(
                "The bodies that you send at this moment fill your share of the server's memory",
            ));
        }
        if used.all + bytes > self.total || (is_stranger && used.strangers + bytes > self.total / 4) {
            return Err(full("The bodies that are sent at this moment fill the server's memory for them"));
        }
        used.all += bytes;
        if is_stranger {
            used.strangers += bytes;
        }
        used.by_holder.insert(holder, own + bytes);
        Ok(())
    }

    pub fn give_back(&self, holder: BodyHolder, bytes: usize) {
        let mut used = self.used.lock();
        used.all = used.all.saturating_sub(bytes);
        if matches!(holder, BodyHolder::Stranger(_)) {
            used.strangers = used.strangers.saturating_sub(bytes);
        }
        if let Some(own) = used.by_holder.get_mut(&holder) {
            *own = own.saturating_sub(bytes);
            if *own == 0 {
                used.by_holder.remove(&holder);
            }
        }
    }

    /// How many bytes are counted at this moment.
    pub fn in_flight(&self) -> usize {
        self.used.lock().all
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

    #[test]
    fn a_tenant_that_fills_its_half_leaves_the_other_half() {
        let budget = BodyBudget::new(1024);
        let (one, other) = (BodyHolder::Tenant(TenantId(1)), BodyHolder::Tenant(TenantId(2)));

        budget.take(one, 512).unwrap();

        assert_eq!(budget.take(one, 1).unwrap_err().code, Code::Unavailable);
        assert!(budget.take(one, 1).unwrap_err().retry_after.is_some());
        budget.take(other, 512).unwrap();
        assert!(budget.take(stranger(1), 1).is_err(), "the whole is full");
        budget.give_back(one, 512);
        budget.give_back(other, 512);
        assert_eq!(budget.in_flight(), 0);
        assert!(budget.used.lock().by_holder.is_empty());
    }

    #[test]
    fn strangers_hold_a_quarter_together_and_an_address_an_eighth_of_that() {
        let budget = BodyBudget::new(1024);

        budget.take(stranger(0), 32).unwrap();
        assert!(budget.take(stranger(0), 1).is_err());
        for last in 1..8 {
            budget.take(stranger(last), 32).unwrap();
        }
        assert!(budget.take(stranger(8), 1).is_err());
        budget.take(BodyHolder::Tenant(TenantId(1)), 512).unwrap();

        budget.give_back(stranger(0), 32);
        budget.take(stranger(8), 32).unwrap();
    }
}
