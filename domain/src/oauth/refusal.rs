//! Every refusal of the OAuth endpoints: one line for each thing that can happen, one column for
//! each accent. Nobody chooses a status or an `error` anywhere else.

use std::borrow::Cow;
use std::fmt;

use serde_json::{Map, Value};

use crate::ciba::profile::Profile;

/// Where `error_uri` points when a grant type is not allowed, as Auth0 does (W102).
pub const GRANT_TYPES_URI: &str = "https://auth0.com/docs/clients/client-grant-types";

/// An endpoint that speaks in OAuth errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// `POST /bc-authorize`.
    Backchannel,
    /// `POST /oauth/token`.
    Token,
    /// `POST /oauth/revoke`.
    Revoke,
    /// `POST /oauth/introspect`.
    Introspect,
    /// `/userinfo`.
    Userinfo,
    /// `POST /ciba/cancel`.
    Cancel,
    /// `GET /ciba/events`.
    Events,
    /// `/authorize`, which only ever refuses.
    Authorize,
    /// `/dev/resource`, the sample API of `aizuchi dev`.
    Resource,
    /// `/oidc/register`.
    Register,
    /// `/receipts/{txn}`, for the client that asked.
    Receipt,
}

impl Endpoint {
    /// The path, below the tenant's base.
    pub const fn path(self) -> &'static str {
        match self {
            Self::Backchannel => "/bc-authorize",
            Self::Token => "/oauth/token",
            Self::Revoke => "/oauth/revoke",
            Self::Introspect => "/oauth/introspect",
            Self::Userinfo => "/userinfo",
            Self::Cancel => "/ciba/cancel",
            Self::Events => "/ciba/events",
            Self::Authorize => "/authorize",
            Self::Resource => "/dev/resource",
            Self::Register => "/oidc/register",
            Self::Receipt => "/receipts/{txn}",
        }
    }
}

/// What a refusal looks like on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wire {
    /// The HTTP status.
    pub status: u16,
    /// The value of the member `error`.
    pub error: &'static str,
}

macro_rules! reasons {
    ($($name:ident: [$($endpoint:ident)+] $status:literal $error:literal
        | $status0:literal $error0:literal | $text:literal $(| $text0:literal)?;)+) => {
        /// What happened. Its wire name outside the `auth0` profile is each variant's doc.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Reason { $(#[doc = concat!("`", $error, "`")] $name,)+ }

        impl Reason {
            /// Every reason, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The endpoints at which this can happen.
            pub const fn endpoints(self) -> &'static [Endpoint] {
                match self { $(Self::$name => &[$(Endpoint::$endpoint),+],)+ }
            }

            /// Status and `error` in `profile`.
            pub const fn wire(self, profile: Profile) -> Wire {
                match (self, profile) { $(
                    (Self::$name, Profile::Auth0) => Wire { status: $status0, error: $error0 },
                    (Self::$name, Profile::Ciba | Profile::FapiCiba) =>
                        Wire { status: $status, error: $error },
                )+ }
            }

            const fn texts(self) -> &'static [&'static str] {
                match self { $(Self::$name => &[$text $(, $text0)?],)+ }
            }
        }
    };
}

