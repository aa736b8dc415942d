//! What a call brings beside its token: a path, a query, a body.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::Arc;

use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use bytes::Bytes;
use domain::json;
use domain::people::Fields;
use domain::shape::Object;
use http::{header, request::Parts};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::error::Error;
use crate::App;
use crate::denied::Denied;
use crate::http::body::{self, BodyError};

/// Most parameters of one query.
const PARAMETER_LIMIT: usize = 50;
/// Longest query, in bytes.
const QUERY_BYTES: usize = 16 * 1024;
/// Longest name in a path, in bytes.
const NAME_BYTES: usize = 1024;

/// The names in the path, percent-decoded (W205).
pub(crate) struct Named<T>(pub(crate) T);

impl<T: DeserializeOwned + Send> FromRequestParts<Arc<App>> for Named<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Error> {
        if parts.uri.path().len() > 3 * NAME_BYTES {
            return Err(Denied::NoSuchPath.into());
        }
        let read = Path::<T>::from_request_parts(parts, app).await;
        let wrong = |what: &str| Denied::InvalidPath(format!("The path {what}"));
        let Path(names) = read.map_err(|_undecodable| wrong("is not percent-encoded UTF-8"))?;
        if parts.uri.path().contains("%00") {
            return Err(wrong("holds a NUL character").into());
        }
        Ok(Self(names))
    }
}

/// The body: one JSON object.
pub(crate) struct Body(pub(crate) Object);

impl FromRequest<Arc<App>> for Body {
    type Rejection = Error;

    async fn from_request(request: Request, _: &Arc<App>) -> Result<Self, Error> {
        Ok(Self(object(&read(request).await?)?))
    }
}

/// The body: one JSON object, or nothing at all, which means an empty one.
pub(crate) struct OptionalBody(pub(crate) Object);

impl FromRequest<Arc<App>> for OptionalBody {
    type Rejection = Error;

    async fn from_request(request: Request, _: &Arc<App>) -> Result<Self, Error> {
        let bytes = read(request).await?;
        Ok(Self(if bytes.is_empty() { Object::new() } else { object(&bytes)? }))
    }
}

/// The body: one JSON array.
pub(crate) struct List(pub(crate) Vec<Value>);

impl FromRequest<Arc<App>> for List {
    type Rejection = Error;

    async fn from_request(request: Request, _: &Arc<App>) -> Result<Self, Error> {
        let Value::Array(list) = parsed(&read(request).await?)? else {
            return Err(Denied::InvalidBody(String::from("The body must be a JSON array")).into());
        };
        Ok(Self(list))
    }
}

async fn read(request: Request) -> Result<Bytes, Denied> {
    let (parts, body) = request.into_parts();
    if !is_json(&parts) {
        return Err(Denied::UnsupportedMediaType);
    }
    body::read(body).await.map_err(|error| match error {
        BodyError::TooLong => Denied::BodyTooLong(error.description()),
        BodyError::Broken => Denied::InvalidBody(error.description()),
    })
}

fn object(bytes: &[u8]) -> Result<Object, Denied> {
    let Value::Object(object) = parsed(bytes)? else {
        return Err(Denied::InvalidBody(String::from("The body must be a JSON object")));
    };
    Ok(object)
}

fn parsed(bytes: &[u8]) -> Result<Value, Denied> {
    match json::parse(bytes) {
        Ok(value) if body::has_nul(&value) => {
            Err(Denied::InvalidBody(String::from("The body holds a NUL character, \\u0000")))
        }
        Ok(value) => Ok(value),
        Err(fault) => Err(Denied::InvalidBody(format!("The body is no JSON: {fault}"))),
    }
}

/// A body without a content type is taken for JSON.
fn is_json(parts: &Parts) -> bool {
    let Some(value) = parts.headers.get(header::CONTENT_TYPE) else { return true };
    let mime = value.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim();
    mime.eq_ignore_ascii_case("application/json")
}

