//! A write is a value: a few statements that happen together or not at all.

use crate::{Error, Value};

/// Stands in a step for "if every deciding step before me did what it had to".
pub(crate) const GUARD: &str = "{guard}";

/// The most steps of one write.
pub(crate) const STEP_LIMIT: usize = 64;

/// What became of a write.
#[must_use = "a write that was overtaken did nothing"]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// It happened, and is durable.
    Done,
    /// A guard did not hold or a unique value was taken: nothing happened.
    Overtaken,
}

/// Steps that happen together or not at all.
///
/// PostgreSQL runs all of them as one statement on one snapshot. So no two steps may touch the
/// same row, and no step may read what another wrote; the number of rows a deciding step touched
/// is known to later ones as `{guard}`, which they must contain: `INSERT … SELECT … WHERE {guard}`
/// or `UPDATE … WHERE … AND {guard}`. Steps never say `RETURNING`.
#[derive(Clone, Debug, Default)]
pub struct Write {
    steps: Vec<Step>,
    recognised_by: Option<Query>,
    changes_configuration: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) sql: &'static str,
    pub(crate) params: Vec<Value>,
    /// How many rows it must touch, if it decides.
    pub(crate) rows: Option<u64>,
}

#[derive(Clone, Debug)]
pub(crate) struct Query {
    pub(crate) sql: &'static str,
    pub(crate) params: Vec<Value>,
}

impl Write {
    /// A write without steps.
    pub fn new() -> Self {
        Self::default()
    }

    /// A step that decides: if it does not touch `rows` rows, nothing of the write happens.
    #[must_use]
    pub fn exactly(
        self,
        rows: u64,
        sql: &'static str,
        params: impl IntoIterator<Item = Value>,
    ) -> Self {
        self.step(sql, params, Some(rows))
    }

    /// A step that happens with the ones before it and may touch any number of rows.
    #[must_use]
    pub fn also(self, sql: &'static str, params: impl IntoIterator<Item = Value>) -> Self {
        self.step(sql, params, None)
    }

    /// All steps of `other` behind ours, as one write.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.steps.extend(other.steps);
        self.recognised_by = self.recognised_by.or(other.recognised_by);
        self.changes_configuration |= other.changes_configuration;
        self
    }

    /// A query that gives a row if this very write has happened already, for the case that the
    /// connection was lost before the answer came.
    #[must_use]
    pub fn recognised_by(
        mut self,
        sql: &'static str,
        params: impl IntoIterator<Item = Value>,
    ) -> Self {
        self.recognised_by = Some(Query { sql, params: params.into_iter().collect() });
        self
    }

    /// Marks a change of clients, keys or tenants, which this process may have in memory.
    #[must_use]
    pub const fn changes_configuration(mut self) -> Self {
        self.changes_configuration = true;
        self
    }

    pub(crate) const fn touches_configuration(&self) -> bool {
        self.changes_configuration
    }

    pub(crate) const fn recognition(&self) -> Option<&Query> {
        self.recognised_by.as_ref()
    }

    pub(crate) fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The same steps with other texts.
    pub(crate) fn with_texts(mut self, text: impl Fn(&'static str) -> &'static str) -> Self {
        for step in &mut self.steps {
            step.sql = text(step.sql);
        }
        self
    }

    /// Refuses what one of the engines would run unguarded.
    pub(crate) fn check(&self) -> Result<(), Error> {
        if self.steps.len() > STEP_LIMIT {
            return Err(Error::Engine(format!("a write of more than {STEP_LIMIT} steps")));
        }
        let decided = self.steps.iter().skip_while(|step| step.rows.is_none()).skip(1);
        match decided.into_iter().find(|step| !step.sql.contains(GUARD)) {
            None => Ok(()),
            Some(step) => Err(Error::Engine(format!("a step without {GUARD}: {}", step.sql))),
        }
    }

    fn step(
        mut self,
        sql: &'static str,
        params: impl IntoIterator<Item = Value>,
        rows: Option<u64>,
    ) -> Self {
        self.steps.push(Step { sql, params: params.into_iter().collect(), rows });
        self
    }
}

#[cfg(test)]
mod tests {
    use super::Write;

    #[test]
    fn a_step_behind_a_deciding_one_must_be_guarded() {
        let decides = Write::new().exactly(1, "UPDATE a SET b = 1", []);
        assert!(decides.clone().also("DELETE FROM c WHERE {guard}", []).check().is_ok());
        assert!(decides.also("DELETE FROM c", []).check().is_err());
    }
}
