//! Polls that wait for their outcome (`Prefer: wait=N`, C64): one for each request, bounded in all.
//!
//! Whoever decides a request rings here. What another node decides, and what ends by itself, the
//! worker finds (`flows::wake_waiting_polls`). A poll that waits costs an entry of this table and
//! no timer of its own.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use domain::{Fingerprint, TenantId, Timestamp};
use tokio::sync::Notify;

/// Locks, so that polls on several cores seldom meet.
const SHARDS: usize = 16;

/// The table.
#[derive(Debug)]
pub struct WaitingPolls {
    shards: Vec<Mutex<HashMap<Fingerprint, Place>>>,
    taken: AtomicUsize,
    limit: usize,
    is_closed: AtomicBool,
}

#[derive(Debug)]
struct Place {
    tenant: TenantId,
    until: Timestamp,
    bell: Arc<Bell>,
}

#[derive(Debug, Default)]
struct Bell {
    rung: Notify,
    is_over: AtomicBool,
}

impl Bell {
    fn end(&self) {
        self.is_over.store(true, Ordering::Relaxed);
        self.rung.notify_one();
    }
}

/// A place in the table, given back when it is dropped.
#[derive(Debug)]
pub struct Waiter {
    table: Arc<WaitingPolls>,
    auth_req_hash: Fingerprint,
    bell: Arc<Bell>,
}

/// What comes of wanting to wait.
#[derive(Debug)]
#[must_use]
pub enum Entered {
    /// A place.
    Waits(Waiter),
    /// Another poll of this request waits already.
    Taken,
    /// As many wait as may.
    Full,
    /// The server is stopping: nobody waits any more.
    Closed,
}

/// Why a poll waits no longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Woken {
    /// Something may have happened.
    Rung,
    /// It has waited as long as it wanted.
    TimeUp,
}

impl WaitingPolls {
    /// A table of at most `limit` polls.
    pub fn new(limit: usize) -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            taken: AtomicUsize::new(0),
            limit,
            is_closed: AtomicBool::new(false),
        }
    }

    /// Takes a place until a moment.
    pub fn enter(
        self: &Arc<Self>,
        tenant: &TenantId,
        auth_req_hash: &Fingerprint,
        until: Timestamp,
    ) -> Entered {
        if self.is_closed() {
            return Entered::Closed;
        }
        let bell = Arc::new(Bell::default());
        let entered = self.with_shard(auth_req_hash, |shard| {
            if shard.contains_key(auth_req_hash) {
                return Some(Entered::Taken);
            }
            if self.taken.fetch_add(1, Ordering::AcqRel) >= self.limit {
                self.taken.fetch_sub(1, Ordering::AcqRel);
                return Some(Entered::Full);
            }
            let place = Place { tenant: tenant.clone(), until, bell: Arc::clone(&bell) };
            shard.insert(*auth_req_hash, place);
            None
        });
        let waiter = || Waiter { table: Arc::clone(self), auth_req_hash: *auth_req_hash, bell };
        entered.flatten().unwrap_or_else(|| Entered::Waits(waiter()))
    }

    /// Whether a poll of this request waits.
    pub fn has(&self, auth_req_hash: &Fingerprint) -> bool {
        !self.is_empty()
            && self.with_shard(auth_req_hash, |shard| shard.contains_key(auth_req_hash))
                == Some(true)
    }

    /// Wakes the poll that waits for this request.
    pub fn ring(&self, auth_req_hash: &Fingerprint) {
        if !self.is_empty() {
            self.with_shard(auth_req_hash, |shard| {
                if let Some(place) = shard.get(auth_req_hash) {
                    place.bell.rung.notify_one();
                }
            });
        }
    }

    /// Sends away those whose time is up.
    pub fn end_due(&self, now: Timestamp) {
        if !self.is_empty() {
            self.end_if(|place| place.until <= now);
        }
    }

    /// Sends everybody away, and lets nobody in.
    pub fn close(&self) {
        self.is_closed.store(true, Ordering::Release);
        self.end_if(|_| true);
    }

    /// Whether the server is stopping.
    pub fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::Acquire)
    }

    /// The requests that are waited for, by tenant.
    pub fn requests(&self) -> HashMap<TenantId, Vec<Fingerprint>> {
        let mut all: HashMap<TenantId, Vec<Fingerprint>> = HashMap::new();
        for shard in &self.shards {
            for (hash, place) in &*shard.lock().unwrap_or_else(PoisonError::into_inner) {
                all.entry(place.tenant.clone()).or_default().push(*hash);
            }
        }
        all
    }

    /// How many polls wait.
    pub fn len(&self) -> usize {
        self.taken.load(Ordering::Acquire)
    }

    /// Whether none does.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn end_if(&self, is_over: impl Fn(&Place) -> bool) {
        for shard in &self.shards {
            let shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            shard.values().filter(|place| is_over(place)).for_each(|place| place.bell.end());
        }
    }

    fn with_shard<T>(
        &self,
        auth_req_hash: &Fingerprint,
        act: impl FnOnce(&mut HashMap<Fingerprint, Place>) -> T,
    ) -> Option<T> {
        let [.., last] = auth_req_hash.as_bytes();
        let shard = self.shards.get(usize::from(*last) % SHARDS)?;
        Some(act(&mut shard.lock().unwrap_or_else(PoisonError::into_inner)))
    }
}

impl Waiter {
    /// Waits until it is rung for, or its time is up.
    pub async fn wait(&self) -> Woken {
        self.bell.rung.notified().await;
        if self.bell.is_over.load(Ordering::Relaxed) { Woken::TimeUp } else { Woken::Rung }
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        self.table.with_shard(&self.auth_req_hash, |shard| shard.remove(&self.auth_req_hash));
        self.table.taken.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn enter(table: &Arc<WaitingPolls>, id: &[u8]) -> Option<Fingerprint> {
        match table.enter(&TenantId::new("t"), &Fingerprint::of(id), Timestamp::from_ms(30)) {
            Entered::Waits(waiter) => Some(waiter.auth_req_hash),
            Entered::Taken | Entered::Full | Entered::Closed => None,
        }
    }

    #[tokio::test]
    async fn a_bell_that_rang_before_anybody_listened_is_heard() {
        let table = Arc::new(WaitingPolls::new(2));
        let (tenant, hash) = (TenantId::new("t"), Fingerprint::of(b"a"));
        let until = Timestamp::from_ms(30);
        let Entered::Waits(waiter) = table.enter(&tenant, &hash, until) else { panic!("room") };
        table.ring(&hash);
        assert_eq!(waiter.wait().await, Woken::Rung);
        table.end_due(Timestamp::from_ms(29));
        table.end_due(until);
        assert_eq!(waiter.wait().await, Woken::TimeUp);
    }

    #[test]
    fn a_request_has_one_place_and_the_table_so_many_as_it_was_made_for() {
        let table = Arc::new(WaitingPolls::new(2));
        let (tenant, until) = (TenantId::new("t"), Timestamp::from_ms(30));
        let enter_and_stay = |id: &[u8]| table.enter(&tenant, &Fingerprint::of(id), until);
        let first = enter_and_stay(b"a");
        assert!(matches!(enter_and_stay(b"a"), Entered::Taken));
        let second = enter_and_stay(b"b");
        assert!(matches!(enter_and_stay(b"c"), Entered::Full));
        assert_eq!((table.len(), table.requests().len()), (2, 1));
        drop((first, second));
        assert!(table.is_empty() && enter(&table, b"c").is_some());
        table.close();
        assert!(enter(&table, b"c").is_none());
    }
}