reasons! {
//  what happened          may be sent at               ciba, fapi-ciba | auth0 | when nothing better is known | in Auth0's words
    UnsupportedMediaType:  [Backchannel Token Revoke Introspect Cancel Register Receipt]
        400 "invalid_request" | 400 "invalid_request" | "The content type of the body is not supported";
    MalformedBody:         [Backchannel Token Revoke Introspect Cancel Register Receipt]
        400 "invalid_request" | 400 "invalid_request" | "The body could not be read";
    BodyTooLarge:          [Backchannel Token Revoke Introspect Cancel Register Receipt]
        413 "invalid_request" | 413 "invalid_request" | "The body is too large";
    MethodNotAllowed:      [Backchannel Token Revoke Introspect Userinfo Cancel Events Register Receipt]
        405 "invalid_request" | 405 "invalid_request" | "The method is not allowed here";
    BadCredentials:        [Backchannel Token Revoke Introspect Cancel Events Receipt]
        401 "invalid_client" | 401 "access_denied" | "Client authentication failed" | "Unauthorized";
    SeveralCredentials:    [Backchannel Token Revoke Introspect Cancel Events Receipt]
        400 "invalid_request" | 400 "invalid_request" | "Only one client authentication method may be used";
    GrantNotAllowed:       [Backchannel Token Events]
        400 "unauthorized_client" | 403 "unauthorized_client" | "Grant type 'urn:openid:params:grant-type:ciba' not allowed for the client.";
    PublicClient:          [Backchannel Token Events]
        401 "invalid_client" | 403 "unauthorized_client" | "Client authentication failed" | "Grant type 'urn:openid:params:grant-type:ciba' not allowed for the client.";
    DuplicateParameter:    [Backchannel Token Revoke Introspect Cancel Receipt]
        400 "invalid_request" | 400 "invalid_request" | "A parameter was sent twice";
    MissingParameter:      [Backchannel Token Revoke Introspect Cancel Events Receipt]
        400 "invalid_request" | 400 "invalid_request" | "A required parameter is missing";
    BadParameter:          [Backchannel Token Revoke Introspect Cancel]
        400 "invalid_request" | 400 "invalid_request" | "A parameter is not acceptable";
    ParameterTooLong:      [Backchannel Token Revoke Introspect Cancel Events Receipt]
        400 "invalid_request" | 400 "invalid_request" | "A parameter is too long";
    BadLoginHint:          [Backchannel]
        400 "invalid_request" | 400 "invalid_request" | "login_hint is required";
    SeveralHints:          [Backchannel]
        400 "invalid_request" | 400 "invalid_request" | "Only one of login_hint, login_hint_token and id_token_hint may be sent";
    BadSignedRequest:      [Backchannel]
        400 "invalid_request" | 400 "invalid_request" | "The signed request cannot be used";
    BadHintToken:          [Backchannel]
        400 "invalid_request" | 400 "invalid_request" | "The hint cannot be used";
    ExpiredHintToken:      [Backchannel]
        400 "expired_login_hint_token" | 400 "invalid_request" | "The login_hint_token has expired";
    BindingMessageMissing: [Backchannel]
        400 "invalid_request" | 400 "invalid_request" | "binding_message is required";
    BadBindingMessage:     [Backchannel]
        400 "invalid_binding_message" | 400 "invalid_request" | "binding_message must not exceed 64 characters";
    ScopeMissing:          [Backchannel]
        400 "invalid_request" | 400 "invalid_request" | "openid scope must be requested";
    ScopeWithoutOpenid:    [Backchannel]
        400 "invalid_scope" | 400 "invalid_request" | "openid scope must be requested";
    MalformedScope:        [Backchannel Token]
        400 "invalid_scope" | 400 "invalid_request" | "scope holds a character that is not allowed";
    UnknownScope:          [Backchannel Token]
        400 "invalid_scope" | 400 "invalid_scope" | "A scope is unknown or was not granted";
    BadExpiry:             [Backchannel]
        400 "invalid_request" | 400 "invalid_request" | "requested_expiry must be an integer between 1 and 300";
    UnknownAudience:       [Backchannel Token]
        400 "invalid_target" | 403 "access_denied" | "Service not found";
    AudienceNotGranted:    [Backchannel Token]
        400 "unauthorized_client" | 403 "access_denied" | "Client is not authorized to access this audience.";
    ConsentPolicy:         [Backchannel]
        400 "invalid_request" | 400 "invalid_request" | "The consent policy transactional-authorization-with-mfa is not supported for CIBA";
    BadAuthorizationDetails: [Backchannel Token]
        400 "invalid_authorization_details" | 400 "invalid_authorization_details" | "authorization_details is not acceptable";
    MissingUserCode:       [Backchannel]
        400 "missing_user_code" | 400 "invalid_request" | "user_code is required for this user";
    BadUserCode:           [Backchannel]
        400 "invalid_user_code" | 400 "invalid_request" | "The user_code is wrong";
    UserCodeLimit:         [Backchannel]
        403 "access_denied" | 429 "too_many_requests" | "Too many wrong user codes";
    TooManyPrompts:        [Backchannel]
        403 "access_denied" | 429 "too_many_requests" | "Too many requests wait for this user";
    UnmetClaim:            [Backchannel]
        403 "access_denied" | 403 "access_denied" | "What the parameter claims calls essential cannot be had";
    UnknownUser:           [Backchannel]
        400 "unknown_user_id" | 400 "unknown_user_id" | "User ID is malformed or unknown";
    UserBlocked:           [Backchannel]
        400 "unknown_user_id" | 403 "access_denied" | "User ID is malformed or unknown" | "user is blocked";
    ContextUnknown:        [Backchannel]
        403 "access_denied" | 403 "access_denied" | "request_context must say where the request comes from";
    Reported:              [Backchannel]
        403 "access_denied" | 403 "access_denied" | "The request was denied";
    NoChannel:             [Backchannel]
        400 "unknown_user_id" | 400 "invalid_request" | "No eligible notification channels were found.";
    KeyReused:             [Backchannel]
        400 "invalid_request" | 400 "invalid_request" | "The Idempotency-Key was used for a different request";
    UserLimit:             [Backchannel]
        403 "access_denied" | 429 "too_many_requests" | "Too many requests for this user.";
    RateLimit:             [Backchannel Token Revoke Introspect Userinfo Cancel Events Register Receipt]
        503 "temporarily_unavailable" | 429 "too_many_requests" | "Rate limit exceeded.";
    UnsupportedGrantType:  [Token]
        400 "unsupported_grant_type" | 403 "unsupported_grant_type" | "Unsupported grant type";
    Undecided:             [Token]
        400 "authorization_pending" | 400 "authorization_pending" | "The end-user authorization is pending";
    TooFast:               [Token Events]
        400 "slow_down" | 429 "slow_down" | "You are polling faster than allowed.";
    Denied:                [Token]
        400 "access_denied" | 400 "access_denied" | "The end-user denied the authorization request or it has been expired";
    Late:                  [Token]
        400 "expired_token" | 400 "access_denied" | "The auth_req_id has expired" | "The end-user denied the authorization request or it has been expired";
    Withdrawn:             [Token]
        400 "access_denied" | 400 "access_denied" | "The authorization request was withdrawn";
    Failed:                [Token]
        400 "access_denied" | 400 "access_denied" | "The authorization request could not be completed";
    UserGone:              [Token]
        400 "access_denied" | 400 "access_denied" | "The end-user denied the authorization request or it has been expired";
    UnknownRequest:        [Token Cancel Events]
        400 "invalid_grant" | 403 "invalid_grant" | "Invalid or expired auth_req_id";
    NoReceipt:             [Receipt]
        404 "not_found" | 404 "not_found" | "There is no such receipt";
    AlreadyDecided:        [Cancel]
        400 "invalid_request" | 400 "invalid_request" | "The authorization request is no longer pending";
    UnknownRefreshToken:   [Token]
        400 "invalid_grant" | 403 "invalid_grant" | "Unknown or invalid refresh token.";
    BindingMissing:        [Backchannel Token]
        400 "invalid_request" | 400 "invalid_request" | "The access token must be bound to a client certificate or a DPoP key, and none was shown";
    BadProof:              [Backchannel Token]
        400 "invalid_dpop_proof" | 400 "invalid_dpop_proof" | "The DPoP proof does not hold";
    NonceWanted:           [Backchannel Token]
        400 "use_dpop_nonce" | 400 "use_dpop_nonce" | "The DPoP proof must carry the nonce of the header DPoP-Nonce";
    NonceWantedHere:       [Userinfo Resource]
        401 "use_dpop_nonce" | 401 "use_dpop_nonce" | "The DPoP proof must carry the nonce of the header DPoP-Nonce";
    InvalidToken:          [Userinfo Resource]
        401 "invalid_token" | 401 "invalid_token" | "The access token is missing, unknown, expired or not meant for this endpoint";
    NoAuthorizePage:       [Authorize]
        400 "unsupported_response_type" | 400 "unsupported_response_type" | "This server asks people on their devices and offers no browser login";
    InvalidRegistrationToken: [Register]
        401 "invalid_token" | 401 "invalid_token" | "The token is missing, unknown, spent, expired or not for this client";
    InvalidClientMetadata: [Register]
        400 "invalid_client_metadata" | 400 "invalid_client_metadata" | "The metadata of the client are not acceptable";
    InvalidRedirectUri:    [Register]
        400 "invalid_redirect_uri" | 400 "invalid_redirect_uri" | "A redirect URI is not acceptable";
    InvalidSoftwareStatement: [Register]
        400 "invalid_software_statement" | 400 "invalid_software_statement" | "The software statement does not hold";
    UnapprovedSoftwareStatement: [Register]
        400 "unapproved_software_statement" | 400 "unapproved_software_statement" | "The issuer of the software statement is not trusted here";
    TooManyClients:        [Register]
        403 "access_denied" | 403 "access_denied" | "This tenant takes no further registrations";
    Broken:                [Backchannel Token Revoke Introspect Userinfo Cancel Events Resource Register Receipt]
        500 "server_error" | 500 "server_error" | "The server met an unexpected condition";
    Unavailable:           [Backchannel Token Revoke Introspect Userinfo Cancel Events Resource Register Receipt]
        503 "temporarily_unavailable" | 503 "temporarily_unavailable" | "The server cannot answer at the moment, try again later";
}

