//! From tokens to the tree: OR binds least, then AND, then NOT.

use std::vec::IntoIter;

use super::lexer::{Kind, Token, tokens};
use super::{
    CONDITION_LIMIT, DEPTH_LIMIT, End, InvalidQuery, LITERAL_MINIMUM, Piece, Query, Span, Test,
    Vocabulary,
};

/// Understands `text`, whose fields are those of `F`.
pub(super) fn parse<F: Vocabulary>(text: &str) -> Result<Query<F>, InvalidQuery> {
    let end = text.chars().count().saturating_add(1);
    let rest = tokens(text)?.into_iter().peekable();
    let mut parser = Parser { rest, end, conditions: 0, depth: 0 };
    let query = parser.expression::<F>(0, None)?;
    match parser.rest.next() {
        None => Ok(query),
        Some(Token { at, kind: Kind::Close }) => {
            Err(InvalidQuery::new(at, "this bracket was never opened"))
        }
        Some(Token { at, .. }) => Err(InvalidQuery::new(at, "AND or OR is expected here")),
    }
}

const OR_BINDS: u8 = 1;
const AND_BINDS: u8 = 2;
const NOT_BINDS: u8 = 3;

struct Parser {
    rest: std::iter::Peekable<IntoIter<Token>>,
    /// The place after the last character.
    end: usize,
    conditions: usize,
    depth: usize,
}

impl Parser {
    /// An expression whose operators bind at least as tightly as `least`. `field` is set inside the
    /// brackets of `field:( … )`.
    fn expression<F: Vocabulary>(
        &mut self,
        least: u8,
        field: Option<&F>,
    ) -> Result<Query<F>, InvalidQuery> {
        let at = self.at();
        self.depth = self.depth.saturating_add(1);
        if self.depth > DEPTH_LIMIT {
            let what = format!("brackets and NOT may nest {DEPTH_LIMIT} deep");
            return Err(InvalidQuery::new(at, what));
        }
        let mut left = self.operand(field)?;
        while let Some(token) = self.rest.peek() {
            let binds = match token.kind {
                Kind::Or => OR_BINDS,
                Kind::And => AND_BINDS,
                Kind::Open
                | Kind::Close
                | Kind::RangeOpen(_)
                | Kind::RangeClose(_)
                | Kind::Colon
                | Kind::Not
                | Kind::Word(_)
                | Kind::Phrase(_) => break,
            };
            if binds < least {
                break;
            }
            self.rest.next();
            let right = Box::new(self.expression(binds.saturating_add(1), field)?);
            left = if binds == OR_BINDS {
                Query::Or(Box::new(left), right)
            } else {
                Query::And(Box::new(left), right)
            };
        }
        self.depth = self.depth.saturating_sub(1);
        Ok(left)
    }

    fn operand<F: Vocabulary>(&mut self, field: Option<&F>) -> Result<Query<F>, InvalidQuery> {
        let Some(token) = self.rest.next() else { return Err(self.ended("a condition")) };
        let at = token.at;
        match (token.kind, field) {
            (Kind::Not, _) => Ok(Query::Not(Box::new(self.expression(NOT_BINDS, field)?))),
            (Kind::Open, _) => self.group(at, field),
            (Kind::Word(pieces), None) => self.condition(at, &pieces),
            (kind @ (Kind::Word(_) | Kind::Phrase(_) | Kind::RangeOpen(_)), Some(field)) => {
                if let Some(Token { at, kind: Kind::Colon }) = self.rest.peek() {
                    return Err(InvalidQuery::new(*at, "a field inside a field's brackets"));
                }
                self.value(field, Token { at, kind })
            }
            (kind @ Kind::Phrase(_), None) => self.bare(&Token { at, kind }),
            (Kind::RangeOpen(_), None) => Err(InvalidQuery::new(at, NEEDS_FIELD)),
            (Kind::Close | Kind::RangeClose(_) | Kind::Colon | Kind::And | Kind::Or, _) => {
                Err(InvalidQuery::new(at, "a condition is expected here, as in name:\"alice\""))
            }
        }
    }

    /// What follows an opening bracket, up to and with its closing one.
    fn group<F: Vocabulary>(
        &mut self,
        opened: usize,
        field: Option<&F>,
    ) -> Result<Query<F>, InvalidQuery> {
        let query = self.expression(0, field)?;
        match self.rest.next() {
            Some(Token { kind: Kind::Close, .. }) => Ok(query),
            Some(Token { at, .. }) => Err(InvalidQuery::new(at, "AND, OR or ) is expected here")),
            None => Err(InvalidQuery::new(opened, "this bracket is never closed")),
        }
    }

