//! How often one address may try to sign in. Links and passkeys cannot be guessed; this keeps who
//! tries all the same from costing us anything. Sessions that exist are not concerned.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use domain::Timestamp;

/// Tries of one address in a window.
const TRIES: u32 = 30;
/// The window.
const WINDOW_MS: i64 = 60_000;
/// Addresses that are counted; beyond them, those whose window is over are forgotten, then all.
const ADDRESSES: usize = 10_000;

/// The tries of the last minute, by address.
#[derive(Debug, Default)]
pub struct Throttle {
    counts: Mutex<HashMap<Option<IpAddr>, (Timestamp, u32)>>,
}

impl Throttle {
    /// Counts a try; the seconds to wait if there were too many.
    pub fn try_once(&self, address: Option<IpAddr>, now: Timestamp) -> Result<(), i64> {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.len() >= ADDRESSES && !counts.contains_key(&address) {
            counts.retain(|_, (begun, _)| now.ms_since(*begun) < WINDOW_MS);
            if counts.len() >= ADDRESSES {
                counts.clear();
            }
        }
        let (begun, count) = counts.entry(address).or_insert((now, 0));
        let age = now.ms_since(*begun);
        if !(0..WINDOW_MS).contains(&age) {
            (*begun, *count) = (now, 0);
        }
        if *count >= TRIES {
            return Err((begun.plus_ms(WINDOW_MS).ms_since(now) + 999) / 1000);
        }
        *count += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_many_tries_wait_for_the_end_of_the_minute_and_others_do_not() {
        let (throttle, now) = (Throttle::default(), Timestamp::from_ms(1_000_000));
        let (one, other) = ("192.0.2.1".parse().ok(), "192.0.2.2".parse().ok());
        for _ in 0..TRIES {
            assert_eq!(throttle.try_once(one, now), Ok(()));
        }
        assert_eq!(throttle.try_once(one, now.plus_ms(500)), Err(60));
        assert_eq!(throttle.try_once(other, now), Ok(()));
        assert_eq!(throttle.try_once(one, now.plus_ms(WINDOW_MS)), Ok(()));
    }
}
