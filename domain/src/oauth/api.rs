//! An API (resource server): what the protocol reads out of its document, and what administrators
//! may write into it (W162, W176 to W178, W271, W272).

use serde_json::{Map, Value, json};

use crate::oauth::client_document::token_alg;
use crate::oauth::details_type::{self, DetailsType};
use crate::oauth::document::{Kind, Member, flag, integer, invalid, list, merged, object, text};
use crate::shape::InvalidBody;

/// W163: how long access tokens of an API live when its document does not say.
pub const DEFAULT_TOKEN_LIFETIME_S: i64 = 86_400;
/// The longest such life.
pub const LONGEST_TOKEN_LIFETIME_S: i64 = 2_592_000;
/// An API may define so many scopes.
pub const MAX_API_SCOPES: usize = 1000;
/// An API may register so many types of `authorization_details`.
pub const MAX_DETAILS_TYPES: usize = 100;
/// All of them are not longer, with their schemas and templates, in bytes of JSON.
const MAX_DETAILS_BYTES: usize = 128 * 1024;

const MAX_IDENTIFIER_CHARS: usize = 600;
/// W101: the consent policy that CIBA does not work with.
pub const TRANSACTIONAL_WITH_MFA: &str = "transactional-authorization-with-mfa";

/// The shape of access tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenDialect {
    /// Auth0's own.
    AccessToken,
    /// RFC 9068.
    Rfc9068,
}

/// Who may have tokens for an API on behalf of a person, or of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccessPolicy {
    /// Every client.
    AllowAll,
    /// Only clients with a client grant.
    RequireClientGrant,
    /// No client.
    DenyAll,
}

impl AccessPolicy {
    fn from_name(name: &str) -> Option<Self> {
        match name {
            "allow_all" => Some(Self::AllowAll),
            "require_client_grant" => Some(Self::RequireClientGrant),
            "deny_all" => Some(Self::DenyAll),
            _ => None,
        }
    }
}

/// How a client of an API shows that a token is its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mechanism {
    /// By a client certificate (`mtls`).
    Certificate,
    /// By a key (`dpop`).
    Key,
}

/// What an API's tokens are bound to (B10).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Possession {
    /// How.
    pub mechanism: Mechanism,
    /// Whether clients like those of CIBA, which are confidential, must.
    pub is_required: bool,
}

impl Possession {
    fn of(document: &Value) -> Option<Self> {
        let mechanism = match text(document, "mechanism")? {
            "mtls" => Mechanism::Certificate,
            "dpop" => Mechanism::Key,
            _ => return None,
        };
        let is_for_all = text(document, "required_for") != Some("public_clients");
        Some(Self { mechanism, is_required: flag(document, "required", false) && is_for_all })
    }
}

/// An API.
#[expect(clippy::struct_excessive_bools, reason = "independent settings of the API")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Api {
    /// Its `identifier`, the `audience` of requests.
    pub identifier: String,
    /// What people are shown.
    pub name: String,
    /// The scopes it defines.
    pub scopes: Vec<String>,
    /// The algorithm of its access tokens.
    pub signing_alg: String,
    /// How long its access tokens live, in seconds.
    pub token_lifetime_s: i64,
    /// The shape of its access tokens.
    pub dialect: TokenDialect,
    /// Whether its access tokens tell `permissions` (W161).
    pub tells_permissions: bool,
    /// Whether refresh tokens may be given for it.
    pub allows_offline_access: bool,
    /// Whether a person's permissions bound the scopes (W151).
    pub enforces_policies: bool,
    /// Whether requests for it are approved with a passkey (D14).
    pub is_passkey_required: bool,
    /// Whether its consent policy rules CIBA out (W101).
    pub forbids_ciba: bool,
    /// The registered types of `authorization_details`.
    pub details_types: Vec<DetailsType>,
    /// What its access tokens are bound to in profile `auth0` (WD31).
    pub binding: Option<Possession>,
    /// Who may have tokens on behalf of a person.
    pub user_policy: AccessPolicy,
    /// Who may have tokens on its own behalf.
    pub client_policy: AccessPolicy,
}

