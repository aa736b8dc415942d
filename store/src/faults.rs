//! A process that dies at a chosen write, and guards taken away, for the simulation.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::{Error, Write};

/// A guard in a statement that the simulation may take away, to see that it would notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guard {
    /// Only what is approved, and not yet spent, is redeemed.
    SpendOnce,
    /// Only what is undecided is decided.
    DecideOnce,
    /// Only what is undecided is taken back.
    WithdrawUndecided,
    /// So many starts a minute for one user.
    UserLimit,
    /// A refresh token is rotated once.
    RotateOnce,
    /// An assertion is used once.
    AssertionOnce,
    /// An idempotency key begins one request.
    KeyOnce,
    /// A push stands on its row until it is sent.
    PushOnRow,
    /// An ended request is remembered for a while.
    RememberEnded,
}

impl Guard {
    /// Every guard that can be taken away.
    pub const ALL: [Self; 9] = [
        Self::SpendOnce,
        Self::DecideOnce,
        Self::WithdrawUndecided,
        Self::UserLimit,
        Self::RotateOnce,
        Self::AssertionOnce,
        Self::KeyOnce,
        Self::PushOnRow,
        Self::RememberEnded,
    ];

    /// What its statement says, and what stands there when it is gone.
    const fn text(self) -> (&'static str, &'static str) {
        match self {
            Self::SpendOnce => (
                "AND state = 'approved' AND expires_at > $3",
                "AND state IN ('approved', 'redeemed') AND expires_at > $3",
            ),
            Self::DecideOnce => (
                "AND state = 'pending' AND expires_at > $4",
                "AND state IN ('pending', 'approved', 'denied') AND expires_at > $4",
            ),
            Self::WithdrawUndecided => (
                "AND state = 'pending' AND expires_at > $3",
                "AND state IN ('pending', 'approved', 'denied') AND expires_at > $3",
            ),
            Self::UserLimit => ("AS BIGINT) <= $7", "AS BIGINT) <= $7 + 600000000"),
            Self::RotateOnce => {
                ("AND hash = $2 AND rotated_at IS NULL", "AND hash = $2 AND created_at <= $3")
            }
            Self::AssertionOnce => (
                "INTO replays (tenant_id, hash, expires_at) SELECT $1, $2, $3 WHERE {guard}",
                "INTO replays (tenant_id, hash, expires_at) SELECT $1, $2, $3 WHERE {guard}
                ON CONFLICT (tenant_id, hash) DO UPDATE SET expires_at = excluded.expires_at",
            ),
            Self::KeyOnce => ("idempotency_keys.expires_at <= $7", "$7 > 0"),
            Self::PushOnRow => ("$11, $12, $13, $14, 0", "$11, $12, $13, $14 + 600000000, 0"),
            Self::RememberEnded => (
                "FROM transactions WHERE expires_at <= $1 ORDER",
                "FROM transactions WHERE expires_at <= $1 + 600000 ORDER",
            ),
        }
    }
}

/// A handle that stops a database at a write: whatever is asked of it afterwards fails, until the
/// fault ends or the database is opened again without it.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    state: Arc<State>,
    without: Option<Guard>,
}

#[derive(Debug, Default)]
struct State {
    writes: AtomicU64,
    stop_at: AtomicU64,
    after_commit: AtomicBool,
    stopped: AtomicBool,
    away: AtomicBool,
    endless_searches: AtomicBool,
    taken_log_ids: AtomicU64,
}

/// What happens to one write.
pub(crate) enum Fate {
    Lives,
    DiesBeforeCommit,
    DiesAfterCommit,
    IsOvertaken,
}

impl Faults {
    /// Faults that never strike until told to.
    pub fn new() -> Self {
        Self::default()
    }

    /// Faults of a database that lacks a guard.
    pub fn without(guard: Guard) -> Self {
        Self { without: Some(guard), ..Self::default() }
    }

    /// Whether the database is away, as a lost connection or a full disk makes it; it may come back.
    pub fn set_away(&self, away: bool) {
        self.state.away.store(away, Ordering::SeqCst);
    }

    /// Whether the engine is given searches that have no end, as over far too much data.
    pub fn set_endless_searches(&self, endless: bool) {
        self.state.endless_searches.store(endless, Ordering::SeqCst);
    }

    /// The `nth` write from the start of this handle (1 is the first) does not happen.
    pub fn stop_before_commit(&self, nth: u64) {
        self.state.after_commit.store(false, Ordering::SeqCst);
        self.state.stop_at.store(nth, Ordering::SeqCst);
    }

    /// The `nth` write happens, but nobody learns of it.
    pub fn stop_after_commit(&self, nth: u64) {
        self.state.after_commit.store(true, Ordering::SeqCst);
        self.state.stop_at.store(nth, Ordering::SeqCst);
    }

    /// The next `times` writes that tell the log find the id of their entry taken, as if another
    /// node had used it.
    pub fn take_log_ids(&self, times: u64) {
        self.state.taken_log_ids.store(times, Ordering::SeqCst);
    }

    /// The database is back.
    pub fn end(&self) {
        self.state.stop_at.store(0, Ordering::SeqCst);
        self.state.stopped.store(false, Ordering::SeqCst);
    }

    /// How many writes have been asked for.
    pub fn writes(&self) -> u64 {
        self.state.writes.load(Ordering::SeqCst)
    }

    /// Whether the chosen write has come.
    pub fn has_stopped(&self) -> bool {
        self.state.stopped.load(Ordering::SeqCst)
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        if self.has_stopped() || self.state.away.load(Ordering::SeqCst) {
            Err(Self::error())
        } else {
            Ok(())
        }
    }

    /// What the engine is given in place of a search, if it is to have no end.
    pub(crate) fn endless_search(&self) -> Option<String> {
        const ENDLESS: &str = "
            WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x FROM n) SELECT max(x) FROM n";
        self.state.endless_searches.load(Ordering::SeqCst).then(|| ENDLESS.to_owned())
    }

    pub(crate) fn next_write(&self, write: &Write) -> Fate {
        let nth = self.state.writes.fetch_add(1, Ordering::SeqCst) + 1;
        let tells = write.steps().iter().any(|step| step.sql.contains("INTO log_events"));
        let taken = &self.state.taken_log_ids;
        let one_less = |left: u64| left.checked_sub(1).filter(|_| tells);
        if taken.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less).is_ok() {
            return Fate::IsOvertaken;
        }
        if nth != self.state.stop_at.load(Ordering::SeqCst) {
            return Fate::Lives;
        }
        self.state.stopped.store(true, Ordering::SeqCst);
        if self.state.after_commit.load(Ordering::SeqCst) {
            Fate::DiesAfterCommit
        } else {
            Fate::DiesBeforeCommit
        }
    }

    /// The write without the guard that was taken away.
    pub(crate) fn weakened(&self, write: Write) -> Write {
        let Some(guard) = self.without else { return write };
        let (text, instead) = guard.text();
        write.with_texts(|sql| {
            if sql.contains(text) {
                // Leaked: only a simulation comes here, with a handful of statements.
                Box::leak(sql.replace(text, instead).into_boxed_str())
            } else {
                sql
            }
        })
    }

    pub(crate) fn error() -> Error {
        Error::Unavailable(String::from("stopped by fault"))
    }
}
