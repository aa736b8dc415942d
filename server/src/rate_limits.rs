//! The limits that an operator can switch on: how often something may happen, counted in memory.
//!
//! Each node counts for itself, and a restart forgets. What must hold on all nodes together, the
//! limit per user, stands in the database (`store::user_limits`).

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use domain::oauth::refusal::Rate;
use domain::{TenantId, Timestamp};

use crate::config::{Allowance, Limits, Rhythm};

/// Those who are counted at a time; beyond them, who has all it may have is forgotten, then all.
const COUNTED: usize = 100_000;
/// A limit that is met again and again is told to the log once in this time.
const TELL_EVERY_MS: i64 = 60_000;

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Counted {
    /// Starts from one address.
    StartsOfAddress,
    /// Starts for one tenant.
    StartsOfTenant,
    /// Calls of the Authentication API for one tenant.
    Authentication,
    /// Calls of `/userinfo` about one user.
    Userinfo,
    /// Calls of the Management API for one tenant.
    Management,
    /// Calls of devices from one address.
    Devices,
    /// Registrations of clients from one address.
    RegistrationsOfAddress,
}

impl Counted {
    /// The key of `[limits]`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::StartsOfAddress => "starts_per_address",
            Self::StartsOfTenant => "starts_per_tenant",
            Self::Authentication => "authentication_per_tenant",
            Self::Userinfo => "userinfo_per_user",
            Self::Management => "management_per_tenant",
            Self::Devices => "devices_per_address",
            Self::RegistrationsOfAddress => "registrations_per_address",
        }
    }
}

/// The limits and who has used how much of them.
#[derive(Debug)]
pub struct RateLimits {
    limits: Limits,
    buckets: Mutex<HashMap<Key, Bucket>>,
}

type Key = (Counted, TenantId, String);

/// A limit that was met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reached {
    /// Its numbers.
    pub rate: Rate,
    /// Seconds until one is allowed again.
    pub retry_after_s: i64,
    /// Whether the log has not heard of it for a while.
    pub is_news: bool,
}

impl RateLimits {
    /// The limits of a configuration, nothing used.
    pub fn new(limits: &Limits) -> Self {
        Self { limits: limits.filled(), buckets: Mutex::default() }
    }

    /// Requests of one tenant that may be open at a time, if that is limited.
    pub const fn open_per_tenant(&self) -> Option<u32> {
        match self.limits.open_per_tenant {
            0 => None,
            most => Some(most),
        }
    }

    /// Whether there is such a limit.
    pub const fn limits(&self, what: Counted) -> bool {
        self.rhythm(what).is_some()
    }

    const fn rhythm(&self, what: Counted) -> Option<Rhythm> {
        let Allowance(rhythm) = match what {
            Counted::StartsOfAddress => self.limits.starts_per_address,
            Counted::StartsOfTenant => self.limits.starts_per_tenant,
            Counted::Authentication => self.limits.authentication_per_tenant,
            Counted::Userinfo => self.limits.userinfo_per_user,
            Counted::Management => self.limits.management_per_tenant,
            Counted::Devices => self.limits.devices_per_address,
            Counted::RegistrationsOfAddress => self.limits.registrations_per_address,
        };
        rhythm
    }

    /// Takes one of what `who` may have; what is left of it, or nothing where nothing is limited.
    pub fn take(
        &self,
        what: Counted,
        (tenant, who): (&TenantId, &str),
        now: Timestamp,
    ) -> Result<Option<Rate>, Reached> {
        let Some(rhythm) = self.rhythm(what) else { return Ok(None) };
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= COUNTED {
            buckets.retain(|(what, ..), bucket| {
                self.rhythm(*what).is_some_and(|rhythm| !bucket.is_full(rhythm, now))
            });
            if buckets.len() >= COUNTED {
                buckets.clear();
            }
        }
        let key = (what, tenant.clone(), who.to_owned());
        let bucket = buckets.entry(key).or_insert_with(|| Bucket::full(rhythm, now));
        bucket.take(rhythm, now).map(Some)
    }
}

/// What one of those who are counted has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Bucket {
    /// In parts of one: as many as the period has milliseconds.
    level: i64,
    since: Timestamp,
    told_at: Option<Timestamp>,
}

impl Bucket {
    fn full(rhythm: Rhythm, now: Timestamp) -> Self {
        Self { level: capacity(rhythm), since: now, told_at: None }
    }

    /// What has come back by now.
    fn refilled(self, rhythm: Rhythm, now: Timestamp) -> Self {
        let passed_ms = now.ms_since(self.since).max(0);
        if rhythm.is_gradual {
            let gained = passed_ms.saturating_mul(rhythm.refill.into());
            let level = self.level.saturating_add(gained).min(capacity(rhythm));
            return Self { level, since: self.since.max(now), ..self };
        }
        if passed_ms >= i64::from(rhythm.period_ms) {
            return Self { level: capacity(rhythm), since: now, ..self };
        }
        self
    }

    fn is_full(&self, rhythm: Rhythm, now: Timestamp) -> bool {
        self.refilled(rhythm, now).level == capacity(rhythm)
    }

