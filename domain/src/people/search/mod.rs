//! The question `q` of a search for users or log entries: the part of Lucene's syntax that Auth0
//! documents (B13.1, B14), from text to a typed tree. `store` turns the tree into SQL with bound
//! values.
//!
//! What is not understood is refused, with the character where understanding ended: a search that
//! silently meant something else would be worse.

mod field;
mod lexer;
mod log_field;
mod moment;
mod parser;

use std::fmt;

pub use field::{Field, Identified, Root};
pub use log_field::LogField;
pub use moment::Span;

/// Understands a question about users.
pub fn parse(text: &str) -> Result<Query, InvalidQuery> {
    parser::parse(text)
}

/// Understands a question about log entries.
pub fn parse_logs(text: &str) -> Result<Query<LogField>, InvalidQuery> {
    parser::parse(text)
}

/// The fields of one kind of thing, and what may be asked of them.
pub(crate) trait Vocabulary: Clone + 'static {
    /// The field that a question calls `name`.
    fn named(name: &str) -> Result<Self, String>;
    /// Whether case is ignored (W232).
    fn is_folded(&self) -> bool;
    /// Whether it is a moment.
    fn is_moment(&self) -> bool;
    /// Whether neither wildcards nor ranges are allowed (W238).
    fn is_exact_only(&self) -> bool;
    /// Where a term without a field is looked for; nowhere if terms need one (W239).
    fn bare() -> &'static [Self];
}

/// Longest question, in characters.
pub const QUERY_LIMIT: usize = 4096;
/// Most conditions in one question.
pub const CONDITION_LIMIT: usize = 100;
/// Deepest nesting of brackets and NOTs.
pub const DEPTH_LIMIT: usize = 20;
/// Most wildcards in one value.
pub const WILDCARD_LIMIT: usize = 4;
/// Fewest literal characters of a value that begins with a wildcard (W237).
pub const LITERAL_MINIMUM: usize = 3;

/// What is wrong with a question, and where: `invalid_query_string`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidQuery {
    /// The character at which understanding ended, counted from 1.
    pub at: usize,
    /// What was expected or is not allowed there.
    pub what: String,
}

impl InvalidQuery {
    pub(crate) fn new(at: usize, what: impl Into<String>) -> Self {
        Self { at, what: what.into() }
    }
}

impl fmt::Display for InvalidQuery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "The query is not understood at character {}: {}", self.at, self.what)
    }
}

impl std::error::Error for InvalidQuery {}

/// A question, understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Query<F = Field> {
    /// One field, one test.
    Is(F, Test),
    /// Both.
    And(Box<Self>, Box<Self>),
    /// Either, or both.
    Or(Box<Self>, Box<Self>),
    /// Not.
    Not(Box<Self>),
}

/// What a field is tested for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Test {
    /// It has a value.
    Exists,
    /// It is exactly this; folded already where case does not matter.
    Equals(String),
    /// It looks like this.
    Like(Vec<Piece>),
    /// It lies between these ends, compared as text, or as numbers if both ends are numbers.
    Between(Option<End>, Option<End>),
    /// It is a moment in this span: from its start, to before its end.
    During(Span),
}

/// A piece of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// These very characters.
    Literal(String),
    /// Any characters, or none.
    Anything,
}

/// One end of a range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    /// The value as written.
    pub value: String,
    /// Whether the value itself belongs to the range.
    pub is_included: bool,
}

impl End {
    /// The value as a number, if it is one.
    pub fn number(&self) -> Option<f64> {
        self.value.parse().ok().filter(|number: &f64| number.is_finite())
    }
}

#[cfg(test)]
mod tests;
