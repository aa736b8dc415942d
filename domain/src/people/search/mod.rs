//! The question `q` of a user search: the part of Lucene's syntax that Auth0 documents (B13.1),
//! from text to a typed tree. `store` turns the tree into SQL with bound values.
//!
//! What is not understood is refused, with the character where understanding ended: a search that
//! silently meant something else would be worse.

mod field;
mod lexer;
mod moment;
mod parser;

use std::fmt;

pub use field::{Field, Identified, Root};
pub use moment::Span;
pub use parser::parse;

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
pub enum Query {
    /// One field, one test.
    Is(Field, Test),
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