    fn take(&mut self, rhythm: Rhythm, now: Timestamp) -> Result<Rate, Reached> {
        *self = self.refilled(rhythm, now);
        let one = i64::from(rhythm.period_ms);
        if self.level >= one {
            self.level -= one;
            return Ok(self.rate(rhythm, now));
        }
        let is_news = self.told_at.is_none_or(|at| now.ms_since(at) >= TELL_EVERY_MS);
        if is_news {
            self.told_at = Some(now);
        }
        let wait_ms = self.wait_ms(rhythm, one, now);
        let retry_after_s = in_seconds(wait_ms).max(1);
        Err(Reached { rate: self.rate(rhythm, now), retry_after_s, is_news })
    }

    fn rate(&self, rhythm: Rhythm, now: Timestamp) -> Rate {
        let left = self.level / i64::from(rhythm.period_ms);
        let wait_ms = self.wait_ms(rhythm, capacity(rhythm), now);
        Rate {
            limit: rhythm.burst,
            remaining: u32::try_from(left).unwrap_or(0),
            reset_at_s: now.seconds() + in_seconds(wait_ms),
        }
    }

    /// How long until there is as much as `wanted`.
    fn wait_ms(&self, rhythm: Rhythm, wanted: i64, now: Timestamp) -> i64 {
        if rhythm.is_gradual {
            let refill = i64::from(rhythm.refill);
            return ((wanted - self.level).max(0) + refill - 1) / refill.max(1);
        }
        i64::from(rhythm.period_ms) - now.ms_since(self.since)
    }
}

fn capacity(rhythm: Rhythm) -> i64 {
    i64::from(rhythm.burst) * i64::from(rhythm.period_ms)
}

const fn in_seconds(ms: i64) -> i64 {
    (ms + 999) / 1000
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_ms(1_000_000);

    fn limits(text: &str) -> RateLimits {
        let userinfo_per_user = text.parse().unwrap();
        RateLimits::new(&Limits { userinfo_per_user, ..Limits::default() })
    }

    fn take(limits: &RateLimits, who: &str, after_ms: i64) -> Result<u32, i64> {
        let tenant = TenantId::new("t");
        let taken = limits.take(Counted::Userinfo, (&tenant, who), NOW.plus_ms(after_ms));
        taken.map(|rate| rate.unwrap().remaining).map_err(|reached| reached.retry_after_s)
    }

    #[test]
    fn a_window_begins_with_the_first_and_gives_all_back_at_its_end() {
        let limits = limits("3/minute");
        for (after_ms, expected) in [
            (0, Ok(2)),
            (30_000, Ok(1)),
            (59_000, Ok(0)),
            (59_001, Err(1)),
            (59_999, Err(1)),
            (60_000, Ok(2)),
            (119_999, Ok(1)),
            (120_000, Ok(2)),
        ] {
            assert_eq!(take(&limits, "a", after_ms), expected, "{after_ms}");
        }
    }

    #[test]
    fn a_bucket_gives_one_after_the_other_back_and_no_more_than_it_holds() {
        let limits = limits("2 + 4/minute");
        for (after_ms, expected) in [
            (0, Ok(1)),
            (0, Ok(0)),
            (1, Err(15)),
            (14_999, Err(1)),
            (15_000, Ok(0)),
            (15_001, Err(15)),
            (29_999, Err(1)),
            (30_000, Ok(0)),
            (3_600_000, Ok(1)),
            (3_600_000, Ok(0)),
            (3_600_000, Err(15)),
            (3_599_000, Err(15)),
        ] {
            assert_eq!(take(&limits, "a", after_ms), expected, "{after_ms}");
        }
        assert_eq!(take(&limits, "b", 3_600_000), Ok(1), "another is another matter");
    }

    #[test]
    fn the_log_hears_of_it_once_a_minute_and_the_numbers_tell_when_all_is_back() {
        let (limits, tenant) = (limits("1 + 60/minute"), TenantId::new("t"));
        let again = |after_ms| {
            limits.take(Counted::Userinfo, (&tenant, "a"), NOW.plus_ms(after_ms)).unwrap_err()
        };
        assert_eq!(take(&limits, "a", 0), Ok(0));
        let first = again(1);
        assert!(first.is_news && !again(2).is_news);
        assert_eq!(first.rate, Rate { limit: 1, remaining: 0, reset_at_s: 1_001 });
        assert_eq!(take(&limits, "a", 60_000), Ok(0));
        assert!(again(60_001).is_news);
    }

    #[test]
    fn what_is_not_limited_is_not_counted_and_memory_is_bounded() {
        let limits = limits("1/hour");
        let tenant = TenantId::new("t");
        for number in 0..=COUNTED {
            assert_eq!(take(&limits, &number.to_string(), 0), Ok(0));
        }
        assert!(limits.buckets.lock().unwrap().len() <= COUNTED);
        let taken = limits.take(Counted::Management, (&tenant, ""), NOW);
        assert_eq!((taken, limits.limits(Counted::Management)), (Ok(None), false));
    }
}
