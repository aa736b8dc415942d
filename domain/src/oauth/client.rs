//! A client as the protocol sees it, read from its stored document.
//! What administrators may write into the document is `client_document`.

use serde_json::Value;

use crate::ClientId;
use crate::ciba::delivery::Mode;
use crate::ciba::hint;
use crate::ciba::profile::Profile;
use crate::ciba::prompt_limits::PromptLimits;
use crate::jose::{Algorithm, Jwk, parse_set};
use crate::oauth::document::{flag, integer, list, text, words};
use crate::oauth::refusal::{Reason, Refusal};

/// The grant type of CIBA.
pub const CIBA_GRANT: &str = "urn:openid:params:grant-type:ciba";
/// The grant type of refresh tokens.
pub const REFRESH_TOKEN_GRANT: &str = "refresh_token";
/// The grant type of machines.
pub const CLIENT_CREDENTIALS_GRANT: &str = "client_credentials";

/// The member that says how a client learns outcomes.
pub const DELIVERY_MODE: &str = "backchannel_token_delivery_mode";
/// The member that says where it is told of them.
pub const NOTIFICATION_ENDPOINT: &str = "backchannel_client_notification_endpoint";
/// The member that binds access tokens to certificates.
pub const BOUND_TO_CERTIFICATE: &str = "tls_client_certificate_bound_access_tokens";
/// The member that binds them to keys.
pub const BOUND_TO_KEY: &str = "dpop_bound_access_tokens";
/// The member that says which `login_hint_token`s the client uses.
pub const HINT_TOKEN_TYPES: &str = "backchannel_endpoint_login_hint_token_types";
/// The member that names the algorithm of signed requests.
pub const REQUEST_ALG: &str = "backchannel_authentication_request_signing_alg";
/// The member that says whether the client sends user codes.
pub const USER_CODE: &str = "backchannel_user_code_parameter";
/// The member with the client's public keys.
pub const JWKS: &str = "jwks";
/// The member that says where they are.
pub const JWKS_URI: &str = "jwks_uri";
/// The member that says how a client proves who it is.
pub const AUTH_METHOD: &str = "token_endpoint_auth_method";
/// The member that names the one algorithm of its assertions.
pub const ASSERTION_ALG: &str = "token_endpoint_auth_signing_alg";
/// The member that names the subject of its certificates.
pub const TLS_SUBJECT: &str = "tls_client_auth_subject_dn";
/// The `app_type` of a client that is an API.
const RESOURCE_SERVER: &str = "resource_server";

/// How long a request may live at most when the client's document does not say, in seconds.
pub const DEFAULT_MAX_REQUESTED_EXPIRY_S: i64 = 300;
/// How long a request may live at the very most: 72 hours (W56).
pub const LONGEST_REQUESTED_EXPIRY_S: i64 = 259_200;
/// W167: how long an ID token lives when the client's document does not say.
pub const DEFAULT_ID_TOKEN_LIFETIME_S: i64 = 36_000;

/// How a client proves who it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Authentication {
    /// Not at all: a public client.
    Public,
    /// With a secret, by post or Basic, whichever it likes (WD23).
    Secret,
    /// With a signed assertion under one of these credentials (`cred_…`).
    PrivateKeyJwt {
        /// Ids of the credentials.
        credentials: Vec<String>,
    },
    /// With a certificate that names the subject of one of these credentials.
    TlsClientAuth {
        /// Ids of the credentials.
        credentials: Vec<String>,
    },
    /// With one of these very certificates.
    SelfSignedTlsClientAuth {
        /// Ids of the credentials.
        credentials: Vec<String>,
    },
    /// With a signed assertion by a key of its own set, `jwks` or `jwks_uri` (RFC 7591 2).
    KeyOfSet,
    /// With a certificate that names this subject (RFC 8705 2.1.2).
    TlsSubject(String),
    /// With a certificate of its own set (RFC 8705 2.2.2).
    CertificateOfSet,
}

/// A way to reach a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    /// Any enrolled device (decision 13).
    GuardianPush,
    /// A web link by e-mail.
    Email,
    /// The person's own account page.
    MyAccount,
}

