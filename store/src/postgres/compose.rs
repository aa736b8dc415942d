//! A write becomes one statement: a CTE for each step, and one number that says what happened.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use crate::Write;
use crate::write::{GUARD, Step};

/// Sequences of steps whose statement is kept; there are fewer in this crate, unless a caller
/// makes one for each length of a list.
const TEXT_LIMIT: usize = 1_024;

/// Which constants, where they stand in memory, and how many rows each must touch.
type Shape = Vec<(usize, usize, Option<u64>)>;

/// The composed texts, each made once.
#[derive(Debug, Default)]
pub(super) struct Texts {
    known: Mutex<HashMap<Shape, Arc<str>>>,
}

impl Texts {
    pub(super) fn of(&self, write: &Write) -> Arc<str> {
        let place = |step: &Step| (step.sql.as_ptr().addr(), step.sql.len(), step.rows);
        let shape: Shape = write.steps().iter().map(place).collect();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= TEXT_LIMIT {
            known.clear();
        }
        Arc::clone(known.entry(shape).or_insert_with(|| composed(write.steps()).into()))
    }
}

/// `WITH s0 AS (… RETURNING 1), s1 AS (…) SELECT …`. A first step that touches nothing gives 0
/// and holds the guarded ones back; any other wrong number of rows divides by zero, which undoes
/// the statement.
fn composed(steps: &[Step]) -> String {
    let mut text = String::new();
    let mut offset = 0;
    let mut guards: Vec<String> = Vec::new();
    for (number, step) in steps.iter().enumerate() {
        let separator = if number == 0 { "WITH" } else { "," };
        let guard = if guards.is_empty() { String::from("TRUE") } else { guards.join(" AND ") };
        let sql = step.sql.replace(GUARD, &format!("({guard})"));
        push(&mut text, format_args!("{separator} s{number} AS ("));
        push_renumbered(&mut text, sql.trim(), offset);
        text.push_str("\nRETURNING 1)");
        offset += step.params.len();
        if let Some(rows) = step.rows {
            guards.push(format!("(SELECT count(*) FROM s{number}) = {rows}"));
        }
    }
    text.push_str(&verdict(steps));
    text
}

fn verdict(steps: &[Step]) -> String {
    let deciding = |(number, step): (usize, &Step)| Some((number, step.rows?));
    let deciding: Vec<_> = steps.iter().enumerate().filter_map(deciding).collect();
    let Some((first, rows)) = deciding.first() else { return String::from(" SELECT 1") };
    let counts: Vec<_> = deciding
        .iter()
        .map(|(number, _rows)| format!("(SELECT count(*) FROM s{number}) AS c{number}"))
        .collect();
    let all: Vec<_> = deciding.iter().map(|(number, rows)| format!("c{number} = {rows}")).collect();
    let nothing = if *first == 0 && *rows != 0 { "WHEN c0 = 0 THEN 0 " } else { "" };
    format!(
        " SELECT CASE WHEN {} THEN 1 {nothing}ELSE 1 / (c{first} - c{first}) END FROM (SELECT {}) \
         AS touched",
        all.join(" AND "),
        counts.join(", ")
    )
}

/// `$1` of a step is the first of its own parameters, which stand behind those before it.
fn push_renumbered(text: &mut String, sql: &str, offset: usize) {
    let mut pieces = sql.split('$');
    text.push_str(pieces.next().unwrap_or_default());
    for piece in pieces {
        let end = piece.find(|c: char| !c.is_ascii_digit()).unwrap_or(piece.len());
        let (number, rest) = piece.split_at(end);
        match number.parse::<usize>() {
            Ok(number) => push(text, format_args!("${}{rest}", number.saturating_add(offset))),
            Err(_) => push(text, format_args!("${piece}")),
        }
    }
}

fn push(text: &mut String, piece: std::fmt::Arguments<'_>) {
    if text.write_fmt(piece).is_err() {
        text.push_str(" -- a String refused what was written to it");
    }
}

#[cfg(test)]
mod tests {
    use super::composed;
    use crate::Write;

    #[test]
    fn steps_become_one_statement_with_parameters_in_a_row() {
        let write = Write::new()
            .exactly(1, "UPDATE a SET b = $2 WHERE c = $1", [1.into(), 2.into()])
            .also("DELETE FROM d WHERE e = $1 AND {guard}", [3.into()]);
        assert_eq!(
            composed(write.steps()),
            "WITH s0 AS (UPDATE a SET b = $2 WHERE c = $1\nRETURNING 1), \
             s1 AS (DELETE FROM d WHERE e = $3 AND ((SELECT count(*) FROM s0) = 1)\nRETURNING 1) \
             SELECT CASE WHEN c0 = 1 THEN 1 WHEN c0 = 0 THEN 0 ELSE 1 / (c0 - c0) END \
             FROM (SELECT (SELECT count(*) FROM s0) AS c0) AS touched"
        );
    }

    #[test]
    fn a_deciding_step_that_is_not_first_undoes_by_an_error() {
        let write = Write::new().also("DELETE FROM a", []).exactly(2, "DELETE FROM b", []);
        assert!(composed(write.steps()).ends_with(
            "SELECT CASE WHEN c1 = 2 THEN 1 ELSE 1 / (c1 - c1) END \
             FROM (SELECT (SELECT count(*) FROM s1) AS c1) AS touched"
        ));
    }

    #[test]
    fn steps_that_decide_nothing_just_happen() {
        let write = Write::new().also("DELETE FROM a", []);
        assert_eq!(composed(write.steps()), "WITH s0 AS (DELETE FROM a\nRETURNING 1) SELECT 1");
    }
}
