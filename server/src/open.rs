//! The undecided requests of this process: what a pending poll needs, so that it costs neither a
//! read nor a write (architecture 4).
//!
//! Only a process that owns its database may answer from here; many nodes ask the database. An
//! entry that is missing, for whatever reason, costs a read and nothing else.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, PoisonError};

use domain::ciba::pacing::{Pace, Pacing, PacingRules};
use domain::{ClientId, Fingerprint, TenantId, Timestamp};

/// Entries held in all; further requests are answered from the database.
const ENTRIES: usize = 1_000_000;
/// Locks, so that polls on several cores seldom meet.
const SHARDS: usize = 16;

/// What is known of one undecided request.
#[derive(Clone, Debug)]
pub struct OpenTransaction {
    /// Whose it is.
    pub tenant: TenantId,
    /// Who may poll it.
    pub client: ClientId,
    /// When it ends.
    pub expires_at: Timestamp,
    /// How fast it may be polled.
    pub pacing: Pacing,
}

/// What the index makes of a poll.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Glance {
    /// Undecided, polled in time, and how fast it may be polled.
    NotYet(Pacing),
    /// Undecided, polled too fast; the pacing must be stored if its interval grew.
    TooFast {
        /// The pacing from now on.
        pacing: Pacing,
        /// Whether it differs from what is stored.
        has_grown: bool,
    },
    /// Not in here, no longer undecided, or not this client's: the database knows.
    AskDatabase,
}

/// What is kept of an [`OpenTransaction`]. Of the names only 64-bit hashes under a key of this process:
/// who is taken for another client reads "pending" in place of a refusal, and gets nothing.
#[derive(Clone, Copy, Debug)]
struct Entry {
    tenant: u64,
    client: u64,
    expires_at: Timestamp,
    pacing: Pacing,
}

/// The index.
#[derive(Debug)]
pub struct OpenTransactions {
    shards: Vec<Mutex<HashMap<Fingerprint, Entry>>>,
    names: RandomState,
}

impl Default for OpenTransactions {
    fn default() -> Self {
        let shards = (0..SHARDS).map(|_| Mutex::default()).collect();
        Self { shards, names: RandomState::new() }
    }
}

impl OpenTransactions {
    /// Adds a request that was just begun, or found undecided at start.
    pub fn insert(&self, auth_req_hash: Fingerprint, open: OpenTransaction) {
        let OpenTransaction { tenant, client, expires_at, pacing } = open;
        let (tenant, client) = (self.names.hash_one(tenant), self.names.hash_one(client));
        self.with_shard(&auth_req_hash, |shard| {
            if shard.len() < ENTRIES / SHARDS {
                shard.insert(auth_req_hash, Entry { tenant, client, expires_at, pacing });
            }
        });
    }

    /// Forgets a request: it was decided, withdrawn or has expired.
    pub fn remove(&self, auth_req_hash: &Fingerprint) {
        self.with_shard(auth_req_hash, |shard| {
            shard.remove(auth_req_hash);
        });
    }

    /// Forgets all requests of a tenant, because some of them came to an end together.
    pub fn forget_tenant(&self, tenant: &TenantId) {
        let tenant = self.names.hash_one(tenant);
        for shard in &self.shards {
            let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            shard.retain(|_, open| open.tenant != tenant);
        }
    }

    /// Takes a poll.
    pub fn poll(
        &self,
        auth_req_hash: &Fingerprint,
        tenant: &TenantId,
        client: &ClientId,
        rules: &PacingRules,
        now: Timestamp,
    ) -> Glance {
        let (tenant, client) = (self.names.hash_one(tenant), self.names.hash_one(client));
        self.with_shard(auth_req_hash, |shard| {
            let Some(open) = shard.get_mut(auth_req_hash) else { return Glance::AskDatabase };
            if open.tenant != tenant || open.client != client {
                return Glance::AskDatabase;
            }
            if open.expires_at <= now {
                shard.remove(auth_req_hash);
                return Glance::AskDatabase;
            }
            match open.pacing.poll(rules, now) {
                Pace::InTime(pacing) => {
                    open.pacing = pacing;
                    Glance::NotYet(pacing)
                }
                Pace::TooFast(pacing) => {
                    let has_grown = pacing != open.pacing;
                    open.pacing = pacing;
                    Glance::TooFast { pacing, has_grown }
                }
            }
        })
    }