impl Reason {
    /// The text that is sent when nothing better is known.
    pub const fn description(self, profile: Profile) -> &'static str {
        match (profile, self.texts()) {
            (Profile::Auth0, [_, text] | [text])
            | (Profile::Ciba | Profile::FapiCiba, [text, ..]) => text,
            (Profile::Auth0 | Profile::Ciba | Profile::FapiCiba, _) => "",
        }
    }

    /// Where a developer can read more; Auth0 sends it with a grant that is not allowed (W102).
    pub const fn error_uri(self, profile: Profile) -> Option<&'static str> {
        let is_about_grants = matches!(self, Self::GrantNotAllowed | Self::PublicClient);
        match profile {
            Profile::Auth0 if is_about_grants => Some(GRANT_TYPES_URI),
            Profile::Auth0 | Profile::Ciba | Profile::FapiCiba => None,
        }
    }
}

/// The state of a rate limit, for the headers of W115.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// How many requests the limit allows.
    pub limit: u32,
    /// How many are left.
    pub remaining: u32,
    /// When all are back, in seconds since the Unix epoch.
    pub reset_at_s: i64,
}

/// What a `DPoP` proof must carry; kept out of line, since refusals travel by value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nonce(pub String);

/// The caller may not, and may know why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What happened.
    pub reason: Reason,
    text: Option<Cow<'static, str>>,
    /// What the log entry says beyond what the caller is told.
    pub note: Option<Cow<'static, str>>,
    /// Seconds for `Retry-After`.
    pub retry_after_s: Option<i64>,
    /// The grown poll interval in seconds.
    pub interval_s: Option<i64>,
    /// The limit that was met.
    pub rate: Option<Rate>,
    /// The nonce that the next `DPoP` proof must carry.
    pub dpop_nonce: Option<Box<Nonce>>,
}

