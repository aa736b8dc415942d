//! A search that ends when nobody waits for it any more: there are few readers, and a caller who
//! was told that it took too long would leave one busy for nobody.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::InterruptHandle;

use crate::Error;

/// What a search and the one who waits for it share.
#[derive(Debug, Default)]
pub(super) struct Errand {
    state: Mutex<State>,
}

#[derive(Default)]
enum State {
    #[default]
    Queued,
    Running(InterruptHandle),
    Over,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Queued => "Queued",
            Self::Running(_) => "Running",
            Self::Over => "Over",
        })
    }
}

/// Held by the one who waits; dropped, it ends the search.
#[derive(Debug)]
pub(super) struct Waiting(pub(super) Arc<Errand>);

impl Drop for Waiting {
    fn drop(&mut self) {
        let mut state = self.0.state();
        // Under the lock: the connection is still this search's own.
        if let State::Running(search) = &*state {
            search.interrupt();
        }
        *state = State::Over;
    }
}

impl Errand {
    /// Runs the search unless nobody waits any more.
    pub(super) fn run<T>(
        &self,
        search: InterruptHandle,
        work: impl FnOnce() -> Result<T, Error>,
    ) -> Result<T, Error> {
        {
            let mut state = self.state();
            match *state {
                State::Queued => *state = State::Running(search),
                State::Running(_) | State::Over => {
                    return Err(Error::Engine(String::from("nobody waits for the search")));
                }
            }
        }
        let answer = work();
        *self.state() = State::Over;
        answer
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