/// The parameters behind the question mark, each once.
#[derive(Debug)]
pub(crate) struct Query(BTreeMap<String, String>);

impl FromRequestParts<Arc<App>> for Query {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<App>) -> Result<Self, Error> {
        Ok(Self::parse(parts.uri.query().unwrap_or_default())?)
    }
}

impl Query {
    fn parse(text: &str) -> Result<Self, Denied> {
        if text.len() > QUERY_BYTES {
            let message = format!("The query string must not exceed {QUERY_BYTES} bytes");
            return Err(Denied::InvalidQuery(message));
        }
        let mut parameters = BTreeMap::new();
        for (name, value) in url::form_urlencoded::parse(text.as_bytes()) {
            if name.contains('\0') || value.contains('\0') {
                let message = String::from("The query string holds a NUL character");
                return Err(Denied::InvalidQuery(message));
            }
            let taken = parameters.insert(name.to_string(), value.into_owned());
            if taken.is_some() {
                let message = format!("The parameter {name} is there more than once");
                return Err(Denied::InvalidQuery(message));
            }
            if parameters.len() > PARAMETER_LIMIT {
                let message = format!("There are more than {PARAMETER_LIMIT} parameters");
                return Err(Denied::InvalidQuery(message));
            }
        }
        Ok(Self(parameters))
    }

    /// A parameter that is there and not empty.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// A parameter that is `true` or `false`.
    pub(crate) fn flag(&self, name: &str) -> Result<Option<bool>, Denied> {
        match self.text(name) {
            None => Ok(None),
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(_) => {
                Err(Denied::InvalidQuery(format!("The parameter {name} must be true or false")))
            }
        }
    }

    /// A whole number within `0..=most`.
    pub(crate) fn number(&self, name: &str, default: u32, most: u32) -> Result<u32, Denied> {
        let Some(text) = self.text(name) else { return Ok(default) };
        u32::from_str(text).ok().filter(|number| *number <= most).ok_or_else(|| {
            Denied::InvalidQuery(format!("The parameter {name} must be a number from 0 to {most}"))
        })
    }

    /// `sort`: the field, and whether the largest comes first.
    pub(crate) fn sort<F>(
        &self,
        named: impl Fn(&str) -> Option<F>,
    ) -> Result<Option<(F, bool)>, Denied> {
        let Some(sort) = self.text("sort") else { return Ok(None) };
        let wrong = || {
            let example = "must be a field and 1 or -1, as in created_at:-1";
            Denied::InvalidQuery(format!("The parameter sort {example}"))
        };
        let (field, direction) = sort.split_once(':').ok_or_else(wrong)?;
        let field = named(field).ok_or_else(wrong)?;
        match direction {
            "1" => Ok(Some((field, false))),
            "-1" => Ok(Some((field, true))),
            _ => Err(wrong()),
        }
    }

    /// `fields` and `include_fields`.
    pub(crate) fn fields(&self) -> Result<Fields, Denied> {
        let are_included = self.flag("include_fields")?.unwrap_or(true);
        Ok(Fields::new(self.text("fields").unwrap_or_default(), are_included))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_counts_once_and_within_its_limits() {
        let query = Query::parse("q=a%20b&page=2&include_totals=true&empty=").unwrap();
        assert_eq!(query.text("q"), Some("a b"));
        assert_eq!(query.text("empty"), None);
        assert_eq!(query.number("page", 0, 10), Ok(2));
        assert_eq!(query.number("per_page", 50, 100), Ok(50));
        assert_eq!(query.flag("include_totals"), Ok(Some(true)));
        assert!(query.flag("q").is_err());
        assert!(query.number("page", 0, 1).is_err());
        assert!(Query::parse("a=1&a=2").is_err());
        for page in ["-1", "1.5", "x", "99999999999", "+ 1"] {
            assert!(Query::parse(&format!("page={page}")).unwrap().number("page", 0, 9).is_err());
        }
    }
}