impl Channel {
    /// Every channel.
    pub const ALL: [Self; 3] = [Self::GuardianPush, Self::Email, Self::MyAccount];

    /// The name in `async_approval_notification_channels`, errors and logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::GuardianPush => "guardian-push",
            Self::Email => "email",
            Self::MyAccount => "my-account",
        }
    }

    /// The channel of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|channel| channel.as_str() == name)
    }
}

/// Which audiences an assertion of this client may have (WD24).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AssertionAudience {
    /// Our issuer and nothing else.
    Strict,
    /// Our issuer as a text, in no list: FAPI 2.0 (F34).
    IssuerText,
    /// Also the URLs of the token and backchannel endpoints, as CIBA Core said in 2021.
    Ciba2021,
}

/// Which FAPI a client of profile `fapi-ciba` follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FapiVersion {
    /// FAPI 1.0 with FAPI-CIBA ID1.
    One,
    /// FAPI 2.0 with the working draft.
    Two,
}

/// What a client's refresh tokens are like; `None` is "for ever".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefreshTokens {
    /// Whether each use gives a new token and spends the old one.
    pub rotate: bool,
    /// How long a spent token still works, in seconds.
    pub leeway_s: i64,
    /// Seconds from the first token to the end of its family.
    pub lifetime_s: Option<i64>,
    /// Seconds without use to the end.
    pub idle_lifetime_s: Option<i64>,
}

/// A client.
#[expect(clippy::struct_excessive_bools, reason = "independent settings of a registration")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    /// Its `client_id`.
    pub id: ClientId,
    /// What people are shown.
    pub name: String,
    /// Whether it belongs to the tenant.
    pub is_first_party: bool,
    /// Whether it speaks OpenID Connect strictly.
    pub is_oidc_conformant: bool,
    /// What it may use at the token endpoint.
    pub grant_types: Vec<String>,
    /// How it proves who it is.
    pub authentication: Authentication,
    /// Ways to reach a person, best first.
    pub channels: Vec<Channel>,
    /// The algorithm of its ID tokens.
    pub id_token_alg: String,
    /// How long its ID tokens live, in seconds.
    pub id_token_lifetime_s: i64,
    /// Its refresh tokens.
    pub refresh_tokens: RefreshTokens,
    /// The rules and the accent it is answered in.
    pub profile: Profile,
    /// The longest life of a request, in seconds.
    pub max_requested_expiry_s: i64,
    /// The audiences of its assertions.
    pub assertion_audience: AssertionAudience,
    /// Whether its requests must carry a binding message (always in profile `auth0`).
    pub is_binding_message_required: bool,
    /// The scripts that its binding messages may have beside ASCII, outside profile `auth0` (C30).
    pub binding_message_scripts: Vec<String>,
    /// Whether its access tokens are bound to its certificate (RFC 8705 3.4).
    pub binds_to_certificate: bool,
    /// Whether its access tokens are bound to a key of its own (RFC 9449 5.2).
    pub binds_to_key: bool,
    /// The API that it is, if it is one: it may ask about the API's tokens (RFC 7662).
    pub resource_server: Option<String>,
    /// Whether its requests carry the code of a person who has one (C11).
    pub takes_user_code: bool,
    /// Whether people must enter the number that each of its requests has (C57).
    pub is_match_required: bool,
    /// Whether its requests are approved with a passkey (D14).
    pub is_passkey_required: bool,
    /// How many people it may ask.
    pub prompt_limits: PromptLimits,
    /// Whether its requests must say where they come from (F10).
    pub is_request_context_required: bool,
    /// The algorithm of its signed requests, if it sends any (C10).
    pub request_signing_alg: Option<Algorithm>,
    /// Its keys, as they stand in its document.
    pub jwks: Vec<Jwk>,
    /// Where its keys are, if they are not there.
    pub jwks_uri: Option<String>,
    /// The one algorithm of its assertions, if it named one.
    pub assertion_alg: Option<Algorithm>,
    /// Which FAPI it follows in profile `fapi-ciba`.
    pub fapi_version: FapiVersion,
    /// The hint parameters it may use, outside profile `auth0` (C28).
    pub hint_parameters: Vec<String>,
    /// What its `login_hint` may be, outside profile `auth0` (C28, decision 11).
    pub login_hint_formats: Vec<String>,
    /// What its `login_hint_token`s may be (F21).
    pub hint_token_types: Vec<String>,
    /// How it learns outcomes.
    pub delivery_mode: Mode,
    /// Where it is told of them, unless it polls.
    pub notification_endpoint: Option<String>,
}