    /// `field:test`, with the field's name read already.
    fn condition<F: Vocabulary>(
        &mut self,
        at: usize,
        name: &[Piece],
    ) -> Result<Query<F>, InvalidQuery> {
        let Some(Token { kind: Kind::Colon, .. }) = self.rest.next_if(|t| t.kind == Kind::Colon)
        else {
            return self.bare(&Token { at, kind: Kind::Word(name.to_vec()) });
        };
        let [Piece::Literal(name)] = name else {
            return Err(InvalidQuery::new(at, "a field's name has no wildcard"));
        };
        if name == "_exists_" {
            return self.existence(at);
        }
        let field = F::named(name).map_err(|what| InvalidQuery::new(at, what))?;
        let Some(token) = self.rest.next() else { return Err(self.ended("a value")) };
        self.value(&field, token)
    }

    /// A term without a field: any of those that are meant by none.
    fn bare<F: Vocabulary>(&mut self, term: &Token) -> Result<Query<F>, InvalidQuery> {
        let mut any: Option<Query<F>> = None;
        for field in F::bare() {
            let one = self.value(field, term.clone())?;
            any = Some(match any {
                None => one,
                Some(others) => Query::Or(Box::new(others), Box::new(one)),
            });
        }
        any.ok_or_else(|| InvalidQuery::new(term.at, NEEDS_FIELD))
    }

    /// What a field is tested for, beginning with `token`.
    fn value<F: Vocabulary>(&mut self, field: &F, token: Token) -> Result<Query<F>, InvalidQuery> {
        let Token { at, kind } = token;
        match kind {
            Kind::Open => return self.group(at, Some(field)),
            Kind::Word(_) | Kind::Phrase(_) | Kind::RangeOpen(_) => self.counted(at)?,
            Kind::Close | Kind::RangeClose(_) | Kind::Colon | Kind::And | Kind::Or | Kind::Not => {}
        }
        match kind {
            Kind::Word(pieces) => word(field, pieces, at),
            Kind::Phrase(text) => phrase(field, text, at),
            Kind::RangeOpen(is_included) => self.range(field, is_included, at),
            Kind::Open
            | Kind::Close
            | Kind::RangeClose(_)
            | Kind::Colon
            | Kind::And
            | Kind::Or
            | Kind::Not => Err(InvalidQuery::new(at, "a value is expected here")),
        }
    }

    fn existence<F: Vocabulary>(&mut self, at: usize) -> Result<Query<F>, InvalidQuery> {
        self.counted(at)?;
        let Some(token) = self.rest.next() else { return Err(self.ended("a field's name")) };
        let name = match token.kind {
            Kind::Word(pieces) => literal(pieces),
            Kind::Phrase(text) => Some(text),
            Kind::Open
            | Kind::Close
            | Kind::RangeOpen(_)
            | Kind::RangeClose(_)
            | Kind::Colon
            | Kind::And
            | Kind::Or
            | Kind::Not => None,
        };
        let Some(name) = name else {
            return Err(InvalidQuery::new(token.at, "a field's name is expected here"));
        };
        let field = F::named(&name).map_err(|what| InvalidQuery::new(token.at, what))?;
        Ok(Query::Is(field, Test::Exists))
    }

    /// What follows the opening bracket of a range.
    fn range<F: Vocabulary>(
        &mut self,
        field: &F,
        is_included: bool,
        opened: usize,
    ) -> Result<Query<F>, InvalidQuery> {
        if field.is_exact_only() {
            return Err(InvalidQuery::new(opened, "user_metadata cannot be searched by range"));
        }
        let from = self.end_of_range()?;
        let to_at = self.at();
        let to = Kind::Word(vec![Piece::Literal(String::from("TO"))]);
        if self.rest.next_if(|token| token.kind == to).is_none() {
            return Err(InvalidQuery::new(to_at, "a range is written [from TO to]"));
        }
        let to = self.end_of_range()?;
        let closing = self.rest.next();
        let Some(Token { kind: Kind::RangeClose(closes_included), .. }) = closing else {
            let at = closing.map_or(opened, |token| token.at);
            return Err(InvalidQuery::new(at, "the ] or } of a range is missing"));
        };
        let end =
            |value: Option<String>, is_included| value.map(|value| End { value, is_included });
        let (from, to) = (end(from, is_included), end(to, closes_included));
        if !field.is_moment() {
            return Ok(Query::Is(field.clone(), Test::Between(from, to)));
        }
        let span = Span::between(from.as_ref(), to.as_ref())
            .map_err(|text| InvalidQuery::new(opened, no_date(&text)))?;
        Ok(Query::Is(field.clone(), Test::During(span)))
    }

