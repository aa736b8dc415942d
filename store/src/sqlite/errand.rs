//! A search that ends when nobody waits for it any more: there are few readers, and a caller who
//! was told that it took too long would leave one busy for nobody.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rusqlite::Connection;

use super::connection::in_words;
use crate::Error;

/// Instructions of SQLite's machine between two looks at whether somebody still waits: well under a
/// millisecond. `sqlite3_interrupt` would not do: before the first step it has no effect.
const BETWEEN_LOOKS: i32 = 10_000;

/// What a search and the one who waits for it share.
#[derive(Clone, Debug, Default)]
pub(super) struct Errand {
    is_over: Arc<AtomicBool>,
}

/// Held by the one who waits; dropped, it ends the search.
#[derive(Debug)]
pub(super) struct Waiting(pub(super) Errand);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.is_over.store(true, Ordering::Relaxed);
    }
}

impl Errand {
    /// Runs the search unless nobody waits any more, and as long as somebody does.
    pub(super) fn run<T>(
        &self,
        connection: &mut Connection,
        work: impl FnOnce(&Connection) -> Result<T, Error>,
    ) -> Result<T, Error> {
        if self.is_over.load(Ordering::Relaxed) {
            return Err(Error::Engine(String::from("nobody waits for the search")));
        }
        let is_over = Arc::clone(&self.is_over);
        let look = move || is_over.load(Ordering::Relaxed);
        connection.progress_handler(BETWEEN_LOOKS, Some(look)).map_err(in_words)?;
        let answer = work(connection);
        connection.progress_handler(0, None::<fn() -> bool>).map_err(in_words)?;
        answer
    }
}
