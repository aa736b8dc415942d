//! How often one address may fail to sign in. Links and passkeys cannot be guessed; this keeps who
//! tries all the same from costing us anything. Sessions that exist are not concerned.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use domain::Timestamp;

/// Failures of one address in a window.
const TRIES: u32 = 30;
/// The window.
const WINDOW_MS: i64 = 60_000;
/// Addresses that are counted; beyond them, those whose window is over are forgotten, then all.
const ADDRESSES: usize = 10_000;

/// The failures of the last minute, by address.
#[derive(Debug, Default)]
pub struct Throttle {
    counts: Mutex<HashMap<Option<IpAddr>, (Timestamp, u32)>>,
}

impl Throttle {
    /// Whether this address may try; the seconds to wait if there were too many tries.
    pub fn may_try(&self, address: Option<IpAddr>, now: Timestamp) -> Result<(), i64> {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        match counts.get(&address) {
            Some((begun, count)) if *count >= TRIES && is_within(*begun, now) => {
                Err((begun.plus_ms(WINDOW_MS).ms_since(now) + 999) / 1000)
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Counts a try that failed, or that costs us something whoever it is.
    pub fn count(&self, address: Option<IpAddr>, now: Timestamp) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.len() >= ADDRESSES && !counts.contains_key(&address) {
            counts.retain(|_, (begun, _)| is_within(*begun, now));
            if counts.len() >= ADDRESSES {
                counts.clear();
            }
        }
        let (begun, count) = counts.entry(address).or_insert((now, 0));
        if !is_within(*begun, now) {
            (*begun, *count) = (now, 0);
        }
        *count = count.saturating_add(1);
    }
}

fn is_within(begun: Timestamp, now: Timestamp) -> bool {
    (0..WINDOW_MS).contains(&now.ms_since(begun))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_many_tries_wait_for_the_end_of_the_minute_and_others_do_not() {
        let (throttle, now) = (Throttle::default(), Timestamp::from_ms(1_000_000));
        let (one, other) = ("192.0.2.1".parse().ok(), "192.0.2.2".parse().ok());
        for _ in 0..TRIES {
            assert_eq!(throttle.may_try(one, now), Ok(()));
            throttle.count(one, now);
        }
        assert_eq!(throttle.may_try(one, now.plus_ms(500)), Err(60));
        assert_eq!(throttle.may_try(other, now), Ok(()));
        assert_eq!(throttle.may_try(one, now.plus_ms(WINDOW_MS)), Ok(()));
        throttle.count(one, now.plus_ms(WINDOW_MS));
        assert_eq!(throttle.may_try(one, now.plus_ms(WINDOW_MS)), Ok(()));
    }
}
