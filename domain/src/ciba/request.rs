//! `/bc-authorize`: the checks of W108 in their order, in three parts, because between them the
//! API and the person must be looked up. What comes out is what the transaction stores.

mod rules;
mod stored;

use crate::UserId;
use crate::ciba::authorization_details;
use crate::oauth::api::Api;
use crate::oauth::claims::userinfo_audience;
use crate::oauth::client::{Channel, Client};
use crate::oauth::grant::ClientGrant;
use crate::oauth::parameters::Parameters;
use crate::oauth::refusal::{Reason, Refusal};
use crate::oauth::scope::Scope;

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
    user_id: UserId,
    binding_message: Option<String>,
    scope: Scope,
    expires_in_s: i64,
    audience: Option<String>,
    details: Option<String>,
}

impl Shaped {
    /// The API to look up, if one was named.
    pub fn audience(&self) -> Option<&str> {
        self.audience.as_deref()
    }

    /// The person to look up.
    pub const fn user_id(&self) -> &UserId {
        &self.user_id
    }
}

/// A request whose client may have what it asks for; whether the person can be asked is not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permitted {
    shaped: Shaped,
    /// Whether the person's permissions bound the scopes of the API (W151).
    is_bounded_by_permissions: bool,
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
    /// How long it lives, in seconds.
    pub expires_in_s: i64,
    /// How the person is reached.
    pub channel: Channel,
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
    let user_id = rules::login_hint(parameters, profile, tenant)?; // W85 to W89, W107
    let binding_message = rules::binding_message(parameters, client)?; // W81 to W84
    let scope = rules::scope(parameters)?; // W79, W80
    let expires_in_s = rules::expires_in_s(parameters, client, tenant)?; // W53 to W59, W96, W97
    let audience = rules::audience(parameters, profile, tenant)?; // W68 to W71
    let details = parameters.optional_structure("authorization_details")?.map(str::to_owned);
    Ok(Shaped { user_id, binding_message, scope, expires_in_s, audience, details })
}

/// The second part of W108: what the API and the client's grant on it tell.
///
/// `api` is what [`Shaped::audience`] names, `grant` the client's user grant on it, if they exist.
pub fn for_api(
    mut shaped: Shaped,
    client: &Client,
    tenant: &TenantRules<'_>,
    api: Option<&Api>,
    grant: Option<&ClientGrant>,
) -> Result<Permitted, Refusal> {
    let profile = client.profile.rules();
    rules::not_the_management_api(&shaped, tenant)?; // W99
    rules::known_audience(&mut shaped, profile, tenant, api)?; // W70, W98
    if let Some(api) = api {
        rules::access_policy(api, grant)?; // W100
        rules::consent_policy(api)?; // W101
    }
    shaped.scope = rules::granted_scope(shaped.scope, client, api, grant)?; // W148, W149, W152
    if let Some(text) = &shaped.details {
        let details = authorization_details::parse(text)?; // W172 to W174
        rules::registered_types(&details, api, grant)?; // W176 to W178
    }
    let is_bounded_by_permissions = api.is_some_and(|api| api.enforces_policies);
    Ok(Permitted { shaped, is_bounded_by_permissions })
}

/// The third part of W108: whether and how the person can be asked. Limits come after it.
pub fn for_person(
    permitted: Permitted,
    client: &Client,
    tenant: &TenantRules<'_>,
    user: Option<&UserFacts<'_>>,
) -> Result<Asked, Refusal> {
    let Permitted { shaped, is_bounded_by_permissions } = permitted;
    let user = user.ok_or(Reason::UnknownUser)?; // W90
    if user.is_blocked {
        return Err(Reason::UserBlocked.into()); // W91
    }
    let channel = rules::channel(client, tenant, user)?; // W92 to W95, W183, W186
    let scope = if is_bounded_by_permissions {
        rules::permitted_scope(shaped.scope, user.permissions) // W151
    } else {
        shaped.scope
    };
    Ok(Asked {
        user_id: shaped.user_id,
        issuer: tenant.issuer.to_owned(),
        audience: shaped.audience,
        scope,
        binding_message: shaped.binding_message,
        details: shaped.details,
        expires_in_s: shaped.expires_in_s,
        channel,
    })
}
