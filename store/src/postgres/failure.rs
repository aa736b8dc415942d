//! PostgreSQL's errors in our words: did it happen, may it be run again?

use tokio_postgres::error::{DbError, SqlState};

use crate::Error;

/// What is known about a statement that gave no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// A unique value was taken, or a deciding step undid the rest.
    Overtaken,
    /// It did not happen, and running it again may help.
    NotDone,
    /// The connection was lost on the way: it may have happened.
    Unknown,
    /// It did not happen, and running it again at once would not help.
    Refused,
}

#[derive(Debug)]
pub(super) struct Failure {
    pub(super) outcome: Outcome,
    pub(super) error: Error,
    /// Whether the connection must not be used again.
    pub(super) spoils_link: bool,
}

impl Failure {
    /// The statement was never sent.
    pub(super) const fn before_sending(error: Error) -> Self {
        Self { outcome: Outcome::NotDone, error, spoils_link: false }
    }

    /// No answer in time.
    pub(super) fn silence() -> Self {
        let error = Error::Unavailable(String::from("PostgreSQL does not answer"));
        Self { outcome: Outcome::Unknown, error, spoils_link: true }
    }

    pub(super) const fn refused(error: Error) -> Self {
        Self { outcome: Outcome::Refused, error, spoils_link: false }
    }

    pub(super) fn of(error: &tokio_postgres::Error) -> Self {
        let Some(said) = error.as_db_error() else { return Self::of_connection(error) };
        let text = format!("{} ({})", said.message(), said.code().code());
        let (outcome, spoils_link) = judged(said);
        let error = match outcome {
            Outcome::Overtaken => Error::Engine(text),
            Outcome::Refused if !is_about_the_server(said.code()) => Error::Engine(text),
            Outcome::Refused | Outcome::NotDone | Outcome::Unknown => Error::Unavailable(text),
        };
        Self { outcome, error, spoils_link }
    }

    /// The same for a statement that changes nothing by being prepared.
    pub(super) fn of_preparing(error: &tokio_postgres::Error) -> Self {
        let failure = Self::of(error);
        match failure.outcome {
            Outcome::Unknown => Self { outcome: Outcome::NotDone, ..failure },
            Outcome::Overtaken | Outcome::NotDone | Outcome::Refused => failure,
        }
    }

    fn of_connection(error: &tokio_postgres::Error) -> Self {
        let source = std::error::Error::source(error);
        let is_lost =
            error.is_closed() || source.is_some_and(<dyn std::error::Error>::is::<std::io::Error>);
        let text = source.map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"));
        if is_lost {
            let error = Error::Unavailable(text);
            return Self { outcome: Outcome::Unknown, error, spoils_link: true };
        }
        Self::refused(Error::Engine(text))
    }
}

/// What an error says about the statement, and whether the connection is spoilt.
fn judged(said: &DbError) -> (Outcome, bool) {
    match said.code().code() {
        // A unique value; the division by zero of a composed write.
        "23505" | "22012" => (Outcome::Overtaken, false),
        // Serialization failure, deadlock.
        "40001" | "40P01" => (Outcome::NotDone, false),
        // The server goes or comes; a prepared statement is forgotten or out of date.
        "57P01" | "57P02" | "57P03" | "26000" => (Outcome::NotDone, true),
        "0A000" if said.message().starts_with("cached plan") => (Outcome::NotDone, true),
        // Statement completion unknown.
        "40003" => (Outcome::Unknown, true),
        other if other.starts_with("08") => (Outcome::Unknown, true),
        // Read only: a server that has become a standby.
        "25006" => (Outcome::Refused, true),
        _ => (Outcome::Refused, false),
    }
}

/// Out of space, memory or connections, cancelled by the time limit, an I/O error, a standby.
fn is_about_the_server(code: &SqlState) -> bool {
    let code = code.code();
    ["53", "58"].iter().any(|class| code.starts_with(class))
        || ["57014", "25006", "55P03", "54000"].contains(&code)
}
