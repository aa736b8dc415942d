//! The content of a request: everything the person is shown, signed by the issuer (D11, D12).
//!
//! ```
//! use device_protocol::aizuchi::content;
//!
//! // The hash is over the bytes as they came; there is no canonical form to get wrong.
//! assert_eq!(content::hash("a.b.c"), "hF4wRIgJ4ryJWOsCW_x5UjXROwd6U9DDq70jhRcNybg");
//! ```

use serde_json::{Map, Value, json};

use super::InvalidClaim;
use crate::claims;

/// The `typ` of the content.
pub const TYP: &str = "aizuchi-content+jwt";
/// The version of what it holds.
pub const VERSION: u64 = 1;
/// No content is longer.
pub const MAX_BYTES: usize = 64 * 1024;

/// The hash that a decision is made over: of the JWS, byte by byte as it was received.
pub fn hash(jws: &str) -> String {
    super::hash(jws.as_bytes())
}

/// How the number that the other device shows is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Match {
    /// The person types it.
    Type,
    /// The person picks it from these, of which none is marked.
    Choose(Vec<String>),
}

impl Match {
    /// As it stands in the content.
    pub fn to_json(&self) -> Value {
        match self {
            Self::Type => json!({ "style": "type" }),
            Self::Choose(numbers) => json!({ "style": "choose", "numbers": numbers }),
        }
    }

    fn parse(value: &Value) -> Option<Self> {
        match value.get("style")?.as_str()? {
            "type" => Some(Self::Type),
            "choose" => {
                let numbers = value.get("numbers")?.as_array()?.iter();
                numbers
                    .map(|n| n.as_str().map(str::to_owned))
                    .collect::<Option<_>>()
                    .map(Self::Choose)
            }
            _ => None,
        }
    }
}

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asker {
    /// The client's id.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// The domain that is known to be its own.
    pub domain: Option<String>,
}

/// The asker's picture, which the server has looked at and serves itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logo {
    /// Where it is, below the issuer's address.
    pub path: String,
    /// The base64url SHA-256 of its bytes: any other are not shown.
    pub sha256: String,
}

impl Logo {
    /// The picture of this hash.
    pub fn named(sha256: String) -> Self {
        Self { path: format!("device/v1/logos/{sha256}"), sha256 }
    }

    /// As it stands in the content.
    pub fn to_json(&self) -> Value {
        json!({ "path": self.path, "sha256": self.sha256 })
    }
}

/// What is granted for whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audience {
    /// The identifier of the API.
    pub identifier: String,
    /// What people call it.
    pub name: String,
}

/// Everything the person is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// The request.
    pub request: String,
    /// Who signs.
    pub issuer: String,
    /// Who is asked.
    pub user: String,
    /// Who asks.
    pub client: Asker,
    /// Their picture, if there is one.
    pub logo: Option<Logo>,
    /// The words on both devices.
    pub binding_message: Option<String>,
    /// What is to be granted, each with what it means.
    pub scope: Vec<(String, Option<String>)>,
    /// For whom.
    pub audience: Option<Audience>,
    /// The identifiers of further APIs.
    pub further_audiences: Vec<String>,
    /// What is told of the person beyond the scopes.
    pub claims: Vec<String>,
    /// `authorization_details` as the client sent them.
    pub authorization_details: Option<Value>,
    /// The language it is rendered in.
    pub locale: String,
    /// The details in words, as their registered type is shown.
    pub lines: Vec<String>,
    /// The base64url SHA-256 of the templates that these lines are of, as a JSON list.
    pub template_sha256: Option<String>,
    /// What the client says of where the request comes from.
    pub context: Option<Value>,
    /// Whether and how a number is asked for.
    pub match_style: Option<Match>,
    /// Whether the person must be verified by a passkey.
    pub is_verification_required: bool,
    /// Unix seconds.
    pub created_at: i64,
    /// Unix seconds.
    pub expires_at: i64,
}

