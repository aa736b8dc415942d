//! A process that dies at a chosen write, for the simulation.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::Error;

/// A handle that stops a database at a write: whatever is asked of it afterwards fails, until it
/// is opened again without it.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    state: Arc<State>,
}

#[derive(Debug, Default)]
struct State {
    writes: AtomicU64,
    stop_at: AtomicU64,
    after_commit: AtomicBool,
    stopped: AtomicBool,
}

/// What happens to one write.
pub(crate) enum Fate {
    Lives,
    DiesBeforeCommit,
    DiesAfterCommit,
}

impl Faults {
    /// Faults that never strike until told to.
    pub fn new() -> Self {
        Self::default()
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

    /// How many writes have been asked for.
    pub fn writes(&self) -> u64 {
        self.state.writes.load(Ordering::SeqCst)
    }

    /// Whether the chosen write has come.
    pub fn has_stopped(&self) -> bool {
        self.state.stopped.load(Ordering::SeqCst)
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        if self.has_stopped() { Err(Self::error()) } else { Ok(()) }
    }

    pub(crate) fn next_write(&self) -> Fate {
        let nth = self.state.writes.fetch_add(1, Ordering::SeqCst) + 1;
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

    pub(crate) fn error() -> Error {
        Error::Unavailable(String::from("stopped by fault"))
    }
}
