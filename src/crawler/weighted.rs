//! A map that is bounded by the bytes of what it holds. When it is full, the entry that was used least recently goes;
//! it is never emptied at once.

use std::borrow::Borrow;
use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;

/// Entries that are examined for one that is of no use any more, before the oldest is evicted.
const EVICTION_SCAN: usize = 32;
/// Bytes of an entry beside its key and value: the table's slot and the order's node.
const ENTRY_BYTES: usize = 128;

#[derive(Debug)]
pub(super) struct WeightedMap<K, V> {
    entries: HashMap<K, Entry<V>>,
    /// Keys by the time of their last use.
    order: BTreeMap<u64, K>,
    uses: u64,
    bytes: usize,
    most_bytes: usize,
}

#[derive(Debug)]
struct Entry<V> {
    value: V,
    bytes: usize,
    used_at: u64,
}

impl<K: Clone + Eq + Hash, V> WeightedMap<K, V> {
    pub(super) fn new(most_bytes: usize) -> Self {
        Self { entries: HashMap::new(), order: BTreeMap::new(), uses: 0, bytes: 0, most_bytes }
    }

    /// Bytes of all entries.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Reads an entry without using it.
    pub(super) fn peek<Q: Eq + Hash + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.entries.get(key).map(|entry| &entry.value)
    }

    /// Uses an entry.
    pub(super) fn get_mut<Q: Eq + Hash + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        let entry = self.entries.get_mut(key)?;
        if let Some(key) = self.order.remove(&entry.used_at) {
            self.uses += 1;
            entry.used_at = self.uses;
            self.order.insert(self.uses, key);
        }
        Some(&mut entry.value)
    }

    /// Inserts an entry; key and value take `bytes`. To make room, old entries are evicted: among the oldest, first
    /// those that `is_idle` says can go without loss.
    pub(super) fn insert(&mut self, key: K, value: V, bytes: usize, is_idle: impl Fn(&V) -> bool) {
        self.remove(&key);
        let bytes = bytes.saturating_add(ENTRY_BYTES);
        while !self.entries.is_empty() && self.bytes.saturating_add(bytes) > self.most_bytes {
            self.evict(&is_idle);
        }
        self.uses += 1;
        self.bytes = self.bytes.saturating_add(bytes);
        self.order.insert(self.uses, key.clone());
        self.entries.insert(key, Entry { value, bytes, used_at: self.uses });
    }

    pub(super) fn remove<Q: Eq + Hash + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let entry = self.entries.remove(key)?;
        self.order.remove(&entry.used_at);
        self.bytes -= entry.bytes;
        Some(entry.value)
    }

    fn evict(&mut self, is_idle: &impl Fn(&V) -> bool) {
        let idle = |key: &&K| self.peek(*key).is_some_and(is_idle);
        let oldest = self.order.values().next();
        if let Some(key) = self.order.values().take(EVICTION_SCAN).find(idle).or(oldest).cloned() {
            self.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_used_for_longest_goes_first() {
        let mut map = WeightedMap::new(3 * (ENTRY_BYTES + 10));
        for key in ["a", "b", "c"] {
            map.insert(key.to_owned(), key, 10, |_| true);
        }
        map.get_mut("a");

        map.insert("d".to_owned(), "d", 10, |_| true);
        map.insert("d".to_owned(), "d", 10, |_| true);

        assert_eq!([map.peek("a"), map.peek("b"), map.peek("d")], [Some(&"a"), None, Some(&"d")]);
        assert_eq!((map.len(), map.bytes()), (3, 3 * (ENTRY_BYTES + 10)));
    }

    #[test]
    fn what_is_in_use_stays_while_something_else_can_go() {
        let mut map = WeightedMap::new(2 * ENTRY_BYTES);
        map.insert(1, "busy", 0, |value| *value != "busy");
        map.insert(2, "idle", 0, |value| *value != "busy");
        map.insert(3, "busy", 0, |value| *value != "busy");
        assert_eq!((map.peek(&1), map.peek(&2)), (Some(&"busy"), None));

        map.insert(4, "busy", 0, |value| *value != "busy");

        assert_eq!((map.peek(&1), map.len()), (None, 2));
    }

    #[test]
    fn an_entry_that_is_too_large_stands_alone() {
        let mut map = WeightedMap::new(1_000);
        map.insert(1, (), 10, |()| true);

        map.insert(2, (), 5_000, |()| true);
        map.insert(3, (), 10, |()| true);

        assert_eq!((map.len(), map.peek(&3)), (1, Some(&())));
        assert_eq!(map.bytes(), ENTRY_BYTES + 10);
    }
}