impl From<Reason> for Refusal {
    fn from(reason: Reason) -> Self {
        Self {
            reason,
            text: None,
            note: None,
            retry_after_s: None,
            interval_s: None,
            rate: None,
            dpop_nonce: None,
        }
    }
}

impl Refusal {
    /// A refusal that says exactly why.
    pub fn because(reason: Reason, text: impl Into<Cow<'static, str>>) -> Self {
        Self { text: Some(text.into()), ..reason.into() }
    }

    /// The same refusal, with something for the log entry only.
    #[must_use]
    pub fn noting(self, note: impl Into<Cow<'static, str>>) -> Self {
        Self { note: Some(note.into()), ..self }
    }

    /// The same refusal, of something that may be tried again after so many seconds.
    #[must_use]
    pub fn again_in(self, wait_s: i64) -> Self {
        Self { retry_after_s: Some(wait_s.max(1)), ..self }
    }

    /// W128: a poll came too early; `interval_s` is the interval from now on.
    pub fn slow_down(interval_s: i64) -> Self {
        let text =
            format!("You are polling faster than allowed. Try again in {interval_s} seconds.");
        Self {
            retry_after_s: Some(interval_s),
            interval_s: Some(interval_s),
            ..Self::because(Reason::TooFast, text)
        }
    }