/// A stored document that is no client's.
#[derive(Debug, PartialEq, Eq)]
pub struct NoClient;

impl Client {
    /// Reads the stored document; members that are absent have Auth0's defaults.
    pub fn from_document(document: &Value) -> Result<Self, NoClient> {
        let profile = match text(document, "profile") {
            Some(name) => Profile::from_name(name).ok_or(NoClient)?,
            None => Profile::Auth0,
        };
        let jwt = document.get("jwt_configuration").unwrap_or(&Value::Null);
        let fapi_version = match text(document, "fapi_version") {
            Some("2.0") => FapiVersion::Two,
            Some(_) | None => FapiVersion::One,
        };
        Ok(Self {
            id: ClientId::new(text(document, "client_id").ok_or(NoClient)?),
            name: text(document, "name").unwrap_or_default().to_owned(),
            is_first_party: flag(document, "is_first_party", true),
            is_oidc_conformant: flag(document, "oidc_conformant", false),
            grant_types: words(document, "grant_types"),
            authentication: authentication(document),
            channels: channels(document),
            id_token_alg: text(jwt, "alg").unwrap_or("RS256").to_owned(),
            id_token_lifetime_s: integer(jwt, "lifetime_in_seconds", DEFAULT_ID_TOKEN_LIFETIME_S),
            refresh_tokens: refresh_tokens(document),
            profile,
            max_requested_expiry_s: integer(
                document,
                "max_requested_expiry",
                DEFAULT_MAX_REQUESTED_EXPIRY_S,
            ),
            assertion_audience: match (text(document, "assertion_audience"), fapi_version) {
                (Some("ciba-2021"), _) => AssertionAudience::Ciba2021,
                (_, FapiVersion::Two) if profile == Profile::FapiCiba => {
                    AssertionAudience::IssuerText
                }
                (_, FapiVersion::One | FapiVersion::Two) => AssertionAudience::Strict,
            },
            is_binding_message_required: flag(document, "binding_message_required", false),
            binding_message_scripts: words(document, "binding_message_scripts"),
            binds_to_certificate: flag(document, BOUND_TO_CERTIFICATE, false),
            binds_to_key: flag(document, BOUND_TO_KEY, false),
            resource_server: text(document, "app_type")
                .filter(|kind| *kind == RESOURCE_SERVER)
                .and_then(|_| text(document, "resource_server_identifier"))
                .map(str::to_owned),
            takes_user_code: flag(document, USER_CODE, false),
            is_match_required: flag(document, "match_code_required", false),
            is_passkey_required: flag(document, "passkey_required", false),
            prompt_limits: PromptLimits::of(document.get("prompt_limits").unwrap_or(&Value::Null)),
            is_request_context_required: flag(document, "request_context_required", false),
            request_signing_alg: text(document, REQUEST_ALG).and_then(Algorithm::from_name),
            jwks: document.get(JWKS).and_then(|set| parse_set(set).ok()).unwrap_or_default(),
            jwks_uri: text(document, JWKS_URI).map(str::to_owned),
            assertion_alg: text(document, ASSERTION_ALG).and_then(Algorithm::from_name),
            fapi_version,
            hint_parameters: words_or(document, "hint_parameters", &hint::PARAMETERS),
            login_hint_formats: words_or(document, "login_hint_formats", &hint::FORMATS),
            hint_token_types: words_or(document, HINT_TOKEN_TYPES, &hint::TOKEN_TYPES),
            delivery_mode: text(document, DELIVERY_MODE)
                .and_then(Mode::from_name)
                .unwrap_or(Mode::Poll),
            notification_endpoint: text(document, NOTIFICATION_ENDPOINT).map(str::to_owned),
        })
    }

    /// Whether `grant_type` is one of the client's.
    pub fn has_grant(&self, grant_type: &str) -> bool {
        self.grant_types.iter().any(|known| known == grant_type)
    }