impl Content {
    /// The claims.
    pub fn claims(&self) -> Value {
        let scope: Vec<Value> = self
            .scope
            .iter()
            .map(|(value, description)| json!({ "value": value, "description": description }))
            .collect();
        let verification = if self.is_verification_required { "required" } else { "none" };
        let mut claims = json!({
            "v": VERSION,
            "request": self.request,
            "iss": self.issuer,
            "user": self.user,
            "client": {
                "id": self.client.id, "name": self.client.name, "domain": self.client.domain,
            },
            "scope": scope,
            "display": {
                "locale": self.locale, "lines": self.lines,
                "template_sha256": self.template_sha256,
            },
            "user_verification": verification,
            "created_at": self.created_at,
            "expires_at": self.expires_at,
        });
        let mut put = |name: &str, value: Option<Value>| {
            if let (Some(members), Some(value)) = (claims.as_object_mut(), value) {
                members.insert(name.to_owned(), value);
            }
        };
        put("logo", self.logo.as_ref().map(Logo::to_json));
        put("binding_message", self.binding_message.as_deref().map(Value::from));
        let audience = self.audience.as_ref();
        put(
            "audience",
            audience.map(|api| json!({ "identifier": api.identifier, "name": api.name })),
        );
        put("authorization_details", self.authorization_details.clone());
        let list = |list: &[String]| (!list.is_empty()).then(|| json!(list));
        put("further_audiences", list(&self.further_audiences));
        put("claims", list(&self.claims));
        put("context", self.context.clone());
        put("match", self.match_style.as_ref().map(Match::to_json));
        claims
    }

    /// Reads the claims of a content whose signature the caller has verified. A version that is
    /// not known is refused: it may hold what must be shown.
    pub fn from_claims(members: &Map<String, Value>) -> Result<Self, InvalidClaim> {
        if members.get("v").and_then(Value::as_u64) != Some(VERSION) {
            return Err(InvalidClaim::new("v", "is of a version that is not known"));
        }
        let part = |name: &'static str| {
            let value = members.get(name).and_then(Value::as_object);
            value.ok_or_else(|| InvalidClaim::new(name, "must be an object"))
        };
        let text_of = |part: &Map<String, Value>, name: &str| {
            part.get(name).and_then(Value::as_str).map(str::to_owned)
        };
        let need = |name: &'static str, value: Option<String>| {
            value.ok_or_else(|| InvalidClaim::new(name, "lacks a member"))
        };
        let client = part("client")?;
        let audience = if members.contains_key("audience") {
            let api = part("audience")?;
            let identifier = need("audience", text_of(api, "identifier"))?;
            Some(Audience { identifier, name: need("audience", text_of(api, "name"))? })
        } else {
            None
        };
        let logo = if members.contains_key("logo") {
            let logo = part("logo")?;
            let path = need("logo", text_of(logo, "path"))?;
            Some(Logo { path, sha256: need("logo", text_of(logo, "sha256"))? })
        } else {
            None
        };
        let match_style = match members.get("match") {
            None => None,
            Some(value) => Some(
                Match::parse(value)
                    .ok_or_else(|| InvalidClaim::new("match", "is of a style that is not known"))?,
            ),
        };
        Ok(Self {
            request: claims::text(members, "request")?,
            issuer: claims::text(members, "iss")?,
            user: claims::text(members, "user")?,
            client: Asker {
                id: need("client", text_of(client, "id"))?,
                name: need("client", text_of(client, "name"))?,
                domain: text_of(client, "domain"),
            },
            logo,
            binding_message: claims::optional_text(members, "binding_message")?,
            scope: scope(members)?,
            audience,
            further_audiences: texts("further_audiences", members.get("further_audiences"))?,
            claims: texts("claims", members.get("claims"))?,
            authorization_details: members.get("authorization_details").cloned(),
            lines: texts("display", part("display")?.get("lines"))?,
            template_sha256: text_of(part("display")?, "template_sha256"),
            locale: need("display", text_of(part("display")?, "locale"))?,
            context: members.get("context").cloned(),
            match_style,
            is_verification_required: claims::text(members, "user_verification")? == "required",
            created_at: claims::date_ms(members, "created_at")? / 1000,
            expires_at: claims::date_ms(members, "expires_at")? / 1000,
        })
    }
}

