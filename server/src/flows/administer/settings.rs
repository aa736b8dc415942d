//! What is set for a tenant as a whole.

use std::sync::atomic::Ordering;

use domain::TenantId;
use domain::oauth::tenant_settings;
use domain::shape::{InvalidBody, Kind, Member, Object, checked, clearable, text};
use serde_json::{Map, Value};
use store::{Written, tenants};
use url::Url;

use super::{ATTEMPTS, sized};
use crate::App;
use crate::denied::{Denial, Denied};
use crate::failure::Broken;
use crate::tenancy;

/// Switches the push factor (W254).
pub async fn switch_push_factor(app: &App, tenant: &TenantId, is_on: bool) -> Result<(), Denial> {
    set(app, tenant, ("push_factor", is_on.into())).await?;
    tracing::info!(tenant.id = %tenant, is_on, "push factor switched");
    Ok(())
}

/// Says when a second factor is asked for (W255).
pub async fn change_mfa_policies(
    app: &App,
    tenant: &TenantId,
    policies: &[Value],
) -> Result<(), Denial> {
    let is_known =
        |policy: &Value| policy.as_str().is_some_and(|policy| POLICIES.contains(&policy));
    let is_twice = policies.len() > POLICIES.len();
    if is_twice || !policies.iter().all(is_known) {
        let message = format!(
            "Payload validation error: it must be a list out of {}, each at most once.",
            POLICIES.join(", ")
        );
        return Err(InvalidBody::because(message).into());
    }
    set(app, tenant, ("mfa_policies", Value::from(policies))).await
}

/// When Auth0 can ask for a second factor.
const POLICIES: [&str; 2] = ["all-applications", "confidence-score"];

/// The app of the tenant's own that people enroll with (W261).
const CUSTOM_APP: &[Member] = &[
    clearable("app_name", Kind::Text(1, 100)),
    clearable("apple_app_link", Kind::Text(1, 2048)),
    clearable("google_app_link", Kind::Text(1, 2048)),
];

/// Changes what is told of the tenant's own app.
pub async fn change_custom_app(
    app: &App,
    tenant: &TenantId,
    body: &Object,
) -> Result<Object, Denial> {
    let change = checked(CUSTOM_APP, body)?;
    for name in ["apple_app_link", "google_app_link"] {
        let is_web = |link: &str| Url::parse(link).is_ok_and(|link| link.scheme() == "https");
        if text(&change, name).is_some_and(|link| !is_web(link)) {
            return Err(InvalidBody::on(name, "It must be an https address").into());
        }
    }
    for _ in 0..ATTEMPTS {
        let row = tenants::one(&app.database, tenant).await?.ok_or(Denied::NoSuchPath)?;
        let mut settings = parsed(&row.settings)?;
        let known = settings.get("custom_app").and_then(Value::as_object).cloned();
        let mut known = known.unwrap_or_default();
        known.extend(change.clone());
        known.retain(|_, value| !value.is_null());
        settings.insert(String::from("custom_app"), Value::Object(known.clone()));
        let text = sized(&Value::Object(settings))?;
        if app.database.run(tenants::change_settings(tenant, &row.settings, &text)).await?
            == Written::Done
        {
            tracing::info!(tenant.id = %tenant, "custom app changed");
            return Ok(known);
        }
    }
    Err(Denied::Contended.into())
}

/// The settings as the Management API shows them.
pub async fn read_settings(app: &App, tenant: &TenantId) -> Result<Object, Denial> {
    let row = tenants::one(&app.database, tenant).await?.ok_or(Denied::NoSuchPath)?;
    Ok(tenant_settings::shown(&parsed(&row.settings)?, &row.display_name))
}

/// Changes the settings that `body` names.
pub async fn change_settings(
    app: &App,
    tenant: &TenantId,
    body: &Object,
) -> Result<Object, Denial> {
    let change = tenant_settings::checked_change(body)?;
    check_certificates(app, body)?;
    for _ in 0..ATTEMPTS {
        let row = tenants::one(&app.database, tenant).await?.ok_or(Denied::NoSuchPath)?;
        let mut settings = parsed(&row.settings)?;
        let name = tenant_settings::apply(&mut settings, &change)?;
        let name = name.unwrap_or_else(|| row.display_name.clone());
        let text = sized(&Value::Object(settings.clone()))?;
        let write = tenants::change(tenant, &row.settings, &text, &name);
        if app.database.run(write).await? == Written::Done {
            tracing::info!(tenant.id = %tenant, "tenant settings changed");
            return Ok(tenant_settings::shown(&settings, &name));
        }
    }
    Err(Denied::Contended.into())
}

/// F16: a profile whose clients are promised FAPI's suites needs certificates that fit them.
fn check_certificates(app: &App, body: &Object) -> Result<(), InvalidBody> {
    if !app.has_other_certificates.load(Ordering::Relaxed) {
        return Ok(());
    }
    let named = body.get("profiles").and_then(Value::as_array).into_iter().flatten();
    let mut profiles = named.filter_map(Value::as_str).filter_map(tenancy::rules_of);
    if profiles.any(|rules| rules.narrows_tls) {
        let what = "fapi-ciba needs RSA certificates on the listener, and the server has another";
        return Err(InvalidBody::on("profiles", what));
    }
    Ok(())
}

pub(super) async fn set(
    app: &App,
    tenant: &TenantId,
    (name, value): (&str, Value),
) -> Result<(), Denial> {
    for _ in 0..ATTEMPTS {
        let row = tenants::one(&app.database, tenant).await?.ok_or(Denied::NoSuchPath)?;
        let mut settings = parsed(&row.settings)?;
        settings.insert(name.to_owned(), value.clone());
        let text = Value::Object(settings).to_string();
        let write = tenants::change_settings(tenant, &row.settings, &text);
        if app.database.run(write).await? == Written::Done {
            return Ok(());
        }
    }
    Err(Denied::Contended.into())
}

fn parsed(settings: &str) -> Result<Map<String, Value>, Broken> {
    serde_json::from_str(settings).map_err(Broken::because)
}