    /// One end of a range; `None` is `*`.
    fn end_of_range(&mut self) -> Result<Option<String>, InvalidQuery> {
        let Some(token) = self.rest.next() else { return Err(self.ended("the end of a range")) };
        let wrong = InvalidQuery::new(token.at, "a value or * is expected here");
        match token.kind {
            Kind::Phrase(text) => Ok(Some(text)),
            Kind::Word(pieces) if pieces == [Piece::Anything] => Ok(None),
            Kind::Word(pieces) => literal(pieces).map(Some).ok_or(wrong),
            Kind::Open
            | Kind::Close
            | Kind::RangeOpen(_)
            | Kind::RangeClose(_)
            | Kind::Colon
            | Kind::And
            | Kind::Or
            | Kind::Not => Err(wrong),
        }
    }

    fn counted(&mut self, at: usize) -> Result<(), InvalidQuery> {
        self.conditions = self.conditions.saturating_add(1);
        if self.conditions > CONDITION_LIMIT {
            let what = format!("a query has at most {CONDITION_LIMIT} conditions");
            return Err(InvalidQuery::new(at, what));
        }
        Ok(())
    }

    fn at(&mut self) -> usize {
        self.rest.peek().map_or(self.end, |token| token.at)
    }

    fn ended(&self, expected: &str) -> InvalidQuery {
        InvalidQuery::new(self.end, format!("the query ends where {expected} is expected"))
    }
}

const NEEDS_FIELD: &str = "a term needs a field, as in name:\"alice\"";

fn no_date(text: &str) -> String {
    format!("{text} is no date; write 2026-01-31 or 2026-01-31T12:00:00Z")
}

fn literal(pieces: Vec<Piece>) -> Option<String> {
    let mut pieces = pieces.into_iter();
    match (pieces.next(), pieces.next()) {
        (Some(Piece::Literal(text)), None) => Some(text),
        (Some(Piece::Literal(_) | Piece::Anything) | None, _) => None,
    }
}

fn phrase<F: Vocabulary>(field: &F, text: String, at: usize) -> Result<Query<F>, InvalidQuery> {
    if field.is_moment() {
        let end = End { value: text, is_included: true };
        let span = Span::between(Some(&end), Some(&end))
            .map_err(|text| InvalidQuery::new(at, no_date(&text)))?;
        return Ok(Query::Is(field.clone(), Test::During(span)));
    }
    let text = if field.is_folded() { text.to_lowercase() } else { text };
    Ok(Query::Is(field.clone(), Test::Equals(text)))
}

fn word<F: Vocabulary>(field: &F, pieces: Vec<Piece>, at: usize) -> Result<Query<F>, InvalidQuery> {
    if pieces == [Piece::Anything] {
        return Ok(Query::Is(field.clone(), Test::Exists));
    }
    if !pieces.contains(&Piece::Anything) {
        return phrase(field, literal(pieces).unwrap_or_default(), at);
    }
    if field.is_exact_only() {
        return Err(InvalidQuery::new(at, "user_metadata cannot be searched by wildcard"));
    }
    if field.is_moment() {
        return Err(InvalidQuery::new(at, "a date cannot be searched by wildcard"));
    }
    let literals = pieces.iter().map(|piece| match piece {
        Piece::Literal(text) => text.chars().count(),
        Piece::Anything => 0,
    });
    if pieces.first() == Some(&Piece::Anything) && literals.sum::<usize>() < LITERAL_MINIMUM {
        let what = format!("a leading wildcard needs {LITERAL_MINIMUM} literal characters or more");
        return Err(InvalidQuery::new(at, what));
    }
    let fold = |piece| match piece {
        Piece::Literal(text) if field.is_folded() => Piece::Literal(text.to_lowercase()),
        Piece::Literal(_) | Piece::Anything => piece,
    };
    Ok(Query::Is(field.clone(), Test::Like(pieces.into_iter().map(fold).collect())))
}
