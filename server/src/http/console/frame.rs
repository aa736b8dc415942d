//! What every page has around its content.

use super::visitor::{SignedIn, Visitor};
use super::words::Words;
use crate::language::Language;

/// The frame of a page.
pub(crate) struct Frame<'a> {
    /// What the page says, in its language.
    pub(crate) w: &'static Words,
    /// The language.
    pub(crate) language: Language,
    /// What is in front of `console/` and `assets/`.
    pub(crate) root: &'a str,
    /// What people call the tenant.
    pub(crate) tenant: &'a str,
    /// Who is signed in, and what their forms carry.
    pub(crate) operator: Option<(&'a str, &'a str)>,
    /// Where switching the language comes back to.
    pub(crate) path: &'a str,
    /// Which room of the console it is.
    pub(crate) room: Room,
}

/// The rooms that the navigation names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Room {
    /// People.
    Users,
    /// The operator's own passkeys.
    Passkeys,
    /// None of them.
    Elsewhere,
}

impl<'a> Frame<'a> {
    /// The frame for who is not signed in.
    pub(crate) fn of(visitor: &'a Visitor) -> Self {
        Self {
            w: visitor.language.words(),
            language: visitor.language,
            root: &visitor.root,
            tenant: &visitor.context.tenant.display_name,
            operator: None,
            path: &visitor.path,
            room: Room::Elsewhere,
        }
    }

    /// The frame for an operator.
    pub(crate) fn signed_in(who: &'a SignedIn, room: Room) -> Self {
        let operator = Some((who.session.operator.name.as_str(), who.form_token.as_str()));
        Self { operator, room, ..Self::of(&who.visitor) }
    }

    /// What the forms of the session carry.
    pub(crate) fn form_token(&self) -> &str {
        self.operator.map_or("", |(_, token)| token)
    }
}
