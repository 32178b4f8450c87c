//! A bounded table shared by many holders: when it is full, the holder with the most entries loses its least recently
//! used one. So a flood from one source evicts its own entries, and never those of others.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::Hash;

/// At most `capacity` values by key; each is charged to a holder `H`.
#[derive(Debug)]
pub(super) struct FairLruCache<K, H, V> {
    capacity: usize,
    entries: HashMap<K, Entry<H, V>>,
    /// The keys of each holder by their last use.
    keys_by_holder: HashMap<H, BTreeMap<u64, K>>,
    /// The holders by their number of entries.
    by_size: BTreeSet<(usize, H)>,
    use_count: u64,
}

#[derive(Debug)]
struct Entry<H, V> {
    value: V,
    holder: H,
    last_used: u64,
}

impl<K, H, V> FairLruCache<K, H, V>
where
    K: Copy + Eq + Hash,
    H: Copy + Eq + Hash + Ord,
    V: Default,
{
    pub(super) fn new(most: usize) -> Self {
        Self {
            capacity: most.max(1),
            entries: HashMap::new(),
            keys_by_holder: HashMap::new(),
            by_size: BTreeSet::new(),
            use_count: 0,
        }
    }

    /// The value of `key`; a new one is charged to `holder`.
    pub(super) fn entry(&mut self, key: K, holder: H) -> &mut V {
        self.use_count += 1;
        let known = self.entries.get(&key).map(|entry| (entry.holder, entry.last_used));
        match known {
            Some((holder, used)) => {
                if let Some(keys) = self.keys_by_holder.get_mut(&holder) {
                    keys.remove(&used);
                    keys.insert(self.use_count, key);
                }
            }
            None => {
                if self.entries.len() >= self.capacity {
                    self.evict_one();
                }
                self.insert_key(key, holder);
            }
        }
        let used = self.use_count;
        let entry =
            self.entries.entry(key).or_insert_with(|| Entry { value: V::default(), holder, last_used: used });
        entry.last_used = used;
        &mut entry.value
    }

    /// The value of `key` if there is one.
    pub(super) fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        self.entries.get_mut(key).map(|entry| &mut entry.value)
    }

    fn insert_key(&mut self, key: K, holder: H) {
        let keys = self.keys_by_holder.entry(holder).or_default();
        self.by_size.remove(&(keys.len(), holder));
        keys.insert(self.use_count, key);
        self.by_size.insert((keys.len(), holder));
    }

    fn evict_one(&mut self) {
        let Some((size, holder)) = self.by_size.pop_last() else { return };
        let Some(keys) = self.keys_by_holder.get_mut(&holder) else { return };
        if let Some((_, key)) = keys.pop_first() {
            self.entries.remove(&key);
        }
        if keys.is_empty() {
            self.keys_by_holder.remove(&holder);
        } else {
            self.by_size.insert((size - 1, holder));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Table = FairLruCache<u32, u8, u32>;

    #[test]
    fn a_flood_of_one_holder_evicts_only_its_own_entries() {
        let mut table = Table::new(10);
        for key in 0..3 {
            *table.entry(key, 1) = key + 100;
        }

        for key in 1_000..2_000 {
            *table.entry(key, 2) += 1;
        }

        assert_eq!((0..3).map(|key| *table.entry(key, 1)).collect::<Vec<_>>(), [100, 101, 102]);
        assert_eq!(table.entries.len(), 10);
        assert!(table.get_mut(&1_999).is_some() && table.get_mut(&1_000).is_none());
    }

    #[test]
    fn the_least_recently_used_is_evicted_first_and_the_counts_agree() {
        let mut table = Table::new(3);
        for key in [1, 2, 3] {
            table.entry(key, 9);
        }
        table.entry(1, 9);

        table.entry(4, 9);

        assert!(table.get_mut(&2).is_none() && table.get_mut(&1).is_some());
        for key in 0..500 {
            table.entry(key * 7 % 23, (key % 5) as u8);
        }
        let held: usize = table.keys_by_holder.values().map(BTreeMap::len).sum();
        assert_eq!((table.entries.len(), held, table.by_size.len()), (3, 3, table.keys_by_holder.len()));
        assert!(table.by_size.iter().all(|(size, holder)| table.keys_by_holder[holder].len() == *size));
    }
}
