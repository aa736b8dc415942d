//! Our statement texts in SQLite's words, made once each.

use std::collections::HashMap;
use std::sync::Arc;

use crate::write::GUARD;

/// `$1` is a name to SQLite, numbered by first appearance; `?1` is the first parameter. Guards are
/// not needed: a step that does not do what it must rolls its savepoint back. For the same reason
/// an insertion that fails need not undo itself (`OR FAIL`); to be able to, SQLite would copy every
/// page it touches before it touches it.
pub(crate) fn rewritten(sql: &str) -> String {
    let guarded = sql.replace(GUARD, "TRUE").replace("INSERT INTO", "INSERT OR FAIL INTO");
    let mut text = String::with_capacity(guarded.len());
    let mut characters = guarded.chars().peekable();
    while let Some(character) = characters.next() {
        let is_placeholder =
            character == '$' && characters.peek().is_some_and(char::is_ascii_digit);
        text.push(if is_placeholder { '?' } else { character });
    }
    text
}

/// The rewritten texts of one connection, found by the address of the constant they came from.
#[derive(Debug, Default)]
pub(super) struct Texts {
    known: HashMap<(usize, usize), Arc<str>>,
}

impl Texts {
    pub(super) fn of(&mut self, sql: &'static str) -> Arc<str> {
        let place = (sql.as_ptr().addr(), sql.len());
        Arc::clone(self.known.entry(place).or_insert_with(|| rewritten(sql).into()))
    }
}

#[cfg(test)]
mod tests {
    use super::rewritten;

    #[test]
    fn placeholders_are_numbered_and_guards_hold() {
        assert_eq!(
            rewritten("UPDATE a SET b = $12 WHERE c = $1 AND {guard}"),
            "UPDATE a SET b = ?12 WHERE c = ?1 AND TRUE"
        );
    }

    #[test]
    fn an_insertion_that_fails_is_undone_by_us() {
        assert_eq!(
            rewritten("INSERT INTO a (b) SELECT $1 WHERE {guard}"),
            "INSERT OR FAIL INTO a (b) SELECT ?1 WHERE TRUE"
        );
    }
}
