//! The only place that reads the time. A request reads it once and passes it on as `now`.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use domain::Timestamp;

/// Where `now` comes from.
#[derive(Debug)]
pub enum Clock {
    /// The machine's clock, moved forward by so many milliseconds (`aizuchi dev` can advance it).
    System {
        /// Milliseconds added to the machine's time.
        ahead_ms: AtomicI64,
    },
    /// A clock that stands still until a test moves it: Unix milliseconds.
    Hand(AtomicI64),
}

impl Clock {
    /// The machine's clock.
    pub const fn system() -> Self {
        Self::System { ahead_ms: AtomicI64::new(0) }
    }

    /// A clock that stands at `now` until it is moved.
    pub const fn hand(now: Timestamp) -> Self {
        Self::Hand(AtomicI64::new(now.ms()))
    }

    /// The present moment.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the time")]
    pub fn now(&self) -> Timestamp {
        match self {
            Self::System { ahead_ms } => {
                let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                let ms = i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX);
                Timestamp::from_ms(ms).plus_ms(ahead_ms.load(Ordering::Relaxed))
            }
            Self::Hand(ms) => Timestamp::from_ms(ms.load(Ordering::Relaxed)),
        }
    }

    /// Moves the clock forward.
    pub fn advance_ms(&self, ms: i64) {
        let (Self::System { ahead_ms: cell } | Self::Hand(cell)) = self;
        cell.fetch_add(ms, Ordering::Relaxed);
    }

    /// Sets a hand-moved clock; a system clock is left alone.
    pub fn set(&self, now: Timestamp) {
        if let Self::Hand(ms) = self {
            ms.store(now.ms(), Ordering::Relaxed);
        }
    }
}

/// How long something takes, whatever the clock of a test says: for metrics only.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the time")]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// Seconds since the start.
    pub fn seconds(self) -> f64 {
        self.0.elapsed().as_secs_f64()
    }
}
