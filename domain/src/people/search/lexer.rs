//! From characters to tokens, each with its place.

use std::iter::{Enumerate, Peekable};
use std::str::Chars;

use super::{InvalidQuery, Piece, QUERY_LIMIT, WILDCARD_LIMIT};

/// A token and the character where it begins, counted from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) at: usize,
    pub(super) kind: Kind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Open,
    Close,
    /// `[` (included) or `{`.
    RangeOpen(bool),
    /// `]` (included) or `}`.
    RangeClose(bool),
    Colon,
    And,
    Or,
    Not,
    /// Characters without quotation marks: a field name or a value, with its wildcards.
    Word(Vec<Piece>),
    /// Characters between quotation marks: literal.
    Phrase(String),
}

/// The tokens of `text`.
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, InvalidQuery> {
    let length = text.chars().count();
    if length > QUERY_LIMIT {
        let what = format!("a query has at most {QUERY_LIMIT} characters, this one {length}");
        return Err(InvalidQuery::new(QUERY_LIMIT.saturating_add(1), what));
    }
    let mut lexer = Lexer { rest: text.chars().enumerate().peekable(), in_range: false };
    let mut tokens = Vec::new();
    while let Some(token) = lexer.next()? {
        tokens.push(token);
    }
    Ok(tokens)
}

struct Lexer<'a> {
    rest: Peekable<Enumerate<Chars<'a>>>,
    /// Between the brackets of a range, where a colon is part of a time of day.
    in_range: bool,
}

impl Lexer<'_> {
    fn next(&mut self) -> Result<Option<Token>, InvalidQuery> {
        while self.rest.next_if(|(_, c)| c.is_whitespace()).is_some() {}
        let Some((index, first)) = self.rest.peek().copied() else { return Ok(None) };
        let at = index.saturating_add(1);
        let kind = match first {
            '(' if !self.in_range => self.single(Kind::Open),
            ')' if !self.in_range => self.single(Kind::Close),
            ':' if !self.in_range => self.single(Kind::Colon),
            '[' | '{' if !self.in_range => {
                self.in_range = true;
                self.single(Kind::RangeOpen(first == '['))
            }
            ']' | '}' => {
                self.in_range = false;
                self.single(Kind::RangeClose(first == ']'))
            }
            '!' if !self.in_range => self.single(Kind::Not),
            '"' => Kind::Phrase(self.phrase(at)?),
            '&' | '|' if !self.in_range => self.doubled(first, at)?,
            _ => self.word()?,
        };
        Ok(Some(Token { at, kind }))
    }

    fn single(&mut self, kind: Kind) -> Kind {
        self.rest.next();
        kind
    }

    fn doubled(&mut self, sign: char, at: usize) -> Result<Kind, InvalidQuery> {
        self.rest.next();
        if self.rest.next_if(|(_, c)| *c == sign).is_none() {
            return Err(InvalidQuery::new(at, format!("a single {sign} has no meaning here")));
        }
        Ok(if sign == '&' { Kind::And } else { Kind::Or })
    }

    fn phrase(&mut self, at: usize) -> Result<String, InvalidQuery> {
        self.rest.next();
        let mut text = String::new();
        while let Some((_, c)) = self.rest.next() {
            match c {
                '"' => return Ok(text),
                '\\' => match self.rest.next() {
                    Some((_, escaped)) => text.push(escaped),
                    None => break,
                },
                _ => text.push(c),
            }
        }
        Err(InvalidQuery::new(at, "the closing quotation mark is missing"))
    }

    fn word(&mut self) -> Result<Kind, InvalidQuery> {
        let mut pieces = Vec::new();
        let mut literal = String::new();
        let mut is_plain = true;
        let mut wildcards = 0_usize;
        while let Some((index, c)) = self.rest.peek().copied() {
            let at = index.saturating_add(1);
            if c.is_whitespace() || self.ends_word(c) {
                break;
            }
            self.rest.next();
            match c {
                '*' => {
                    wildcards = wildcards.saturating_add(1);
                    if wildcards > WILDCARD_LIMIT {
                        let what = format!("a value has at most {WILDCARD_LIMIT} wildcards");
                        return Err(InvalidQuery::new(at, what));
                    }
                    if !literal.is_empty() {
                        pieces.push(Piece::Literal(std::mem::take(&mut literal)));
                    }
                    if pieces.last() != Some(&Piece::Anything) {
                        pieces.push(Piece::Anything);
                    }
                }
                '\\' => {
                    is_plain = false;
                    let Some((_, escaped)) = self.rest.next() else {
                        return Err(InvalidQuery::new(at, "nothing follows the backslash"));
                    };
                    literal.push(escaped);
                }
                '"' | '^' | '~' | '?' | '[' | '{' => {
                    let what = format!("{c} is not supported here; write \\{c} for the character");
                    return Err(InvalidQuery::new(at, what));
                }
                _ => literal.push(c),
            }
        }
        if !literal.is_empty() {
            pieces.push(Piece::Literal(literal));
        }
        let [Piece::Literal(word)] = pieces.as_slice() else { return Ok(Kind::Word(pieces)) };
        Ok(match word.as_str() {
            "AND" if is_plain && !self.in_range => Kind::And,
            "OR" if is_plain && !self.in_range => Kind::Or,
            "NOT" if is_plain && !self.in_range => Kind::Not,
            _ => Kind::Word(pieces),
        })
    }

    const fn ends_word(&self, c: char) -> bool {
        if self.in_range {
            matches!(c, ']' | '}')
        } else {
            matches!(c, '(' | ')' | ':' | ']' | '}')
        }
    }
}
