//! The rules of `/bc-authorize`, one small function each; their order is the parent's.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

use crate::ciba::authorization_details::{self, AuthorizationDetails};
use crate::ciba::hint::{self, Hint, Who};
use crate::ciba::login_hint;
use crate::ciba::profile::{Profile, Rules};
use crate::ciba::request::{Found, Target, TenantRules, UserFacts, words};
use crate::oauth::api::{AccessPolicy, Api, TRANSACTIONAL_WITH_MFA};
use crate::oauth::client::{Channel, Client, REFRESH_TOKEN_GRANT};
use crate::oauth::details_type::DetailsType;
use crate::oauth::exchange;
use crate::oauth::grant::{ClientGrant, SubjectType};
use crate::oauth::parameters::Parameters;
use crate::oauth::refusal::{Reason, Refusal};
use crate::oauth::scope::{OPENID_SCOPES, Scope};
use crate::{Fingerprint, UserId};

/// A request may be for so many APIs at most.
const MAX_RESOURCES: usize = 5;
/// W83: so many characters at most.
pub(super) const MAX_BINDING_MESSAGE_CHARS: usize = 64;

/// W85, W107, C28, C29: the hint there must be, and its shape.
pub(super) fn hint(
    parameters: &Parameters,
    client: &Client,
    tenant: &TenantRules<'_>,
) -> Result<Hint, Refusal> {
    if !client.profile.rules().only_login_hints {
        return hint::only_one(parameters, client, tenant.issuers);
    }
    let user = login_hint::parse(parameters.required("login_hint")?, tenant.issuers)?;
    Ok(Hint::Who(Who::User(user)))
}

/// What every request must have, of the right shape: the words on both devices and the scope.
pub(super) fn required(
    parameters: &Parameters,
    client: &Client,
) -> Result<(Option<String>, Scope), Refusal> {
    let binding_message = binding_message(parameters, client)?; // W81 to W84
    Ok((binding_message, scope(parameters)?)) // W79, W80
}

/// W81 to W84.
fn binding_message(parameters: &Parameters, client: &Client) -> Result<Option<String>, Refusal> {
    let rules = client.profile.rules();
    let is_unique = parameters.has("authorization_details");
    let is_required = rules.binding_message_always_required
        || client.is_binding_message_required
        || (rules.binding_message_or_details_required && !is_unique);
    let given = parameters.optional("binding_message")?;
    let Some(message) = given.filter(|message| !message.trim_matches(' ').is_empty()) else {
        return if is_required { Err(Reason::BindingMessageMissing.into()) } else { Ok(None) };
    };
    match client.profile {
        Profile::Auth0 => auth0_message(message)?,
        Profile::Ciba | Profile::FapiCiba => {
            words::check(message, &client.binding_message_scripts)?;
        }
    }
    Ok(Some(message.to_owned()))
}

/// WD10: what Auth0 takes. Its text stays Auth0's; the log says which character it was.
fn auth0_message(message: &str) -> Result<(), Refusal> {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || " +-_.,:#".contains(c);
    if let Some((before, c)) = message.chars().enumerate().find(|(_, c)| !is_allowed(*c)) {
        let place = before.saturating_add(1);
        return Err(Refusal::because(
            Reason::BadBindingMessage,
            "binding_message can contain only alphanumerics, whitespace and `+-_.,:#` characters",
        )
        .noting(format!("character {place} of binding_message is U+{:04X}", u32::from(c))));
    }
    if message.chars().count() > MAX_BINDING_MESSAGE_CHARS {
        return Err(Reason::BadBindingMessage.into());
    }
    Ok(())
}

/// W79, W80.
fn scope(parameters: &Parameters) -> Result<Scope, Refusal> {
    let scope = Scope::parse(parameters.optional("scope")?.unwrap_or_default())?;
    if scope.is_empty() {
        return Err(Reason::ScopeMissing.into());
    }
    if !scope.has("openid") {
        return Err(Reason::ScopeWithoutOpenid.into());
    }
    Ok(scope)
}

/// W53 to W59, W96, W97.
pub(super) fn expires_in_s(
    parameters: &Parameters,
    client: &Client,
    tenant: &TenantRules<'_>,
) -> Result<i64, Refusal> {
    let profile = client.profile.rules();
    let longest = client.max_requested_expiry_s;
    let default = tenant.default_expiry_s.min(longest);
    if let Some(asked) = parameters.optional_bare("requested_expiry")? {
        return match positive(asked) {
            Some(seconds) if seconds <= longest => Ok(seconds),
            Some(_) if profile.long_expiry_is_lowered => Ok(longest),
            Some(_) | None => {
                let text = format!("requested_expiry must be an integer between 1 and {longest}");
                Err(Refusal::because(Reason::BadExpiry, text))
            }
        };
    }
    if !profile.request_expiry_is_alias {
        return Ok(default);
    }
    // the wrong name can never cause an error (WD12)
    let alias = parameters.optional_bare("request_expiry").ok().flatten();
    Ok(alias.and_then(positive).filter(|seconds| *seconds <= longest).unwrap_or(default))
}

