//! `/bc-authorize`: the checks of W108 in their order, in two parts, because between them the API
//! and the person must be looked up. What comes out is what the transaction stores.

mod extras;
mod rules;
mod stored;
mod words;

use crate::UserId;
use crate::ciba::authorization_details;
use crate::ciba::delivery::{Mode, NotificationToken};
use crate::ciba::hint::Hint;
use crate::ciba::number::Number;
use crate::oauth::api::Api;
use crate::oauth::claims::userinfo_audience;
use crate::oauth::client::{Channel, Client};
use crate::oauth::grant::ClientGrant;
use crate::oauth::parameters::Parameters;
use crate::oauth::refusal::{Reason, Refusal};
use crate::oauth::scope::Scope;

use extras::Extras;

pub use extras::{CLAIMS, DEVICE_ACR, PASSKEY_ACR, PasskeyWish, WantedClaims};
pub use stored::NoRequest;
pub(crate) use words::SCRIPTS;

/// What a tenant says about every request.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "independent switches of the tenant")]
pub struct TenantRules<'a> {
    /// The issuer under which the request came in, with the final slash.
    pub issuer: &'a str,
    /// Every issuer of the tenant, its own domain's and its custom domains'.
    pub issuers: &'a [String],
    /// How long a request lives when it does not say, in seconds (W53).
    pub default_expiry_s: i64,
    /// Whether `resource` names the audience in profile `auth0` (W71).
    pub is_resource_compatible: bool,
    /// Whether the text `None` means no audience in profile `auth0` (W70).
    pub is_audience_none_lenient: bool,
    /// Whether the push factor is on (W94).
    pub is_push_enabled: bool,
    /// Whether every person must enter a number (D17).
    pub is_match_required: bool,
}

/// A request of good shape; whether its audience exists is not known yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shaped {
    hint: Hint,
    /// The binding message and the scope, or what is wrong with them, which some profiles tell
    /// only once the person is known (C47).
    required: Result<(Option<String>, Scope), Refusal>,
    expires_in_s: i64,
    audiences: Vec<String>,
    details: Option<String>,
    extras: Extras,
}

impl Shaped {
    /// The APIs to look up, as many as were named, each once.
    pub fn audiences(&self) -> &[String] {
        &self.audiences
    }

    /// Whether the person must enter a number, so that only some devices can be asked (C57).
    pub const fn wants_match(&self) -> bool {
        self.extras.wants_match
    }

    /// What the client says of where the request comes from (C83).
    pub fn context(&self) -> Option<&str> {
        self.extras.context.as_deref()
    }

    /// The same request, without the `sub` that `claims` demands: whether a name that is nobody's
    /// belongs to it is not told (A16).
    #[must_use]
    pub fn without_subject(mut self) -> Self {
        self.extras.subject = None;
        self
    }

    /// How much a passkey is wanted, so that only some people and devices can be asked (D14).
    pub const fn passkey_wish(&self) -> PasskeyWish {
        self.extras.passkey
    }

    /// Whether the ID token may name no class but that of a device.
    pub const fn insists_on_device(&self) -> bool {
        self.extras.is_device_essential
    }

    /// Whom to look up.
    pub const fn hint(&self) -> &Hint {
        &self.hint
    }
}

/// What was looked up for a request.
#[derive(Clone, Copy, Debug)]
pub struct Found<'a> {
    /// What [`Shaped::audiences`] name, in their order, as far as they exist.
    pub targets: &'a [Target<'a>],
    /// Whom [`Shaped::hint`] means, if there is such a person.
    pub user: Option<(&'a UserId, UserFacts<'a>)>,
}

/// An API that was named.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// The API.
    pub api: &'a Api,
    /// The client's user grant on it, if there is one.
    pub grant: Option<&'a ClientGrant>,
}

/// What is known of the person who is to be asked.
#[derive(Clone, Copy, Debug)]
pub struct UserFacts<'a> {
    /// Whether an administrator blocked them.
    pub is_blocked: bool,
    /// How many confirmed devices a push can reach.
    pub push_devices: usize,
    /// Whether an enrollment was begun and not finished (W93).
    pub has_pending_enrollment: bool,
    /// Their permissions on the API (W151).
    pub permissions: &'a [String],
}

/// Everything that was asked, and of whom: what the transaction stores.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Who is asked: the very `sub` of the hint (W170).
    pub user_id: UserId,
    /// The issuer under which it was asked: the `iss` of the tokens.
    pub issuer: String,
    /// The identifier of the API, if one was named.
    pub audience: Option<String>,
    /// What only the profiles of CIBA can ask for.
    pub beyond: Beyond,
    /// What will be granted.
    pub scope: Scope,
    /// The words on both devices.
    pub binding_message: Option<String>,
    /// `authorization_details` as the client sent them.
    pub details: Option<String>,
    /// The authentication context class that the ID token names, if one was asked for (C25).
    pub acr: Option<String>,
    /// What the client says of where the request comes from: a JSON object (F10).
    pub request_context: Option<String>,
    /// How long it lives, in seconds.
    pub expires_in_s: i64,
    /// How the person is reached.
    pub channel: Channel,
    /// How the client learns the outcome.
    pub delivery: Mode,
}

