//! Reads that must not be older than the question, shared by all who ask at the same time.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Keys that are kept; beyond them all are forgotten, which costs reads and nothing else.
const KEYS: usize = 10_000;

/// For each key, how many reads have begun, and the outcome of the last.
#[derive(Debug)]
pub(crate) struct Fresh<K, V> {
    places: Mutex<HashMap<K, Arc<Place<V>>>>,
}

#[derive(Debug)]
struct Place<V> {
    begun: AtomicU64,
    last: tokio::sync::Mutex<Option<(u64, V)>>,
}

impl<K, V> Default for Fresh<K, V> {
    fn default() -> Self {
        Self { places: Mutex::default() }
    }
}

impl<K: Clone + Eq + Hash, V: Clone> Fresh<K, V> {
    /// The outcome of a read that began after this call: `read`, unless somebody else's did.
    pub(crate) async fn read<E>(
        &self,
        key: &K,
        read: impl Future<Output = Result<V, E>> + Send,
    ) -> Result<V, E>
    where
        K: Send + Sync,
        V: Send,
    {
        let place = self.place(key);
        let before = place.begun.load(Ordering::SeqCst);
        let mut last = place.last.lock().await;
        if let Some((number, value)) = &*last
            && *number > before
        {
            return Ok(value.clone());
        }
        let number = place.begun.fetch_add(1, Ordering::SeqCst) + 1;
        let value = read.await?;
        *last = Some((number, value.clone()));
        Ok(value)
    }

    fn place(&self, key: &K) -> Arc<Place<V>> {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = places.get(key) {
            return Arc::clone(place);
        }
        if places.len() >= KEYS {
            places.clear();
        }
        let place =
            Arc::new(Place { begun: AtomicU64::new(0), last: tokio::sync::Mutex::default() });
        places.insert(key.clone(), Arc::clone(&place));
        place
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU64;

    use tokio::sync::Barrier;

    use super::*;

    #[tokio::test]
    async fn who_asks_while_a_read_is_under_way_shares_the_next_one() {
        let (fresh, reads) = (Fresh::default(), AtomicU64::new(0));
        let (entered, leave) = (Barrier::new(2), Barrier::new(2));
        let read = async |is_first: bool| {
            fresh
                .read(&"key", async {
                    let number = reads.fetch_add(1, Ordering::SeqCst) + 1;
                    if is_first {
                        entered.wait().await;
                        leave.wait().await;
                    }
                    Ok::<_, ()>(number)
                })
                .await
        };
        let later = async {
            entered.wait().await;
            tokio::join!(read(false), read(false), async { leave.wait().await })
        };
        let (first, (second, third, _)) = tokio::join!(read(true), later);
        assert_eq!((first, second, third), (Ok(1), Ok(2), Ok(2)));
        assert_eq!(read(false).await, Ok(3));
    }
}