/// A positive integer in decimal digits; one too large to count saturates.
fn positive(text: &str) -> Option<i64> {
    if text.is_empty() || !text.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    Some(text.parse().unwrap_or(i64::MAX)).filter(|seconds| *seconds > 0)
}

/// W68 to W71, R14: the APIs that are named, each once.
pub(super) fn audiences(
    parameters: &Parameters,
    profile: &Rules,
    tenant: &TenantRules<'_>,
) -> Result<Vec<String>, Refusal> {
    let mut named: Vec<String> =
        parameters.optional("audience")?.map(str::to_owned).into_iter().collect();
    let takes_resources =
        profile.resource_always_counts || (tenant.is_resource_compatible && named.is_empty());
    if !takes_resources {
        return Ok(named);
    }
    // Too long a name is told as such.
    parameters.optional("resource")?;
    for resource in parameters.all("resource") {
        if !named.iter().any(|known| known == resource) {
            named.push(resource.to_owned());
        }
    }
    if named.len() > MAX_RESOURCES {
        let text = format!("At most {MAX_RESOURCES} resources may be asked for at a time");
        return Err(Refusal::because(Reason::UnknownAudience, text));
    }
    Ok(named)
}

/// W99, WD19: the Management API is never an audience for CIBA, whatever grants exist.
pub(super) fn not_the_management_api(
    audience: &str,
    tenant: &TenantRules<'_>,
) -> Result<(), Refusal> {
    let is_management =
        tenant.issuers.iter().any(|issuer| audience == format!("{issuer}api/v2/").as_str());
    if !is_management {
        return Ok(());
    }
    let text = format!("Client is not authorized to access \"{audience}\".");
    Err(Refusal::because(Reason::AudienceNotGranted, text))
}

/// W98; W70: `None` is absent, unless an API is called so.
pub(super) fn known_audiences(
    named: &mut Vec<String>,
    profile: &Rules,
    tenant: &TenantRules<'_>,
    targets: &[Target<'_>],
) -> Result<(), Refusal> {
    let is_known = |name: &String| targets.iter().any(|target| target.api.identifier == *name);
    let can_be_absent = profile.audience_none_can_be_absent && tenant.is_audience_none_lenient;
    named.retain(|name| is_known(name) || !(can_be_absent && name == "None"));
    let unknown = named.iter().find(|name| !is_known(name));
    unknown.map_or(Ok(()), |name| Err(exchange::unknown_audience(name)))
}

/// W100: whether the API lets this client act for a person.
pub(super) fn access_policy(Target { api, grant }: &Target<'_>) -> Result<(), Refusal> {
    let is_open = match api.user_policy {
        AccessPolicy::AllowAll => true,
        AccessPolicy::RequireClientGrant => user_grant(*grant).is_some(),
        AccessPolicy::DenyAll => false,
    };
    if is_open { Ok(()) } else { Err(exchange::no_client_grant(&api.identifier)) }
}

fn user_grant(grant: Option<&ClientGrant>) -> Option<&ClientGrant> {
    grant.filter(|grant| grant.subject_type == SubjectType::User)
}

/// W101.
pub(super) fn consent_policy(api: &Api) -> Result<(), Refusal> {
    if !api.forbids_ciba {
        return Ok(());
    }
    let text = format!("The consent policy {TRANSACTIONAL_WITH_MFA} is not supported for CIBA");
    Err(Refusal::because(Reason::ConsentPolicy, text))
}

/// W148, W149, W152, WD20: what can be granted out of what was asked.
pub(super) fn granted_scope(
    scope: Scope,
    client: &Client,
    targets: &[Target<'_>],
) -> Result<Scope, Refusal> {
    let is_known = |word: &str| {
        OPENID_SCOPES.contains(&word) || targets.iter().any(|target| target.api.has_scope(word))
    };
    if !client.profile.rules().unknown_scope_is_dropped
        && let Some(unknown) = scope.iter().find(|word| !is_known(word))
    {
        return Err(Refusal::because(Reason::UnknownScope, format!("Unknown scope: {unknown}")));
    }
    let may_refresh = targets.iter().all(|target| target.api.allows_offline_access)
        && client.has_grant(REFRESH_TOKEN_GRANT);
    let gives = |Target { api, grant }: &Target<'_>, word: &str| {
        let needs_grant = api.user_policy == AccessPolicy::RequireClientGrant;
        api.has_scope(word)
            && (!needs_grant || user_grant(*grant).is_some_and(|grant| grant.scope.has(word)))
    };
    let is_granted = |word: &str| match word {
        "offline_access" => may_refresh,
        _ if OPENID_SCOPES.contains(&word) => true,
        _ => targets.iter().any(|target| gives(target, word)),
    };
    Ok(scope.filtered(is_granted))
}

/// W151: the person's permissions bound the scopes of the API.
pub(super) fn permitted_scope(scope: Scope, permissions: &[String]) -> Scope {
    scope.filtered(|word| {
        OPENID_SCOPES.contains(&word) || permissions.iter().any(|permission| permission == word)
    })
}

/// W176 to W178: every type is an API's, and the grant's where the API wants one; and an object is
/// as the type's schema says, if it has one (R3, decision 35).
pub(super) fn registered_types(
    details: &AuthorizationDetails,
    targets: &[Target<'_>],
) -> Result<(), Refusal> {
    if targets.is_empty() {
        return Err(authorization_details::refused(
            "authorization_details needs an audience, whose API has registered the types"
                .to_owned(),
        ));
    }
    for (position, (name, object)) in details.entries().enumerate() {
        let fault = |what: &str| authorization_details::of_entry(position, what);
        let Some((target, of_type)) = type_named(targets, name) else {
            return Err(fault(&format!("type \"{name}\" is not registered for this API")));
        };
        let is_granted = match target.api.user_policy {
            AccessPolicy::AllowAll => true,
            AccessPolicy::RequireClientGrant => user_grant(target.grant)
                .is_some_and(|grant| grant.details_types.iter().any(|known| known == name)),
            AccessPolicy::DenyAll => false,
        };
        if !is_granted {
            let what = format!("type \"{name}\" is not in the client's grant for this API");
            return Err(fault(&what));
        }
        of_type.check(object).map_err(|what| fault(&what))?;
    }
    Ok(())
}

/// The first API that has registered a type of this name, and the type.
fn type_named<'t>(
    targets: &'t [Target<'_>],
    name: &str,
) -> Option<(&'t Target<'t>, &'t DetailsType)> {
    targets.iter().find_map(|target| {
        Some((target, target.api.details_types.iter().find(|known| known.name == name)?))
    })
}