    /// Paces an undecided request anew.
    pub fn pace(&self, auth_req_hash: &Fingerprint, pacing: Pacing) {
        self.with_shard(auth_req_hash, |shard| {
            if let Some(open) = shard.get_mut(auth_req_hash) {
                open.pacing = pacing;
            }
        });
    }

    /// Lets the next poll come at once if the interval is longer than `waited_s`.
    pub fn forgive(&self, auth_req_hash: &Fingerprint, waited_s: i64) {
        self.with_shard(auth_req_hash, |shard| {
            if let Some(open) = shard.get_mut(auth_req_hash)
                && open.pacing.interval_s() > waited_s
            {
                open.pacing = open.pacing.forgiven();
            }
        });
    }

    /// Those of these requests that are not known to be undecided.
    pub fn missing(&self, auth_req_hashes: &[Fingerprint], now: Timestamp) -> Vec<Fingerprint> {
        let is_open = |hash: &&Fingerprint| {
            self.with_shard(hash, |shard| shard.get(*hash).is_some_and(|o| o.expires_at > now))
        };
        auth_req_hashes.iter().filter(|hash| !is_open(hash)).copied().collect()
    }

    /// Drops what has expired; called by the sweeper.
    pub fn sweep(&self, now: Timestamp) {
        for shard in &self.shards {
            let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            shard.retain(|_, open| open.expires_at > now);
        }
    }

    /// How many requests are known to be undecided.
    pub fn len(&self) -> usize {
        self.shards.iter().map(|s| s.lock().unwrap_or_else(PoisonError::into_inner).len()).sum()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn with_shard<T>(
        &self,
        auth_req_hash: &Fingerprint,
        act: impl FnOnce(&mut HashMap<Fingerprint, Entry>) -> T,
    ) -> T {
        let [.., last] = auth_req_hash.as_bytes();
        match self.shards.get(usize::from(*last) % SHARDS) {
            Some(shard) => act(&mut shard.lock().unwrap_or_else(PoisonError::into_inner)),
            // Not reached: there are SHARDS of them. An empty map means "ask the database".
            None => act(&mut HashMap::new()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: PacingRules = PacingRules { longest_interval_s: Some(30), echo_window_ms: 3000 };

    fn known(now: Timestamp) -> (OpenTransactions, Fingerprint, TenantId, ClientId) {
        let (index, hash) = (OpenTransactions::default(), Fingerprint::of(b"id"));
        let (tenant, client) = (TenantId::new("t"), ClientId::new("c"));
        let open = OpenTransaction {
            tenant: tenant.clone(),
            client: client.clone(),
            expires_at: now.plus_seconds(300),
            pacing: Pacing::fresh(5),
        };
        index.insert(hash, open);
        (index, hash, tenant, client)
    }

    #[test]
    fn polls_are_paced_and_a_grown_interval_is_told_once() {
        let now = Timestamp::from_ms(1_000_000);
        let (index, hash, tenant, client) = known(now);
        let poll = |ms| index.poll(&hash, &tenant, &client, &RULES, now.plus_ms(ms));
        assert!(matches!(poll(0), Glance::NotYet(_)));
        assert!(matches!(poll(1000), Glance::TooFast { has_grown: true, .. }));
        assert!(matches!(poll(1500), Glance::TooFast { has_grown: false, .. }));
        assert!(matches!(poll(11_000), Glance::NotYet(_)));
    }

    #[test]
    fn others_and_late_ones_must_ask_the_database() {
        let now = Timestamp::from_ms(1_000_000);
        let (index, hash, tenant, client) = known(now);
        let foreign = ClientId::new("other");
        assert_eq!(index.poll(&hash, &tenant, &foreign, &RULES, now), Glance::AskDatabase);
        let late = now.plus_seconds(300);
        assert_eq!(index.poll(&hash, &tenant, &client, &RULES, late), Glance::AskDatabase);
        assert!(index.is_empty());
    }
}
