//! What can go wrong below a flow.

use std::fmt;

/// Why a read or write gave no answer. A guard that did not hold is not here: that is
/// [`crate::Written::Overtaken`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// The engine is away, full, locked or overloaded: 503, and trying again may help.
    Unavailable(String),
    /// A row that no code of ours writes.
    Inconsistent {
        /// The table.
        table: &'static str,
        /// Which row, as a person could look it up; never a secret.
        id: String,
    },
    /// A statement the engine refuses, or a database this binary must not touch.
    Engine(String),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unavailable(why) => write!(f, "the database is not available: {why}"),
            Self::Inconsistent { table, id } => {
                write!(f, "a row of `{table}` makes no sense: {id}")
            }
            Self::Engine(why) => write!(f, "the database refuses: {why}"),
        }
    }
}

impl std::error::Error for Error {}
