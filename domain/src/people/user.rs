//! A user: one JSON document, made and changed by administrators, read by everyone else.
//!
//! The document is what the Management API shows, and one member more, `SEARCH`, that never leaves:
//! the folded names by which a search finds the user alike on every database.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::user_body::{self, ASIDE, DOCUMENT_LIMIT, METADATA_LIMIT, PROFILE, Provider};
use crate::shape::{InvalidBody, Object, checked, is_set, required, text};
use crate::{Fingerprint, Timestamp, UserId};

/// The member of a stored document that holds what searches compare.
pub const SEARCH: &str = "~search";
/// The members whose case does not matter to a search (W232).
pub(crate) const FOLDED: &[&str] = &["email", "name", "nickname", "given_name", "family_name"];

/// A user.
#[derive(Clone, Debug, PartialEq)]
pub struct User {
    id: UserId,
    document: Object,
}

/// One of the accounts that make up a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Where the account lives.
    pub connection: String,
    /// Its id there.
    pub id: String,
    /// The address that must be unique in that connection.
    pub email: Option<String>,
}

impl User {
    /// A new user from the body of a create call. `new_id` is 24 hex digits, for a body that does
    /// not bring an id of its own.
    pub fn created(body: &Object, new_id: &str, now: Timestamp) -> Result<Self, InvalidBody> {
        required(body, &["connection"])?;
        let aside = checked(ASIDE, body)?;
        let mut document = checked(PROFILE, body)?;
        document.retain(|_, value| !value.is_null());
        let connection = text(&aside, "connection").unwrap_or_default();
        let provider = Provider::of(connection, text(&aside, "provider"))?;
        if let Some(email) = user_body::email(&document)? {
            document.insert(String::from("email"), Value::String(email));
        } else if provider.name == "auth0"
            && !["username", "phone_number"].iter().any(|name| document.contains_key(*name))
            && !aside.contains_key("user_id")
        {
            return Err(InvalidBody::missing("email"));
        }
        let identity = user_body::identity_id(&aside, new_id)?;
        let id = if provider.names_connection {
            format!("{}|{connection}|{identity}", provider.name)
        } else {
            format!("{}|{identity}", provider.name)
        };
        document.insert(String::from("user_id"), json!(id));
        document.insert(
            String::from("identities"),
            json!([{
                "connection": connection,
                "user_id": identity,
                "provider": provider.name,
                "isSocial": provider.is_social,
            }]),
        );
        document.insert(String::from("created_at"), json!(now.to_iso()));
        fill_in(&mut document);
        Self { id: UserId::new(id), document }.finished(now)
    }

    /// The user of a stored document; `None` if it is none.
    pub fn from_stored(document: &str) -> Option<Self> {
        let mut document: Object = serde_json::from_str(document).ok()?;
        document.remove(SEARCH);
        let id = UserId::new(text(&document, "user_id")?);
        Some(Self { id, document })
    }

    /// The document to store.
    pub fn to_stored(&self) -> String {
        let mut folded = Object::new();
        for name in FOLDED {
            if let Some(value) = text(&self.document, name) {
                folded.insert((*name).to_owned(), Value::String(value.to_lowercase()));
            }
        }
        if let Some((_, domain)) = self.email().and_then(|email| email.rsplit_once('@')) {
            folded.insert(String::from("domain"), json!(domain));
        }
        let mut document = self.document.clone();
        document.insert(String::from(SEARCH), Value::Object(folded));
        Value::Object(document).to_string()
    }

    /// The user after the body of a change call: metadata merge at the first level, `null` removes
    /// (W221).
    pub fn patched(&self, body: &Object, now: Timestamp) -> Result<Self, InvalidBody> {
        checked(ASIDE, body)?;
        let mut changes = checked(PROFILE, body)?;
        let mut user = self.clone();
        for name in ["user_metadata", "app_metadata"] {
            if let Some(Value::Object(change)) = changes.get(name)
                && let Some(Value::Object(kept)) = self.document.get(name)
            {
                let merged = merged(kept, change);
                changes.insert(name.to_owned(), Value::Object(merged));
            }
        }
        if let Some(email) = user_body::email(&changes)? {
            let is_new = self.email() != Some(email.as_str());
            if is_new && !changes.contains_key("email_verified") {
                changes.insert(String::from("email_verified"), json!(false));
            }
            changes.insert(String::from("email"), Value::String(email));
        }
        for (name, value) in changes {
            if value.is_null() {
                user.document.remove(&name);
            } else {
                user.document.insert(name, value);
            }
        }
        user.finished(now)
    }

    /// The user's id, the `sub` of tokens.
    pub const fn id(&self) -> &UserId {
        &self.id
    }

    /// The lower-cased address.
    pub fn email(&self) -> Option<&str> {
        text(&self.document, "email")
    }

    /// Whether the address is known to be the user's.
    pub fn is_email_verified(&self) -> bool {
        is_set(&self.document, "email_verified")
    }

    /// The phone number, as the administrator wrote it.
    pub fn phone_number(&self) -> Option<&str> {
        text(&self.document, "phone_number")
    }

    /// The full name.
    pub fn name(&self) -> Option<&str> {
        text(&self.document, "name")
    }