/// A stored document that is no API's.
#[derive(Debug, PartialEq, Eq)]
pub struct NoApi;

impl Api {
    /// Reads the stored document; members that are absent have Auth0's defaults.
    pub fn from_document(document: &Value) -> Result<Self, NoApi> {
        let policy = |whose: &str, default| {
            let policies = document.get("subject_type_authorization");
            let name = policies.and_then(|all| all.get(whose)).and_then(|one| text(one, "policy"));
            name.map_or(Ok(default), |name| AccessPolicy::from_name(name).ok_or(NoApi))
        };
        let dialect = text(document, "token_dialect").unwrap_or("access_token");
        let texts_of = |name: &str, member: &str| {
            list(document, name).filter_map(|one| text(one, member)).map(str::to_owned).collect()
        };
        Ok(Self {
            identifier: text(document, "identifier").ok_or(NoApi)?.to_owned(),
            name: text(document, "name").unwrap_or_default().to_owned(),
            scopes: texts_of("scopes", "value"),
            signing_alg: text(document, "signing_alg").unwrap_or("RS256").to_owned(),
            token_lifetime_s: integer(document, "token_lifetime", DEFAULT_TOKEN_LIFETIME_S),
            dialect: if dialect.starts_with("rfc9068_profile") {
                TokenDialect::Rfc9068
            } else {
                TokenDialect::AccessToken
            },
            tells_permissions: dialect.ends_with("_authz"),
            allows_offline_access: flag(document, "allow_offline_access", false),
            enforces_policies: flag(document, "enforce_policies", false),
            is_passkey_required: flag(document, "passkey_required", false),
            forbids_ciba: text(document, "consent_policy") == Some(TRANSACTIONAL_WITH_MFA),
            details_types: list(document, "authorization_details")
                .filter_map(DetailsType::of)
                .collect(),
            binding: document.get("proof_of_possession").and_then(Possession::of),
            user_policy: policy("user", AccessPolicy::AllowAll)?,
            client_policy: policy("client", AccessPolicy::RequireClientGrant)?,
        })
    }

    /// Whether the API defines `scope`.
    pub fn has_scope(&self, scope: &str) -> bool {
        self.scopes.iter().any(|known| known == scope)
    }
}

const POLICY: Kind =
    Kind::Object(&[("policy", Kind::OneOf(&["allow_all", "require_client_grant", "deny_all"]))]);

const POSSESSION: &[Member] = &[
    ("mechanism", Kind::OneOf(&["mtls", "dpop"])),
    ("required", Kind::Flag),
    ("required_for", Kind::OneOf(&["public_clients", "all_clients"])),
];

const MEMBERS: &[Member] = &[
    ("name", Kind::Text(255)),
    ("scopes", Kind::Own(scopes)),
    ("signing_alg", Kind::Own(token_alg)),
    ("allow_offline_access", Kind::Flag),
    ("token_lifetime", Kind::Integer(1, LONGEST_TOKEN_LIFETIME_S)),
    ("token_lifetime_for_web", Kind::Integer(1, LONGEST_TOKEN_LIFETIME_S)),
    (
        "token_dialect",
        Kind::OneOf(&[
            "access_token",
            "access_token_authz",
            "rfc9068_profile",
            "rfc9068_profile_authz",
        ]),
    ),
    ("enforce_policies", Kind::Flag),
    ("passkey_required", Kind::Flag),
    ("skip_consent_for_verifiable_first_party_clients", Kind::Flag),
    ("consent_policy", Kind::OneOf(&["standard", TRANSACTIONAL_WITH_MFA])),
    ("authorization_details", Kind::Own(details_types)),
    ("subject_type_authorization", Kind::Object(&[("user", POLICY), ("client", POLICY)])),
    ("token_encryption", Kind::Kept),
    ("proof_of_possession", Kind::Object(POSSESSION)),
    ("signing_secret", Kind::Kept),
];

