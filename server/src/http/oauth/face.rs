//! How refusals and faults look on the OAuth endpoints: status and words come from the table of
//! reasons, in the accent of the client, or of the tenant while no client is known.

use axum::Extension;
use axum::response::{IntoResponse, Response};
use domain::ciba::profile::Profile;
use domain::oauth::refusal::{Endpoint, Reason, Refusal};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

use crate::failure::{Broken, Failure, RETRY_AFTER_S};
use crate::flows::authenticate_client::Basic;
use crate::http::limited;
use crate::known::KnownClient;
use crate::tenancy::Context;

/// How a token that is bound to a key is presented (RFC 9449 7.1); the algorithms are those of
/// `domain::jose::dpop`.
const DPOP_CHALLENGE: &str = "DPoP error=\"invalid_token\", algs=\"ES256 PS256 Ed25519\"";

/// The accent one request is answered in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Face {
    profile: Profile,
    endpoint: Endpoint,
    /// Whether the client came with `Authorization: Basic`.
    is_basic: bool,
}

impl Face {
    /// The tenant's accent: before a client is known.
    pub(crate) fn of_tenant(context: &Context, endpoint: Endpoint) -> Self {
        let named = Profile::from_name(&context.tenant.settings.default_profile);
        Self { profile: named.unwrap_or(Profile::Auth0), endpoint, is_basic: false }
    }

    /// The default accent, where not even the tenant is known.
    pub(crate) const fn plain(endpoint: Endpoint) -> Self {
        Self { profile: Profile::Auth0, endpoint, is_basic: false }
    }

    /// For a client that came with this `Authorization: Basic`, if it did.
    pub(crate) const fn to_basic(self, basic: Option<&Basic>) -> Self {
        Self { is_basic: basic.is_some(), ..self }
    }

    /// The client's accent.
    pub(crate) fn of_client(self, client: &KnownClient) -> Self {
        Self { profile: client.client().profile, ..self }
    }

    /// The answer to a failure; told to the log, once.
    pub(crate) fn answer(self, failure: &Failure) -> Response {
        match failure {
            Failure::Refused(refusal) => {
                self.tell(refusal);
                self.refuse(refusal)
            }
            Failure::Broken(broken) => self.apologise(broken),
        }
    }

    fn tell(self, refusal: &Refusal) {
        let wire = refusal.wire(self.profile);
        if matches!(refusal.reason, Reason::Undecided | Reason::TooFast) {
            tracing::debug!(endpoint = self.endpoint.path(), error = wire.error, "refused");
        } else {
            tracing::info!(
                endpoint = self.endpoint.path(),
                status = wire.status,
                error = wire.error,
                reason = ?refusal.reason,
                note = refusal.note.as_deref().unwrap_or_default(),
                "refused"
            );
        }
    }

    fn refuse(self, refusal: &Refusal) -> Response {
        let wire = refusal.wire(self.profile);
        let mut headers = HeaderMap::new();
        if let Some(seconds) = refusal.retry_after_s {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Some(rate) = &refusal.rate {
            limited::tell(&mut headers, rate);
        }
        let nonce = refusal.dpop_nonce.as_ref().map(|nonce| HeaderValue::from_str(&nonce.0));
        if let Some(Ok(nonce)) = nonce {
            headers.insert(HeaderName::from_static("dpop-nonce"), nonce);
        }
        if refusal.reason == Reason::NonceWantedHere {
            let challenge = HeaderValue::from_static("DPoP error=\"use_dpop_nonce\"");
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        if refusal.reason == Reason::InvalidRegistrationToken {
            let challenge = HeaderValue::from_static("Bearer error=\"invalid_token\"");
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        if refusal.reason == Reason::InvalidToken {
            let challenge = HeaderValue::from_static("Bearer error=\"invalid_token\"");
            headers.insert(header::WWW_AUTHENTICATE, challenge);
            headers.append(header::WWW_AUTHENTICATE, HeaderValue::from_static(DPOP_CHALLENGE));
        }
        let is_challenged = self.profile.rules().challenges_basic && self.is_basic;
        if refusal.reason == Reason::BadCredentials && is_challenged {
            let challenge = HeaderValue::from_static("Basic realm=\"aizuchi\"");
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        let status = StatusCode::from_u16(wire.status).unwrap_or(StatusCode::BAD_REQUEST);
        let told = Told { endpoint: self.endpoint.path(), error: wire.error };
        let body = json(status, &refusal.body(self.profile), self.endpoint);
        (Extension(told), headers, body).into_response()
    }

    fn apologise(self, broken: &Broken) -> Response {
        let refusal = if broken.passes() {
            tracing::warn!(endpoint = self.endpoint.path(), cause = %broken, "unavailable");
            Refusal::unavailable(RETRY_AFTER_S.into())
        } else {
            let (endpoint, fault) = (self.endpoint.path(), broken.number());
            tracing::error!(endpoint, fault, cause = %broken, "broken");
            let text = format!("The server met an unexpected condition (fault {fault})");
            Refusal::because(Reason::Broken, text)
        };
        self.refuse(&refusal)
    }
}

/// What a client was told, for the metrics: beside the answer, not in it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Told {
    pub(crate) endpoint: &'static str,
    pub(crate) error: &'static str,
}

/// A JSON answer that nobody may keep (W17); `/bc-authorize` names its character set as recorded
/// (W47), and a resource server as FAPI wants it (F32); the token endpoint does not (W126).
pub(crate) fn json(status: StatusCode, body: &serde_json::Value, endpoint: Endpoint) -> Response {
    let content_type = match endpoint {
        Endpoint::Backchannel | Endpoint::Cancel | Endpoint::Userinfo | Endpoint::Resource => {
            "application/json; charset=utf-8"
        }
        Endpoint::Token
        | Endpoint::Revoke
        | Endpoint::Introspect
        | Endpoint::Events
        | Endpoint::Register
        | Endpoint::Receipt
        | Endpoint::Authorize => "application/json",
    };
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(content_type)),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (status, headers, serde_json::to_string(body).unwrap_or_default()).into_response()
}