    /// Whether the user may not be asked for anything.
    pub fn is_blocked(&self) -> bool {
        is_set(&self.document, "blocked")
    }

    /// Any member of the document, as claims and templates want them.
    pub fn member(&self, name: &str) -> Option<&Value> {
        self.document.get(name)
    }

    /// The accounts of the user; only the first carries the address.
    pub fn identities(&self) -> Vec<Identity> {
        let list = self.document.get("identities").and_then(Value::as_array);
        let objects = list.into_iter().flatten().filter_map(Value::as_object);
        let identity = |(at, identity): (usize, &Object)| {
            Some(Identity {
                connection: text(identity, "connection")?.to_owned(),
                id: text(identity, "user_id")?.to_owned(),
                email: (at == 0).then(|| self.email().map(String::from)).flatten(),
            })
        };
        objects.enumerate().filter_map(identity).collect()
    }

    /// The user as the Management API shows it (W219).
    pub fn to_json(&self, fields: &Fields) -> Value {
        Value::Object(fields.of(&self.document))
    }

    fn finished(mut self, now: Timestamp) -> Result<Self, InvalidBody> {
        for name in ["user_metadata", "app_metadata"] {
            let Some(Value::Object(metadata)) = self.document.get_mut(name) else { continue };
            metadata.retain(|_, value| !value.is_null());
            let length = Value::Object(metadata.clone()).to_string().len();
            if length > METADATA_LIMIT {
                let what = format!("Value is too large ({length} bytes), maximum {METADATA_LIMIT}");
                return Err(InvalidBody::on(name, what));
            }
        }
        self.document.insert(String::from("updated_at"), json!(now.to_iso()));
        if self.to_stored().len() > DOCUMENT_LIMIT {
            let message = format!("The user would be larger than {DOCUMENT_LIMIT} bytes");
            return Err(InvalidBody::because(message));
        }
        Ok(self)
    }
}

/// What Auth0 fills in where the body says nothing (W219).
fn fill_in(document: &mut Object) {
    let email = text(document, "email").map(String::from);
    let fallback = email.clone().or_else(|| text(document, "username").map(String::from));
    let local = fallback.as_deref().map(|name| name.split_once('@').map_or(name, |(l, _)| l));
    let mut defaults = vec![("name", fallback.clone()), ("nickname", local.map(String::from))];
    defaults.push(("picture", email.as_deref().map(picture_of)));
    for (name, value) in defaults {
        if let (false, Some(value)) = (document.contains_key(name), value) {
            document.insert(name.to_owned(), Value::String(value));
        }
    }
    if email.is_some() {
        document.entry("email_verified").or_insert(Value::Bool(false));
    }
}

/// Gravatar finds pictures by SHA-256 as well as by the older MD5.
fn picture_of(email: &str) -> String {
    let hash = Fingerprint::of(email.as_bytes());
    let hex = hash.as_bytes().iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
    format!("https://s.gravatar.com/avatar/{hex}?s=480&r=pg")
}

fn merged(kept: &Object, change: &Object) -> Object {
    let mut merged = kept.clone();
    for (name, value) in change {
        merged.insert(name.clone(), value.clone());
    }
    merged
}

/// Which members of a document to show: `fields` and `include_fields` (W241).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Fields {
    /// All of them.
    #[default]
    All,
    /// Only these.
    Only(BTreeSet<String>),
    /// All but these.
    AllBut(BTreeSet<String>),
}

impl Fields {
    /// From the comma-separated names of a query; no name means all.
    pub fn new(names: &str, are_included: bool) -> Self {
        let names = names.split(',').map(str::trim).filter(|name| !name.is_empty());
        let names: BTreeSet<String> = names.map(String::from).collect();
        match (names.is_empty(), are_included) {
            (true, _) => Self::All,
            (false, true) => Self::Only(names),
            (false, false) => Self::AllBut(names),
        }
    }

    /// The members of `document` that are to be shown. `user_metadata.team` means one member of
    /// that object.
    pub fn of(&self, document: &Object) -> Object {
        match self {
            Self::All => document.clone(),
            Self::Only(names) => {
                let mut shown = Object::new();
                for name in names {
                    copy(document, name, &mut shown);
                }
                shown
            }
            Self::AllBut(names) => {
                let mut shown = document.clone();
                for name in names {
                    remove(&mut shown, name);
                }
                shown
            }
        }
    }
}

fn copy(from: &Object, path: &str, to: &mut Object) {
    if let Some(value) = from.get(path) {
        to.insert(path.to_owned(), value.clone());
    } else if let Some((first, rest)) = path.split_once('.')
        && let Some(Value::Object(from)) = from.get(first)
    {
        let inner = to.entry(first).or_insert_with(|| Value::Object(Object::new()));
        if let Value::Object(inner) = inner {
            copy(from, rest, inner);
        }
    }
}

fn remove(from: &mut Object, path: &str) {
    if from.remove(path).is_none()
        && let Some((first, rest)) = path.split_once('.')
        && let Some(Value::Object(inner)) = from.get_mut(first)
    {
        remove(inner, rest);
    }
}

#[cfg(test)]
#[path = "user_tests.rs"]
mod tests;