/// The document of a new API out of the body of `POST /resource-servers`, under the id `id`.
pub fn created(body: &Value, id: &str) -> Result<Value, InvalidBody> {
    let body = object(body)?;
    let identifier = body.get("identifier").and_then(Value::as_str).unwrap_or_default();
    let is_acceptable = !identifier.is_empty()
        && identifier.chars().count() <= MAX_IDENTIFIER_CHARS
        && !identifier.chars().any(|c| c.is_control() || c == ' ');
    if !is_acceptable {
        return Err(invalid(format!(
            "identifier must be a string of 1 to {MAX_IDENTIFIER_CHARS} characters without spaces"
        )));
    }
    let defaults = defaults();
    let mut document = merged(&defaults, body, MEMBERS, &defaults)?;
    document.insert("id".into(), id.into());
    document.insert("identifier".into(), identifier.into());
    if !document.contains_key("name") {
        document.insert("name".into(), identifier.into());
    }
    Ok(Value::Object(document))
}

/// The document after the body of `PATCH /resource-servers/{id}`; the identifier stays.
pub fn patched(existing: &Value, body: &Value) -> Result<Value, InvalidBody> {
    merged(object(existing)?, object(body)?, MEMBERS, &defaults()).map(Value::Object)
}

fn defaults() -> Map<String, Value> {
    let members = [
        ("scopes", json!([])),
        ("signing_alg", json!("RS256")),
        ("allow_offline_access", json!(false)),
        ("token_lifetime", json!(DEFAULT_TOKEN_LIFETIME_S)),
        ("token_lifetime_for_web", json!(7200)),
        ("token_dialect", json!("access_token")),
        ("enforce_policies", json!(false)),
        ("skip_consent_for_verifiable_first_party_clients", json!(true)),
        ("consent_policy", Value::Null),
        ("authorization_details", json!([])),
        ("is_system", json!(false)),
        (
            "subject_type_authorization",
            json!({"user": {"policy": "allow_all"}, "client": {"policy": "require_client_grant"}}),
        ),
    ];
    members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn scopes(value: &Value) -> Result<Value, String> {
    const MAX: usize = 280;
    let fault = || {
        format!(
            "must be a list of at most {MAX_API_SCOPES} objects with a value of 1 to {MAX} \
             characters that a scope may hold, each once, and a description"
        )
    };
    let given = value.as_array().filter(|list| list.len() <= MAX_API_SCOPES).ok_or_else(fault)?;
    let mut kept: Vec<Value> = Vec::new();
    for scope in given {
        let name = text(scope, "value").ok_or_else(fault)?;
        let is_scope = name.chars().all(crate::oauth::scope::is_scope_char);
        if name.is_empty() || name.len() > MAX || !is_scope {
            return Err(fault());
        }
        let description = scope.get("description").cloned().unwrap_or(Value::Null);
        kept.push(if description.is_string() {
            json!({"value": name, "description": description})
        } else {
            json!({ "value": name })
        });
    }
    let mut names: Vec<_> = kept.iter().filter_map(|scope| text(scope, "value")).collect();
    names.sort_unstable();
    if names.windows(2).any(|pair| pair.first() == pair.last()) {
        return Err(fault());
    }
    Ok(Value::Array(kept))
}

fn details_types(value: &Value) -> Result<Value, String> {
    let fault = || format!("must be a list of at most {MAX_DETAILS_TYPES} objects with a type");
    let given =
        value.as_array().filter(|list| list.len() <= MAX_DETAILS_TYPES).ok_or_else(fault)?;
    let kept = given.iter().map(details_type::checked).collect::<Result<Vec<_>, _>>()?;
    if Value::Array(kept.clone()).to_string().len() > MAX_DETAILS_BYTES {
        return Err(format!("must not exceed {MAX_DETAILS_BYTES} bytes"));
    }
    Ok(Value::Array(kept))
}
