//! `/bc-authorize`: the checks of W108 in their order, in two parts, because between them the API
//! and the person must be looked up. What comes out is what the transaction stores.

mod extras;
mod rules;
mod stored;

use crate::UserId;
use crate::ciba::authorization_details;
use crate::ciba::delivery::{Mode, NotificationToken};
use crate::ciba::hint::Hint;
use crate::oauth::api::Api;
use crate::oauth::claims::userinfo_audience;
use crate::oauth::client::{Channel, Client};
use crate::oauth::grant::ClientGrant;
use crate::oauth::parameters::Parameters;
use crate::oauth::refusal::Refusal;
use crate::oauth::scope::Scope;

use extras::Extras;

pub use extras::DEVICE_ACR;
pub use stored::NoRequest;

/// What a tenant says about every request.
#[derive(Clone, Copy, Debug)]
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
}

/// A request of good shape; whether its audience exists is not known yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shaped {
    hint: Hint,
    /// The binding message and the scope, or what is wrong with them, which some profiles tell
    /// only once the person is known (C47).
    required: Result<(Option<String>, Scope), Refusal>,
    expires_in_s: i64,
    audience: Option<String>,
    details: Option<String>,
    extras: Extras,
}

impl Shaped {
    /// The API to look up, if one was named.
    pub fn audience(&self) -> Option<&str> {
        self.audience.as_deref()
    }

    /// Whom to look up.
    pub const fn hint(&self) -> &Hint {
        &self.hint
    }
}

/// What was looked up for a request.
#[derive(Clone, Copy, Debug)]
pub struct Found<'a> {
    /// What [`Shaped::audience`] names, if that exists.
    pub api: Option<&'a Api>,
    /// The client's user grant on it, if there is one.
    pub grant: Option<&'a ClientGrant>,
    /// Whom [`Shaped::hint`] means, if there is such a person.
    pub user: Option<(&'a UserId, UserFacts<'a>)>,
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

impl Asked {
    /// The audience that the person is shown (W68).
    pub fn shown_audience(&self) -> String {
        self.audience.clone().unwrap_or_else(|| userinfo_audience(&self.issuer))
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
    parameters.check_no_duplicates(rules::may_repeat(profile))?; // W104
    let hint = rules::hint(parameters, client, tenant)?; // W85 to W89, W107, C29
    let required = rules::required(parameters, client); // W79 to W84
    if !profile.person_is_judged_first {
        required.as_ref().map_err(Clone::clone)?;
    }
    let expires_in_s = rules::expires_in_s(parameters, client, tenant)?; // W53 to W59, W96, W97
    let audience = rules::audience(parameters, profile, tenant)?; // W68 to W71
    let details = parameters.optional_structure("authorization_details")?.map(str::to_owned);
    let extras = extras::extras(parameters, client)?; // C25, F10
    Ok(Shaped { hint, required, expires_in_s, audience, details, extras })
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
    let Shaped { hint: _, required, expires_in_s, mut audience, details, extras } = shaped;
    let (binding_message, scope) = required?;
    let named = (&mut audience, details.as_deref(), scope);
    let scope = for_api(named, (client, tenant), found)?;
    let (user_id, user, channel) = rules::person(client, tenant, found)?; // W90 to W95, W183, W186
    let is_bounded_by_permissions = found.api.is_some_and(|api| api.enforces_policies);
    let scope = if is_bounded_by_permissions {
        rules::permitted_scope(scope, user.permissions) // W151
    } else {
        scope
    };
    Ok(Asked {
        user_id: user_id.clone(),
        issuer: tenant.issuer.to_owned(),
        audience,
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

/// What the API and the client's grant on it tell: the scope that can be granted.
fn for_api(
    (audience, details, scope): (&mut Option<String>, Option<&str>, Scope),
    (client, tenant): (&Client, &TenantRules<'_>),
    found: &Found<'_>,
) -> Result<Scope, Refusal> {
    let profile = client.profile.rules();
    rules::not_the_management_api(audience.as_deref(), tenant)?; // W99
    rules::known_audience(audience, profile, tenant, found.api)?; // W70, W98
    if let Some(api) = found.api {
        rules::access_policy(api, found.grant)?; // W100
        rules::consent_policy(api)?; // W101
    }
    let scope = rules::granted_scope(scope, client, found.api, found.grant)?; // W148, W149, W152
    if let Some(text) = details {
        let details = authorization_details::parse(text)?; // W172 to W174
        rules::registered_types(&details, found.api, found.grant)?; // W176 to W178
    }
    Ok(scope)
}
