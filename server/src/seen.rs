//! Client assertions that this process has seen: enough for a poll that only reads "pending",
//! from which a replay gains nothing. Whatever changes something is refused durably, by a row
//! (architecture 4).

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use domain::{Fingerprint, Timestamp};

/// Names held; when full, expired ones are dropped, and if none is, all are.
const NAMES: usize = 200_000;

/// The names, each until its assertion expires by itself.
#[derive(Debug, Default)]
pub struct SeenAssertions {
    names: Mutex<HashMap<Fingerprint, Timestamp>>,
}

impl SeenAssertions {
    /// Notes a name; `false` if it was here before.
    pub fn first_use(&self, name: Fingerprint, expires_at: Timestamp, now: Timestamp) -> bool {
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        if names.len() >= NAMES {
            names.retain(|_, expires_at| *expires_at > now);
        }
        if names.len() >= NAMES {
            names.clear();
        }
        names.insert(name, expires_at).is_none_or(|known_until| known_until <= now)
    }

    /// Drops what has expired; called by the sweeper.
    pub fn sweep(&self, now: Timestamp) {
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        names.retain(|_, expires_at| *expires_at > now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_new_once_until_it_expires() {
        let seen = SeenAssertions::default();
        let (now, name) = (Timestamp::from_ms(1000), Fingerprint::of(b"jti"));
        let until = now.plus_seconds(60);
        assert!(seen.first_use(name, until, now));
        assert!(!seen.first_use(name, until, now.plus_seconds(59)));
        assert!(seen.first_use(name, until.plus_seconds(60), until));
        seen.sweep(until.plus_seconds(60));
        assert!(seen.first_use(name, until, now));
    }
}
