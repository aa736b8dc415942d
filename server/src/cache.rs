//! What this process remembers of rows that change seldom: tenants, clients, APIs, keys.
//!
//! An entry counts only while the configuration generation it was read at is still the present
//! one: every write of this process that touches such rows moves the generation on. Where other
//! processes write too (PostgreSQL), an entry also grows old.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{PoisonError, RwLock};

use domain::Timestamp;

/// Entries a cache holds; when it is full it is emptied, which costs reads and nothing else.
const ENTRIES: usize = 50_000;

/// Values by key, each good for one generation and a short time.
#[derive(Debug)]
pub(crate) struct Cache<K, V> {
    entries: RwLock<HashMap<K, Entry<V>>>,
    keep_ms: i64,
}

#[derive(Debug)]
struct Entry<V> {
    value: V,
    generation: u64,
    read_at: Timestamp,
}

impl<K: Eq + Hash, V: Clone> Cache<K, V> {
    /// An empty cache whose entries are good for `keep_ms` milliseconds.
    pub(crate) fn new(keep_ms: i64) -> Self {
        Self { entries: RwLock::new(HashMap::new()), keep_ms }
    }

    /// The value of `key`, if it was read at this generation and not too long ago.
    pub(crate) fn get<Q>(&self, key: &Q, generation: u64, now: Timestamp) -> Option<V>
    where
        K: std::borrow::Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
        entries
            .get(key)
            .filter(|entry| entry.generation == generation)
            .filter(|entry| (0..self.keep_ms).contains(&now.ms_since(entry.read_at)))
            .map(|entry| entry.value.clone())
    }

    /// Remembers a value. `generation` is the one that was present before the value was read.
    pub(crate) fn put(&self, key: K, value: V, generation: u64, now: Timestamp) {
        let mut entries = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        if entries.len() >= ENTRIES {
            entries.clear();
        }
        entries.insert(key, Entry { value, generation, read_at: now });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_counts_for_its_generation_and_its_time_only() {
        let cache = Cache::new(1000);
        let now = Timestamp::from_ms(5000);
        cache.put("a", 1, 7, now);
        assert_eq!(cache.get("a", 7, now.plus_ms(999)), Some(1));
        assert_eq!(cache.get("a", 7, now.plus_ms(1000)), None);
        assert_eq!(cache.get("a", 8, now), None);
        assert_eq!(cache.get("b", 7, now), None);
    }

    #[test]
    fn an_entry_from_the_future_does_not_count() {
        let cache = Cache::new(1000);
        cache.put("a", 1, 7, Timestamp::from_ms(5000));
        assert_eq!(cache.get("a", 7, Timestamp::from_ms(4000)), None);
    }
}
