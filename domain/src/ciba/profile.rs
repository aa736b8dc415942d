//! The three accents of one protocol (architecture 3), as data: which rule a profile follows.
//! How a refusal sounds in each of them is a column of `oauth::refusal`.

use std::fmt;

use crate::ciba::authorization_details::{self, Limits};
use crate::ciba::delivery::Mode;
use crate::ciba::pacing::PacingRules;
use crate::ciba::signed_request;
use crate::jose::NameLength;
use crate::oauth::binding::BindingRule;

/// Which rules a client is held to: a property of its registration, defaulted by its tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Profile {
    /// As Auth0 does it. The default.
    Auth0,
    /// As CIBA Core says.
    Ciba,
    /// As FAPI-CIBA says.
    FapiCiba,
}

impl Profile {
    /// Every profile.
    pub const ALL: [Self; 3] = [Self::Auth0, Self::Ciba, Self::FapiCiba];

    /// The name in client registrations and tenant settings.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auth0 => "auth0",
            Self::Ciba => "ciba",
            Self::FapiCiba => "fapi-ciba",
        }
    }

    /// The profile of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|profile| profile.as_str() == name)
    }

    /// What this profile asks for and allows.
    pub const fn rules(self) -> &'static Rules {
        match self {
            Self::Auth0 => &AUTH0,
            Self::Ciba => &CIBA,
            Self::FapiCiba => &FAPI_CIBA,
        }
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What becomes of a signed request (C46, F6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignedRequests {
    /// `request` is a parameter like any unknown one.
    Ignored,
    /// It counts, and need not be there.
    Allowed,
    /// It must be there, except under FAPI 2.0 (F19).
    Required,
}

/// The table "Profiles" of the Auth0 requirements, as far as it is not a column of the refusals.
#[expect(clippy::struct_excessive_bools, reason = "independent rules, each a line of the table")]
#[derive(Debug)]
pub struct Rules {
    /// W81: whether every request must carry a `binding_message`, whatever the client says.
    pub binding_message_always_required: bool,
    /// F3: whether a request without `authorization_details` must carry a `binding_message`.
    pub binding_message_or_details_required: bool,
    /// Whether a lifetime above the client's maximum is lowered to it instead of refused (W97).
    pub long_expiry_is_lowered: bool,
    /// Whether `request_expiry` stands in for an absent `requested_expiry` (W58, WD12).
    pub request_expiry_is_alias: bool,
    /// Whether a scope the API does not have is dropped instead of refused (WD20).
    pub unknown_scope_is_dropped: bool,
    /// Whether `login_hint`, as an identifier of issuer and subject, is the only hint there is
    /// (W85, W107); elsewhere there is exactly one of three (C29).
    pub only_login_hints: bool,
    /// Whether an unusable hint is told before what a request lacks (C47).
    pub person_is_judged_first: bool,
    /// Whether `resource` counts without the tenant's compatibility setting, and may repeat (W71).
    pub resource_always_counts: bool,
    /// Whether the text `None` can mean "no audience" (W70, WD18).
    pub audience_none_can_be_absent: bool,
    /// Whether `acr_values`, `claims`, `request_context`, `user_code` and `match` are read (C25,
    /// C31, C57, F10).
    pub reads_extras: bool,
    /// How large `authorization_details` may be.
    pub details: &'static Limits,
    /// What becomes of a signed request.
    pub signed_requests: SignedRequests,
    /// How far ahead a signed request may end, and under an hour, how long it may be good (F9).
    pub request_lifetime_s: i64,
    /// Whether only a first party that is OpenID Connect conformant may ask people (W102).
    pub asks_for_first_parties_only: bool,
    /// Whether clients may authenticate with a secret (F26).
    pub takes_secrets: bool,
    /// Whether clients' assertions may be signed with RSASSA-PKCS1-v1_5 (F17).
    pub takes_pkcs1: bool,
    /// Whether a failed `Authorization: Basic` is answered with a challenge (C66, RFC 6749 5.2).
    pub challenges_basic: bool,
    /// How long an `auth_req_id` is (W50, C54).
    pub auth_req_id: NameLength,
    /// How polls are paced.
    pub pacing: PacingRules,
    /// Whether our listeners may offer no more than FAPI's suites below TLS 1.3 (F16, F38).
    pub narrows_tls: bool,
    /// How outcomes may be delivered.
    pub delivery_modes: &'static [Mode],
    /// When access tokens are bound.
    pub binding: BindingRule,
}

const AUTH0: Rules = Rules {
    binding_message_always_required: true,
    binding_message_or_details_required: false,
    long_expiry_is_lowered: false,
    request_expiry_is_alias: true,
    unknown_scope_is_dropped: true,
    only_login_hints: true,
    person_is_judged_first: false,
    resource_always_counts: false,
    audience_none_can_be_absent: true,
    reads_extras: false,
    details: &authorization_details::NARROW,
    signed_requests: SignedRequests::Ignored,
    request_lifetime_s: signed_request::MAX_LIFETIME_SECONDS,
    asks_for_first_parties_only: true,
    takes_secrets: true,
    takes_pkcs1: true,
    challenges_basic: false,
    auth_req_id: NameLength::Long,
    pacing: PacingRules { longest_interval_s: Some(30), echo_window_ms: 3_000 },
    narrows_tls: false,
    delivery_modes: &[Mode::Poll],
    binding: BindingRule::AsTheApiSays,
};

const CIBA: Rules = Rules {
    binding_message_always_required: false,
    binding_message_or_details_required: false,
    long_expiry_is_lowered: true,
    request_expiry_is_alias: false,
    unknown_scope_is_dropped: false,
    only_login_hints: false,
    person_is_judged_first: true,
    resource_always_counts: true,
    audience_none_can_be_absent: false,
    reads_extras: true,
    details: &authorization_details::WIDE,
    signed_requests: SignedRequests::Allowed,
    request_lifetime_s: signed_request::MAX_LIFETIME_SECONDS,
    asks_for_first_parties_only: false,
    takes_secrets: true,
    takes_pkcs1: true,
    challenges_basic: true,
    auth_req_id: NameLength::Short,
    pacing: PacingRules { longest_interval_s: None, echo_window_ms: 0 },
    narrows_tls: false,
    delivery_modes: &Mode::ALL,
    binding: BindingRule::AsTheClientSays,
};

/// No push (F4), no token that a thief could use (F25).
const FAPI_CIBA: Rules = Rules {
    binding_message_or_details_required: true,
    delivery_modes: &[Mode::Poll, Mode::Ping],
    signed_requests: SignedRequests::Required,
    request_lifetime_s: 3_600,
    takes_secrets: false,
    takes_pkcs1: false,
    narrows_tls: true,
    binding: BindingRule::Always,
    ..CIBA
};