    /// Whether it is a client of CIBA: by its grant, or in push mode without one (C8).
    pub fn asks_people(&self) -> bool {
        self.has_grant(CIBA_GRANT) || self.delivery_mode == Mode::Push
    }

    /// W102, W103: whether the client may use CIBA at all.
    pub fn may_use_ciba(&self) -> Result<(), Refusal> {
        if self.authentication == Authentication::Public {
            return Err(Reason::PublicClient.into());
        }
        let has_grant = self.asks_people();
        let is_of_the_house = self.is_first_party && self.is_oidc_conformant;
        let is_open = !self.profile.rules().asks_for_first_parties_only;
        if has_grant && (is_of_the_house || is_open) {
            return Ok(());
        }
        Err(Reason::GrantNotAllowed.into())
    }

    /// Whether the client may use another grant type at the token endpoint.
    pub fn may_use(&self, grant_type: &str) -> Result<(), Refusal> {
        if grant_type == CIBA_GRANT {
            if self.delivery_mode == Mode::Push {
                return Err(Reason::GrantNotAllowed.into()); // C77
            }
            return self.may_use_ciba();
        }
        let needs_proof = grant_type == CLIENT_CREDENTIALS_GRANT;
        let is_unproven = self.authentication == Authentication::Public;
        if self.has_grant(grant_type) && !(needs_proof && is_unproven) {
            return Ok(());
        }
        let text = format!("Grant type '{grant_type}' not allowed for the client.");
        Err(Refusal::because(Reason::GrantNotAllowed, text))
    }
}

fn authentication(document: &Value) -> Authentication {
    let methods = document.get("client_authentication_methods");
    let credentials = |method: &str| {
        let credentials = list(methods?.get(method)?, "credentials");
        Some(credentials.filter_map(|c| text(c, "id")).map(str::to_owned).collect())
    };
    if let Some(credentials) = credentials("private_key_jwt") {
        return Authentication::PrivateKeyJwt { credentials };
    }
    if let Some(credentials) = credentials("tls_client_auth") {
        return Authentication::TlsClientAuth { credentials };
    }
    if let Some(credentials) = credentials("self_signed_tls_client_auth") {
        return Authentication::SelfSignedTlsClientAuth { credentials };
    }
    match text(document, AUTH_METHOD) {
        Some("none") => Authentication::Public,
        Some("private_key_jwt") => Authentication::KeyOfSet,
        Some("self_signed_tls_client_auth") => Authentication::CertificateOfSet,
        Some("tls_client_auth") => {
            Authentication::TlsSubject(text(document, TLS_SUBJECT).unwrap_or_default().to_owned())
        }
        Some(_) | None => Authentication::Secret,
    }
}

/// The texts of a list; all of `default` where there is no list.
fn words_or(document: &Value, name: &str, default: &[&str]) -> Vec<String> {
    if document.get(name).is_some_and(Value::is_array) {
        return words(document, name);
    }
    default.iter().copied().map(str::to_owned).collect()
}

fn channels(document: &Value) -> Vec<Channel> {
    match document.get("async_approval_notification_channels") {
        Some(Value::Array(names)) => {
            names.iter().filter_map(Value::as_str).filter_map(Channel::from_name).collect()
        }
        Some(_) | None => vec![Channel::GuardianPush],
    }
}

fn refresh_tokens(document: &Value) -> RefreshTokens {
    let settings = document.get("refresh_token").unwrap_or(&Value::Null);
    let expires = text(settings, "expiration_type") == Some("expiring");
    let lifetime = |seconds: &str, infinite: &str, default: i64| {
        let is_infinite = flag(settings, infinite, !expires);
        (expires && !is_infinite).then(|| integer(settings, seconds, default))
    };
    RefreshTokens {
        rotate: text(settings, "rotation_type") == Some("rotating"),
        leeway_s: integer(settings, "leeway", 0),
        lifetime_s: lifetime("token_lifetime", "infinite_token_lifetime", 2_592_000),
        idle_lifetime_s: lifetime("idle_token_lifetime", "infinite_idle_token_lifetime", 1_296_000),
    }
}