/// A list of texts, empty if it is not there.
fn texts(name: &'static str, list: Option<&Value>) -> Result<Vec<String>, InvalidClaim> {
    let wrong = || InvalidClaim::new(name, "must be a list of texts");
    let Some(list) = list else { return Ok(Vec::new()) };
    let list = list.as_array().ok_or_else(wrong)?;
    list.iter().map(|text| text.as_str().map(str::to_owned).ok_or_else(wrong)).collect()
}

fn scope(members: &Map<String, Value>) -> Result<Vec<(String, Option<String>)>, InvalidClaim> {
    let wrong = || InvalidClaim::new("scope", "must be a list of values with descriptions");
    let list = members.get("scope").and_then(Value::as_array).ok_or_else(wrong)?;
    let read = |entry: &Value| {
        let value = entry.get("value").and_then(Value::as_str).ok_or_else(wrong)?;
        let description = entry.get("description").and_then(Value::as_str);
        Ok((value.to_owned(), description.map(str::to_owned)))
    };
    list.iter().map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content() -> Content {
        Content {
            request: "cns_1".into(),
            issuer: "https://login.example.com/".into(),
            user: "auth0|u1".into(),
            client: Asker {
                id: "shop".into(),
                name: "Book shop".into(),
                domain: Some("shop.example".into()),
            },
            logo: Some(Logo::named("hF4wRIgJ4ryJWOsCW_x5UjXROwd6U9DDq70jhRcNybg".into())),
            binding_message: Some("21-49".into()),
            scope: vec![("openid".into(), None), ("pay".into(), Some("Pay".into()))],
            audience: Some(Audience { identifier: "https://api".into(), name: "Bank".into() }),
            further_audiences: vec!["https://other".into()],
            claims: vec!["email".into()],
            authorization_details: Some(json!([{ "type": "payment" }])),
            locale: "en".into(),
            lines: vec!["Pay 20 EUR".into()],
            template_sha256: Some("wCG1ZI3q4oVLWWkKnRA7".into()),
            context: Some(json!({ "place": "Kyoto" })),
            match_style: Some(Match::Choose(vec!["07".into(), "13".into(), "40".into()])),
            is_verification_required: false,
            created_at: 7,
            expires_at: 8,
        }
    }

    #[test]
    fn a_content_is_read_as_it_was_made() {
        for content in [
            content(),
            Content { match_style: Some(Match::Type), audience: None, ..content() },
            Content {
                client: Asker { id: "shop".into(), name: "Book shop".into(), domain: None },
                logo: None,
                match_style: None,
                binding_message: None,
                authorization_details: None,
                further_audiences: Vec::new(),
                claims: Vec::new(),
                lines: Vec::new(),
                template_sha256: None,
                context: None,
                is_verification_required: true,
                ..content()
            },
        ] {
            let claims = content.claims();
            assert_eq!(Content::from_claims(claims.as_object().unwrap()).unwrap(), content);
        }
    }

    /// A device that does not know what it must show shows nothing.
    #[test]
    fn an_unknown_version_or_style_is_refused() {
        for (name, value) in [
            ("v", json!(2)),
            ("match", json!({ "style": "draw" })),
            ("client", json!("shop")),
            ("logo", json!({ "path": "device/v1/logos/x" })),
            ("scope", json!("openid")),
        ] {
            let mut claims = content().claims();
            claims[name] = value;
            let why = Content::from_claims(claims.as_object().unwrap()).unwrap_err().to_string();
            assert!(why.contains(name), "{why}");
        }
    }

    /// Over the bytes as received, so any other byte is another hash.
    #[test]
    fn the_hash_is_of_every_byte() {
        assert_eq!(hash("a.b.c").len(), 43);
        assert_ne!(hash("a.b.c"), hash("a.b.c "));
        assert_ne!(hash("a.b.c"), hash("a.b.C"));
    }
}
