//! A client grant: which scopes of an API a client may have, on its own behalf or a person's.

use serde_json::{Map, Value, json};

use crate::ClientId;
use crate::oauth::document::{Kind, Member, invalid, merged, object, text, words};
use crate::oauth::scope::Scope;
use crate::shape::InvalidBody;

/// On whose behalf a grant holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubjectType {
    /// The client's own.
    Client,
    /// A person's.
    User,
}

impl SubjectType {
    /// The name in documents and in the column.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::User => "user",
        }
    }
}

/// A client grant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientGrant {
    /// Its id, `cgr_…`.
    pub id: String,
    /// Whose it is.
    pub client_id: ClientId,
    /// The identifier of the API.
    pub audience: String,
    /// The scopes granted.
    pub scope: Scope,
    /// On whose behalf.
    pub subject_type: SubjectType,
    /// The types of `authorization_details` granted.
    pub details_types: Vec<String>,
}

/// A stored document that is no client grant's.
#[derive(Debug, PartialEq, Eq)]
pub struct NoGrant;

impl ClientGrant {
    /// Reads the stored document.
    pub fn from_document(document: &Value) -> Result<Self, NoGrant> {
        let subject_type = match text(document, "subject_type") {
            Some("client") | None => SubjectType::Client,
            Some("user") => SubjectType::User,
            Some(_) => return Err(NoGrant),
        };
        Ok(Self {
            id: text(document, "id").ok_or(NoGrant)?.to_owned(),
            client_id: ClientId::new(text(document, "client_id").ok_or(NoGrant)?),
            audience: text(document, "audience").ok_or(NoGrant)?.to_owned(),
            scope: Scope::of(words(document, "scope")),
            subject_type,
            details_types: words(document, "authorization_details_types"),
        })
    }
}

const MEMBERS: &[Member] = &[
    ("scope", Kind::Own(scope)),
    ("authorization_details_types", Kind::Texts(100, 255)),
    ("organization_usage", Kind::OneOf(&["deny", "allow", "require"])),
    ("allow_any_organization", Kind::Flag),
    ("allow_all_scopes", Kind::Kept),
];

/// The document of a new grant out of the body of `POST /client-grants`, under the id `id`.
/// That client and API exist, and that the scopes are the API's, is for the caller to see.
pub fn created(body: &Value, id: &str) -> Result<Value, InvalidBody> {
    let body = object(body)?;
    let required = |name: &str| {
        text_member(body, name)
            .filter(|text| !text.is_empty())
            .ok_or_else(|| invalid(format!("{name} is required and must be a string")))
    };
    let (client_id, audience) = (required("client_id")?, required("audience")?);
    let subject_type = match body.get("subject_type") {
        None | Some(Value::Null) => "client",
        Some(given) => match given.as_str() {
            Some(name @ ("client" | "user")) => name,
            Some(_) | None => {
                return Err(invalid("subject_type must be one of client, user"));
            }
        },
    };
    let mut defaults = Map::new();
    defaults.insert("scope".into(), json!([]));
    defaults.insert("authorization_details_types".into(), json!([]));
    defaults.insert("allow_any_organization".into(), false.into());
    let mut document = merged(&defaults, body, MEMBERS, &defaults)?;
    document.insert("id".into(), id.into());
    document.insert("client_id".into(), client_id.into());
    document.insert("audience".into(), audience.into());
    document.insert("subject_type".into(), subject_type.into());
    Ok(Value::Object(document))
}

/// The document after the body of `PATCH /client-grants/{id}`.
pub fn patched(existing: &Value, body: &Value) -> Result<Value, InvalidBody> {
    merged(object(existing)?, object(body)?, MEMBERS, &Map::new()).map(Value::Object)
}

fn text_member<'a>(body: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    body.get(name).and_then(Value::as_str)
}

fn scope(value: &Value) -> Result<Value, String> {
    const MAX: usize = 1000;
    let fault = || format!("must be a list of at most {MAX} scopes");
    let list = value.as_array().filter(|list| list.len() <= MAX).ok_or_else(fault)?;
    let is_scope =
        |word: &str| !word.is_empty() && word.chars().all(crate::oauth::scope::is_scope_char);
    if list.iter().all(|word| word.as_str().is_some_and(is_scope)) {
        Ok(value.clone())
    } else {
        Err(fault())
    }
}
