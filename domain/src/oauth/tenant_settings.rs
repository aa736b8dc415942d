//! The shape of a tenant's settings: those of Auth0's that we use, those we only keep, our own.
//!
//! Stored are our own settings as members of the tenant's settings, and what is only kept under
//! one member of them, so that no name of Auth0's ever means something to us by accident.

use serde_json::{Value, json};

use crate::ciba::context_policy::checked_policy;
use crate::ciba::hint_token::ALGORITHMS;
use crate::ciba::profile::Profile;
use crate::ciba::{ladder, prompt_limits};
use crate::jose::{Jwk, parse_set};
use crate::shape::{InvalidBody, Kind, Member, Object, checked, clearable, member, text, texts};

/// The member of the stored settings that holds what is only kept.
const KEPT: &str = "kept";
/// Largest object that is kept, in bytes.
const KEPT_BYTES: usize = 16 * 1024;
/// The flags of Auth0's that mean something here, and our names for them: that of W192, and whether
/// anybody may register a client.
const FLAGS: [(&str, &str); 2] = [
    ("revoke_refresh_token_grant", "revocation_deletes_grant"),
    ("enable_dynamic_client_registration", "open_registration"),
];

/// A tenant trusts so many issuers of `login_hint_token`s at most, and of software statements.
const MAX_HINT_ISSUERS: usize = 8;
/// The `iss` of one is not longer.
const MAX_ISSUER_CHARS: usize = 255;

/// Passkeys answer from so many origins beside the tenant's own, at most.
const MAX_PASSKEY_ORIGINS: usize = 8;

/// Certification takes no longer interval between polls (C56).
const LONGEST_INTERVAL_S: i64 = 6 * 3600;

/// Receipts are kept no longer: a hundred years.
const LONGEST_RECEIPT_DAYS: i64 = 100 * 366;

/// Settings that mean something to this server, by the names they are stored under.
const OWN: &[Member] = &[
    member("default_profile", Kind::OneOf(&["auth0", "ciba", "fapi-ciba"])),
    member("profiles", Kind::Texts(3, 16)),
    member("lenient_audience_none", Kind::Flag),
    member("resource_parameter_profile", Kind::OneOf(&["audience", "compatibility"])),
    member("strict_device_identifier", Kind::Flag),
    member("require_consent_read", Kind::Flag),
    member("login_hint_token_issuers", Kind::Objects(MAX_HINT_ISSUERS)),
    member("prompt_limits", Kind::Object(1024)),
    member("wake_ladder", Kind::Object(4096)),
    clearable("ciba_interval_s", Kind::Integer(1, LONGEST_INTERVAL_S)),
    member("reuse_revokes_grant", Kind::Flag),
    member("software_statement_issuers", Kind::Objects(MAX_HINT_ISSUERS)),
    member("refuse_shared_secrets", Kind::Flag),
    member("privacy_mode", Kind::Flag),
    member("context_policy", Kind::Object(1024)),
    member("match_code_required", Kind::Flag),
    member("match_style", Kind::OneOf(&["type", "choose"])),
    member("passkey_required", Kind::Flag),
    member("passkey_origins", Kind::Texts(MAX_PASSKEY_ORIGINS, MAX_ISSUER_CHARS)),
    member("receipt_lifetime_days", Kind::Integer(1, LONGEST_RECEIPT_DAYS)),
];

/// Settings of Auth0's that are kept and shown again.
const OTHERS: &[Member] = &[
    clearable("change_password", Kind::Object(KEPT_BYTES)),
    clearable("guardian_mfa_page", Kind::Object(KEPT_BYTES)),
    clearable("default_audience", Kind::Text(0, 600)),
    clearable("default_directory", Kind::Text(0, 255)),
    clearable("error_page", Kind::Object(KEPT_BYTES)),
    clearable("device_flow", Kind::Object(KEPT_BYTES)),
    clearable("default_token_quota", Kind::Object(KEPT_BYTES)),
    clearable("flags", Kind::Object(KEPT_BYTES)),
    clearable("picture_url", Kind::Text(0, 2048)),
    clearable("support_email", Kind::Text(0, 320)),
    clearable("support_url", Kind::Text(0, 2048)),
    clearable("allowed_logout_urls", Kind::Texts(100, 2048)),
    clearable("session_lifetime", Kind::Kept(32)),
    clearable("idle_session_lifetime", Kind::Kept(32)),
    clearable("ephemeral_session_lifetime", Kind::Kept(32)),
    clearable("idle_ephemeral_session_lifetime", Kind::Kept(32)),
    clearable("sandbox_version", Kind::Text(0, 8)),
    clearable("legacy_sandbox_version", Kind::Text(0, 8)),
    clearable("default_redirection_uri", Kind::Text(0, 2048)),
    clearable("enabled_locales", Kind::Texts(100, 16)),
    clearable("security_headers", Kind::Object(KEPT_BYTES)),
    clearable("session_cookie", Kind::Object(KEPT_BYTES)),
    clearable("sessions", Kind::Object(KEPT_BYTES)),
    clearable("oidc_logout", Kind::Object(KEPT_BYTES)),
    clearable("allow_organization_name_in_authentication_api", Kind::Flag),
    clearable("customize_mfa_in_postlogin_action", Kind::Flag),
    clearable("acr_values_supported", Kind::Texts(100, 255)),
    clearable("mtls", Kind::Object(KEPT_BYTES)),
    clearable("pushed_authorization_requests_supported", Kind::Flag),
    clearable("authorization_response_iss_parameter_supported", Kind::Flag),
    clearable("skip_non_verifiable_callback_uri_confirmation_prompt", Kind::Flag),
    clearable("dpop_strict_refresh_token_binding", Kind::Flag),
    clearable("phone_consolidated_experience", Kind::Flag),
    clearable("include_session_metadata_in_tenant_logs", Kind::Flag),
];

