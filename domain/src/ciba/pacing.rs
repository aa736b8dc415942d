//! How fast a client may poll, and what becomes of the interval when it polls faster (B4.1).

use crate::Timestamp;

/// How much the interval grows with every poll that came too early (C63).
pub const STEP_S: i64 = 5;

/// A poll may come this much early and still be in time (W127).
pub const TOLERANCE_MS: i64 = 500;

/// What differs between profiles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PacingRules {
    /// The interval never grows beyond this.
    pub longest_interval_s: Option<i64>,
    /// A poll this soon after a counted `slow_down` is an automatic retry: answered alike, not
    /// counted (W130).
    pub echo_window_ms: i64,
}

/// What the server keeps per `auth_req_id`: the interval, and the moments it counts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pacing {
    interval_s: i64,
    last_poll_at: Option<Timestamp>,
    slowed_at: Option<Timestamp>,
}

/// What a poll of an undecided request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Pace {
    /// In time; to be kept in memory, need not be stored.
    InTime(Pacing),
    /// Too early, and the interval may have grown: a grown interval must be stored.
    TooFast(Pacing),
}

impl Pacing {
    /// The pacing of a request that nobody polled yet.
    pub const fn fresh(interval_s: i64) -> Self {
        Self { interval_s, last_poll_at: None, slowed_at: None }
    }

    /// The pacing that was stored.
    pub const fn resumed(
        interval_s: i64,
        last_poll_at: Option<Timestamp>,
        slowed_at: Option<Timestamp>,
    ) -> Self {
        Self { interval_s, last_poll_at, slowed_at }
    }

    /// Seconds between two polls, as things stand.
    pub const fn interval_s(&self) -> i64 {
        self.interval_s
    }

    /// When the last counted poll came.
    pub const fn last_poll_at(&self) -> Option<Timestamp> {
        self.last_poll_at
    }

    /// When the last counted `slow_down` was answered.
    pub const fn slowed_at(&self) -> Option<Timestamp> {
        self.slowed_at
    }

    /// Takes a poll of an undecided request that arrives at `now`.
    ///
    /// A clock that was set back by more than the interval does not lock the client out.
    pub fn poll(self, rules: &PacingRules, now: Timestamp) -> Pace {
        let Some(last) = self.last_poll_at else {
            return Pace::InTime(Self { last_poll_at: Some(now), ..self });
        };
        let due_ms = self.interval_s.saturating_mul(1000) - TOLERANCE_MS;
        if now.ms_since(last).saturating_abs() >= due_ms {
            return Pace::InTime(Self { last_poll_at: Some(now), ..self });
        }
        let is_echo =
            self.slowed_at.is_some_and(|slowed| now.ms_since(slowed) <= rules.echo_window_ms);
        if is_echo && rules.echo_window_ms > 0 {
            return Pace::TooFast(self);
        }
        Pace::TooFast(self.slowed(rules, now))
    }

    /// After a poll at `now` that came while another one waits: too fast, whatever the interval
    /// (C64).
    #[must_use]
    pub fn slowed(self, rules: &PacingRules, now: Timestamp) -> Self {
        let grown = self.interval_s.saturating_add(STEP_S);
        let interval_s = match rules.longest_interval_s {
            Some(longest) => grown.min(longest.max(self.interval_s)),
            None => grown,
        };
        Self { interval_s, last_poll_at: Some(now), slowed_at: Some(now) }
    }

    /// The next poll may come at once; the interval stays as it is.
    #[must_use]
    pub const fn forgiven(self) -> Self {
        Self { last_poll_at: None, ..self }
    }
}