    /// W111: this user was asked as often as the limit allows.
    pub fn user_limit(rate: Rate, retry_after_s: i64) -> Self {
        let wait = retry_after_s.max(1);
        let text = format!("Too many requests for this user. Try again in {wait} seconds.");
        Self {
            retry_after_s: Some(wait),
            rate: Some(rate),
            ..Self::because(Reason::UserLimit, text)
        }
    }

    /// A limit of the tenant was met (W116 to W120).
    pub fn rate_limit(rate: Rate, retry_after_s: i64) -> Self {
        Self {
            retry_after_s: Some(retry_after_s.max(1)),
            rate: Some(rate),
            ..Reason::RateLimit.into()
        }
    }

    /// A `DPoP` proof lacks this nonce (RFC 9449 8, 9): `NonceWanted` or `NonceWantedHere`.
    pub fn wants_nonce(reason: Reason, nonce: String) -> Self {
        Self { dpop_nonce: Some(Box::new(Nonce(nonce))), ..reason.into() }
    }

    /// The database or another part we need is away; try again in a moment.
    pub fn unavailable(retry_after_s: i64) -> Self {
        Self { retry_after_s: Some(retry_after_s.max(1)), ..Reason::Unavailable.into() }
    }

    /// `error_description` in `profile`. Only Auth0 writes what RFC 6749 (5.2) forbids there.
    pub fn description(&self, profile: Profile) -> Cow<'_, str> {
        let text = self.text.as_deref().unwrap_or_else(|| self.reason.description(profile));
        match profile {
            Profile::Auth0 => Cow::Borrowed(text),
            Profile::Ciba | Profile::FapiCiba => {
                Cow::Owned(text.chars().map(allowed_in_description).collect())
            }
        }
    }

    /// Status and `error` in `profile`.
    pub const fn wire(&self, profile: Profile) -> Wire {
        self.reason.wire(profile)
    }

    /// The JSON body in `profile`.
    pub fn body(&self, profile: Profile) -> Value {
        let mut body = Map::new();
        body.insert("error".into(), self.wire(profile).error.into());
        body.insert("error_description".into(), self.description(profile).into());
        if let Some(uri) = self.reason.error_uri(profile) {
            body.insert("error_uri".into(), uri.into());
        }
        if let (Some(interval_s), Profile::Auth0) = (self.interval_s, profile) {
            body.insert("interval".into(), interval_s.into());
        }
        Value::Object(body)
    }
}

fn allowed_in_description(c: char) -> char {
    match c {
        '"' => '\'',
        '\\' => '/',
        ' '..='~' => c,
        _ => '?',
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.description(Profile::Auth0))
    }
}

impl std::error::Error for Refusal {}