/// What a person sees as the tenant's name.
const NAME: &[Member] = &[member("friendly_name", Kind::Text(1, 255))];

/// A change whose members have the right types.
#[derive(Debug)]
pub struct Change {
    own: Object,
    kept: Object,
    name: Option<String>,
}

/// The change that a body asks for.
pub fn checked_change(body: &Object) -> Result<Change, InvalidBody> {
    let own = checked(OWN, body)?;
    let known = |name: &&str| Profile::from_name(name).is_some();
    if own.contains_key("profiles") {
        let profiles = texts(&own, "profiles");
        if profiles.is_empty() || !profiles.iter().all(known) {
            let what = "It must be a list out of auth0, ciba, fapi-ciba";
            return Err(InvalidBody::on("profiles", what));
        }
    }
    for name in ["login_hint_token_issuers", "software_statement_issuers"] {
        let issuers = own.get(name).and_then(Value::as_array);
        issuers.into_iter().flatten().try_for_each(|issuer| trusted_issuer(name, issuer))?;
    }
    if let Some(wrong) = texts(&own, "passkey_origins").into_iter().find(|one| !is_origin(one)) {
        let what = format!("{wrong} is no origin such as https://app.example.com");
        return Err(InvalidBody::on("passkey_origins", what));
    }
    if let Some(limits) = own.get("prompt_limits") {
        prompt_limits::checked(limits).map_err(|what| InvalidBody::on("prompt_limits", what))?;
    }
    own.get("context_policy").map_or(Ok(()), checked_policy)?;
    if let Some(wanted) = own.get("wake_ladder") {
        ladder::checked(wanted).map_err(|what| InvalidBody::on("wake_ladder", what))?;
    }
    let kept = checked(OTHERS, body)?;
    if let Some(flags) = kept.get("flags").and_then(Value::as_object)
        && let Some(name) = flags.iter().find(|(_, flag)| !flag.is_boolean()).map(|(name, _)| name)
    {
        return Err(InvalidBody::on("flags", format!("{name} must be true or false")));
    }
    let name = checked(NAME, body)?;
    Ok(Change { own, kept, name: text(&name, "friendly_name").map(String::from) })
}

/// `https://`, a host and perhaps a port, as browsers write an origin.
fn is_origin(text: &str) -> bool {
    text.strip_prefix("https://").is_some_and(|host| {
        let is_part = |byte: u8| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b':')
        };
        !host.is_empty() && host.bytes().all(is_part)
    })
}

/// C26, C15: who may vouch for people, or for software, says its name and its public keys.
fn trusted_issuer(name: &str, value: &Value) -> Result<(), InvalidBody> {
    let fault = |what: String| InvalidBody::on(name, what);
    let issuer = value.get("issuer").and_then(Value::as_str).unwrap_or_default();
    if issuer.is_empty() || issuer.chars().count() > MAX_ISSUER_CHARS {
        return Err(fault(format!("issuer must have 1 to {MAX_ISSUER_CHARS} characters")));
    }
    let keys = parse_set(value.get("jwks").unwrap_or(&Value::Null));
    let keys = keys.map_err(|error| fault(format!("jwks of {issuer}: {error}")))?;
    let is_usable = |jwk: &Jwk| ALGORITHMS.iter().any(|algorithm| jwk.key.fits(*algorithm));
    if keys.iter().any(is_usable) {
        return Ok(());
    }
    Err(fault(format!("jwks of {issuer}: no key for PS256, ES256 or EdDSA")))
}

/// Puts the change into stored settings; gives the new name, if it has one.
pub fn apply(settings: &mut Object, change: &Change) -> Result<Option<String>, InvalidBody> {
    settings.extend(change.own.clone());
    let default = text(settings, "default_profile").unwrap_or("auth0");
    if settings.contains_key("profiles") && !texts(settings, "profiles").contains(&default) {
        let what = format!("{default} is not one of the profiles of the tenant");
        return Err(InvalidBody::on("default_profile", what));
    }
    let mut kept = settings.get(KEPT).and_then(Value::as_object).cloned().unwrap_or_default();
    let mut flags = kept.get("flags").and_then(Value::as_object).cloned().unwrap_or_default();
    kept.extend(change.kept.clone());
    if let Some(change) = change.kept.get("flags").and_then(Value::as_object) {
        flags.extend(change.clone());
        for (theirs, ours) in FLAGS {
            if let Some(flag) = flags.remove(theirs) {
                settings.insert(ours.to_owned(), flag);
            }
        }
        kept.insert(String::from("flags"), Value::Object(flags));
    }
    kept.retain(|_, value| !value.is_null());
    settings.insert(String::from(KEPT), Value::Object(kept));
    Ok(change.name.clone())
}

/// The settings as the Management API shows them.
pub fn shown(settings: &Object, name: &str) -> Object {
    let mut shown = settings.get(KEPT).and_then(Value::as_object).cloned().unwrap_or_default();
    for Member { name, .. } in OWN {
        if let Some(value) = settings.get(*name) {
            shown.insert((*name).to_owned(), value.clone());
        }
    }
    let known = shown.entry("flags").or_insert_with(|| json!({}));
    if let Some(known) = known.as_object_mut() {
        for (theirs, ours) in FLAGS {
            let flag = settings.get(ours).cloned().unwrap_or(Value::Bool(false));
            known.insert(theirs.to_owned(), flag);
        }
    }
    shown.insert(String::from("friendly_name"), name.into());
    shown
}
