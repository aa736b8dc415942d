//! Scopes: a list of words, each once, in the order asked.

use std::fmt;

use crate::oauth::refusal::{Reason, Refusal};

/// A request may not name more scopes.
pub const MAX_SCOPES: usize = 100;

/// The scopes that mean something without any API.
pub const OPENID_SCOPES: [&str; 6] =
    ["openid", "profile", "email", "address", "phone", "offline_access"];

/// Scopes, each once, in the order asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope(Vec<String>);

impl Scope {
    /// Reads the parameter `scope`: words between spaces (RFC 6749, 3.3).
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        let mut scope = Self::default();
        for word in text.split(' ').filter(|word| !word.is_empty()) {
            if let Some(c) = word.chars().find(|c| !is_scope_char(*c)) {
                let text = format!("scope must not contain {c:?}");
                return Err(Refusal::because(Reason::MalformedScope, text));
            }
            scope.add(word);
            if scope.0.len() > MAX_SCOPES {
                let text = format!("scope must not name more than {MAX_SCOPES} scopes");
                return Err(Refusal::because(Reason::MalformedScope, text));
            }
        }
        Ok(scope)
    }

    /// A scope out of words that were checked before they were stored.
    pub fn of(words: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        let mut scope = Self::default();
        words.into_iter().for_each(|word| scope.add(word.as_ref()));
        scope
    }

    fn add(&mut self, word: &str) {
        if !self.has(word) {
            self.0.push(word.to_owned());
        }
    }

    /// Whether `word` is one of them.
    pub fn has(&self, word: &str) -> bool {
        self.0.iter().any(|known| known == word)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The words in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Those that `keep` holds for.
    #[must_use]
    pub fn filtered(self, keep: impl Fn(&str) -> bool) -> Self {
        Self(self.0.into_iter().filter(|word| keep(word)).collect())
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, word) in self.iter().enumerate() {
            let space = if position == 0 { "" } else { " " };
            write!(f, "{space}{word}")?;
        }
        Ok(())
    }
}

/// Whether `c` may stand in a scope (RFC 6749, appendix A.4).
pub const fn is_scope_char(c: char) -> bool {
    matches!(c, '\x21' | '\x23'..='\x5b' | '\x5d'..='\x7e')
}

#[cfg(test)]
mod tests {
    use super::Scope;

    #[test]
    fn words_are_kept_once_and_in_order() {
        let scope = Scope::parse("openid  read:x openid profile ").unwrap();
        assert_eq!(scope.to_string(), "openid read:x profile");
        assert_eq!(Scope::parse("").unwrap(), Scope::default());
    }

    #[test]
    fn a_character_that_is_not_allowed_is_named() {
        let refusal = Scope::parse("openid re\"ad").unwrap_err();
        assert_eq!(refusal.to_string(), "scope must not contain '\"'");
        assert!(Scope::parse("openid\tprofile").is_err());
        assert!(Scope::parse("openid é").is_err());
    }

    #[test]
    fn too_many_are_refused() {
        let words: Vec<String> = (0..101).map(|n| format!("s{n}")).collect();
        assert!(Scope::parse(&words.join(" ")).unwrap_err().to_string().contains("100"));
    }
}
