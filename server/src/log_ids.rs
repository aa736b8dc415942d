//! The ids of log events: they rise within a process, so that the log keeps the order of what
//! happened.

use std::sync::atomic::{AtomicI64, Ordering};

use domain::Timestamp;

use crate::outside::Entropy;

/// Bits of an id below its milliseconds; the rest lasts until the year 2109.
const COUNTER_BITS: u32 = 21;
const COUNTER: i64 = (1 << COUNTER_BITS) - 1;

/// No id that is given out at `moment` or later is smaller.
pub(crate) const fn first_of(moment: Timestamp) -> i64 {
    moment.ms() << COUNTER_BITS
}

/// Gives out ids: the moment in milliseconds, and below it a counter that begins anywhere and goes
/// on through all of them.
///
/// No id of a process is as small as one before it, even if the clock is set back. That no two
/// nodes give out the same one is only probable: a write that meets a taken id is overtaken, and
/// its flow tries again with the next.
#[derive(Debug)]
pub(crate) struct LogIds {
    last: AtomicI64,
}

impl LogIds {
    /// Begins anywhere.
    pub(crate) fn new(entropy: &Entropy) -> Self {
        let start = i64::from(u32::from_be_bytes(entropy.bytes()));
        Self { last: AtomicI64::new(start & COUNTER) }
    }

    /// The id of an event that happens now.
    pub(crate) fn next(&self, now: Timestamp) -> i64 {
        let next = |last: i64| (first_of(now) | ((last + 1) & COUNTER)).max(last + 1);
        let drawn =
            self.last.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| Some(next(last)));
        let (Ok(last) | Err(last)) = drawn;
        next(last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_rise_through_a_full_counter_and_a_clock_that_is_set_back() {
        let ids = LogIds { last: AtomicI64::new(COUNTER - 2) };
        let now = Timestamp::from_ms(1_795_410_000_000);
        let mut last = 0;
        for moment in [now, now, now, now, now.plus_ms(1), now.plus_ms(-5000), now.plus_ms(2)] {
            let id = ids.next(moment);
            assert!(id > last, "{last} {id}");
            last = id;
        }
        assert_eq!(last >> COUNTER_BITS, now.ms() + 2);
    }

    #[test]
    fn two_processes_begin_at_different_places() {
        let (a, b) = (LogIds::new(&Entropy::seeded(1)), LogIds::new(&Entropy::seeded(2)));
        let now = Timestamp::from_ms(1_795_410_000_000);
        assert_ne!(a.next(now), b.next(now));
        assert_eq!(a.next(now) >> COUNTER_BITS, now.ms());
    }
}