/// The rarer things that a request can ask for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Beyond {
    /// The identifiers of further APIs (RFC 8707).
    pub audiences: Vec<String>,
    /// Claims that were asked for one by one.
    pub claims: WantedClaims,
    /// How the details are shown: a JSON object of lists of lines, by language.
    pub display: Option<String>,
    /// Whether a refusal makes the client's next wait longer (A1).
    pub backs_off: bool,
    /// The number that the person must enter; the device is never told which it is.
    pub number: Option<Number>,
    /// Whether an approval is confirmed by a passkey (D14).
    pub is_passkey_required: bool,
}

impl Asked {
    /// The audience that the person is shown (W68).
    pub fn shown_audience(&self) -> String {
        let Some(first) = &self.audience else { return userinfo_audience(&self.issuer) };
        self.beyond.audiences.iter().fold(first.clone(), |all, one| format!("{all} {one}"))
    }
}

/// The first part of W108: what the parameters alone tell. The client is authenticated.
pub fn shape(
    parameters: &Parameters,
    client: &Client,
    tenant: &TenantRules<'_>,
) -> Result<Shaped, Refusal> {
    let profile = client.profile.rules();
    client.may_use_ciba()?; // W102, W103
    parameters.check_no_duplicates(may_repeat(client))?; // W104, C21
    let hint = rules::hint(parameters, client, tenant)?; // W85 to W89, W107, C29
    let required = rules::required(parameters, client); // W79 to W84
    if !profile.person_is_judged_first {
        required.as_ref().map_err(Clone::clone)?;
    }
    let expires_in_s = rules::expires_in_s(parameters, client, tenant)?; // W53 to W59, W96, W97
    let audiences = rules::audiences(parameters, profile, tenant)?; // W68 to W71, R14
    let details = parameters.optional_structure("authorization_details")?.map(str::to_owned);
    let mut extras = extras::extras(parameters, client)?; // C25, F10, C57
    extras.wants_match |= client.is_match_required || tenant.is_match_required;
    if client.is_passkey_required {
        extras.passkey = PasskeyWish::Required;
    }
    Ok(Shaped { hint, required, expires_in_s, audiences, details, extras })
}

/// W104, C21: what the client may send more than once.
pub const fn may_repeat(client: &Client) -> &'static [&'static str] {
    if client.profile.rules().resource_always_counts { &["resource"] } else { &[] }
}

/// C24: what the client wants to be shown when it is told the outcome; nothing from one that polls.
pub fn notification_token(
    parameters: &Parameters,
    client: &Client,
) -> Result<Option<NotificationToken>, Refusal> {
    if !client.delivery_mode.notifies() {
        return Ok(None);
    }
    NotificationToken::parse(parameters.required("client_notification_token")?).map(Some)
}

/// The second part of W108, and C47: whether the client may have what it asks for, and whether and
/// how the person can be asked. Limits come after it.
pub fn decide(
    shaped: Shaped,
    client: &Client,
    tenant: &TenantRules<'_>,
    found: &Found<'_>,
) -> Result<Asked, Refusal> {
    let profile = client.profile.rules();
    if profile.person_is_judged_first {
        rules::person(client, tenant, found)?; // C51
    }
    let Shaped { hint: _, required, expires_in_s, mut audiences, details, extras } = shaped;
    let (binding_message, scope) = required?;
    let named = (&mut audiences, details.as_deref(), scope);
    let (scope, display) = for_apis(named, (client, tenant), found)?;
    let (user_id, user, channel) = rules::person(client, tenant, found)?; // W90 to W95, W183, W186
    if extras.subject.is_some_and(|subject| subject != user_id.as_str()) {
        let text = "claims names another sub than the hint";
        return Err(Refusal::because(Reason::UnmetClaim, text));
    }
    let is_bounded_by_permissions = found.targets.iter().any(|one| one.api.enforces_policies);
    let scope = if is_bounded_by_permissions {
        rules::permitted_scope(scope, user.permissions) // W151
    } else {
        scope
    };
    let mut audiences = audiences.into_iter();
    Ok(Asked {
        user_id: user_id.clone(),
        issuer: tenant.issuer.to_owned(),
        audience: audiences.next(),
        beyond: Beyond {
            audiences: audiences.collect(),
            claims: extras.claims,
            display,
            backs_off: false,
            number: None,
            is_passkey_required: false,
        },
        scope,
        binding_message,
        details,
        acr: extras.acr,
        request_context: extras.context,
        expires_in_s,
        channel,
        delivery: client.delivery_mode,
    })
}

/// What the APIs and the client's grants on them tell: the scope that can be granted, and how the
/// details are shown.
fn for_apis(
    (audiences, details, scope): (&mut Vec<String>, Option<&str>, Scope),
    (client, tenant): (&Client, &TenantRules<'_>),
    found: &Found<'_>,
) -> Result<(Scope, Option<String>), Refusal> {
    let profile = client.profile.rules();
    for audience in audiences.iter() {
        rules::not_the_management_api(audience, tenant)?; // W99
    }
    rules::known_audiences(audiences, profile, tenant, found.targets)?; // W70, W98
    for target in found.targets {
        rules::access_policy(target)?; // W100
        rules::consent_policy(target.api)?; // W101
    }
    let scope = rules::granted_scope(scope, client, found.targets)?; // W148, W149, W152
    let Some(text) = details else { return Ok((scope, None)) };
    let details = authorization_details::parse(text, profile.details)?; // W172 to W174
    rules::registered_types(&details, found.targets)?; // W176 to W178
    Ok((scope, rules::display(&details, found.targets)))
}