/// How people are shown the details, in every language that one of the types has: `{lines,
/// template_sha256}`; `None` if none has a template. The hash names the templates as they are at
/// this moment (D11): the SHA-256 of their lines as a JSON list.
pub(super) fn display(details: &AuthorizationDetails, targets: &[Target<'_>]) -> Option<String> {
    let known: Vec<(&DetailsType, &Value)> = details
        .entries()
        .filter_map(|(name, object)| Some((type_named(targets, name)?.1, object)))
        .collect();
    let mut languages: Vec<&str> = known.iter().flat_map(|(one, _)| one.languages()).collect();
    languages.sort_unstable();
    languages.dedup();
    let lines = |language: &str| -> Vec<String> {
        known.iter().flat_map(|(one, object)| one.lines(object, language)).collect()
    };
    let templates = |language: &str| -> String {
        let lines: Value =
            known.iter().flat_map(|(one, _)| one.templates(language)).cloned().collect();
        let hash = Fingerprint::of(lines.to_string().as_bytes());
        BASE64_URL_SAFE_NO_PAD.encode(hash.as_bytes())
    };
    let of_language = |name: &&str| {
        let words = json!({ "lines": lines(name), "template_sha256": templates(name) });
        ((*name).to_owned(), words)
    };
    let shown: Map<String, Value> = languages.iter().map(of_language).collect();
    (!shown.is_empty()).then(|| Value::Object(shown).to_string())
}

/// W90, W91, C51: the person, who can be asked, and how.
pub(super) fn person<'f>(
    client: &Client,
    tenant: &TenantRules<'_>,
    found: &Found<'f>,
) -> Result<(&'f UserId, UserFacts<'f>, Channel), Refusal> {
    let (id, user) = found.user.ok_or(Reason::UnknownUser)?;
    if user.is_blocked {
        return Err(Reason::UserBlocked.into());
    }
    Ok((id, user, channel(client, tenant, &user)?))
}

/// W92 to W95, W183, W186, WD26: the first listed channel that can reach the person.
fn channel(
    client: &Client,
    tenant: &TenantRules<'_>,
    user: &UserFacts<'_>,
) -> Result<Channel, Refusal> {
    let mut text = "No eligible notification channels were found.".to_owned();
    for channel in &client.channels {
        let obstacle = match channel {
            Channel::GuardianPush if !tenant.is_push_enabled => {
                "Push notifications not enabled on tenant"
            }
            Channel::GuardianPush if user.push_devices == 0 => {
                "User does not have push notifications set up"
            }
            Channel::GuardianPush => return Ok(Channel::GuardianPush),
            Channel::Email | Channel::MyAccount => "Channel is not available on this server",
        };
        text = format!("{text} {}: {obstacle}", channel.as_str());
    }
    let refusal = Refusal::because(Reason::NoChannel, text);
    if user.has_pending_enrollment && user.push_devices == 0 {
        return Err(refusal.noting("an enrollment of the user is pending and not confirmed"));
    }
    Err(refusal)
}
