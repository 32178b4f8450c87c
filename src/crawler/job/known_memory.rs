//! What a crawl remembers of known listings beside the frontier. It is lost with the worker: then what follows from
//! it is left to the next job.

use std::collections::{BTreeMap, HashSet};

use super::probes::Probes;
use super::shared_keys::SharedKeys;
use crate::base::ids::PropertyId;
use crate::domain::frontier::ListingKey;
use crate::domain::properties::addresses::AddressHash;

/// Entries of each of the sets.
const MAX_ENTRIES: usize = 50_000;

#[derive(Default)]
pub(super) struct KnownMemory {
    pub(super) keys: SharedKeys,
    pub(super) probes: Probes,
    /// Addresses of known listings that are gone, or are the page of none.
    disproved: HashSet<AddressHash>,
    /// Properties that were read at another address than their own: they are not removed with it.
    read_elsewhere: HashSet<PropertyId>,
    /// Properties that a list shows: soft signs of their own pages do not remove them.
    listed: HashSet<PropertyId>,
    /// Properties whose address is the page of another home.
    no_listings: BTreeMap<PropertyId, ListingKey>,
}

impl KnownMemory {
    pub(super) fn disprove(&mut self, address: AddressHash) {
        if self.disproved.len() < MAX_ENTRIES {
            self.disproved.insert(address);
        }
    }

    /// The keys, and the addresses that are disproved.
    pub(super) fn keys_and_disproved(&mut self) -> (&mut SharedKeys, &HashSet<AddressHash>) {
        (&mut self.keys, &self.disproved)
    }

    pub(super) fn set_read_elsewhere(&mut self, id: PropertyId) {
        if self.read_elsewhere.len() < MAX_ENTRIES {
            self.read_elsewhere.insert(id);
        }
    }

    pub(super) fn was_read_elsewhere(&self, id: PropertyId) -> bool {
        self.read_elsewhere.contains(&id)
    }

    pub(super) fn set_listed(&mut self, id: PropertyId) {
        if self.listed.len() < MAX_ENTRIES {
            self.listed.insert(id);
        }
    }

    pub(super) fn is_listed(&self, id: PropertyId) -> bool {
        self.listed.contains(&id)
    }

    pub(super) fn add_no_listing(&mut self, id: PropertyId, key: ListingKey) {
        if self.no_listings.len() < MAX_ENTRIES {
            self.no_listings.insert(id, key);
        }
    }

    /// Takes the properties that proved to be no listing, but for those that were read at another address.
    pub(super) fn take_no_listings(&mut self) -> Vec<ListingKey> {
        let found = std::mem::take(&mut self.no_listings).into_iter();
        found.filter(|(id, _)| !self.read_elsewhere.contains(id)).map(|(_, key)| key).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_property_that_has_a_page_of_its_own_after_all_is_a_listing() {
        let mut memory = KnownMemory::default();
        let key = |number: i64| ("homes.example".to_owned(), number.to_string());
        for number in 1..=3 {
            memory.add_no_listing(PropertyId(number), key(number));
        }

        memory.set_read_elsewhere(PropertyId(2));

        assert_eq!(memory.take_no_listings(), [key(1), key(3)]);
        assert!(memory.was_read_elsewhere(PropertyId(2)) && !memory.was_read_elsewhere(PropertyId(1)));
    }
}
