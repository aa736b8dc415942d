//! The push services of a tenant (W256 to W260).

use domain::shape::Object;
use domain::{TenantId, Timestamp};
use serde_json::Value;
use store::{Written, push_providers};

use super::ATTEMPTS;
use super::settings;
use crate::App;
use crate::denied::{Denial, Denied};
use crate::failure::Broken;
use crate::push::settings::{Provider, ProviderSettings};

/// Selects who sends the tenant's pushes.
pub async fn select_push_provider(
    app: &App,
    tenant: &TenantId,
    provider: &str,
) -> Result<(), Denial> {
    settings::set(app, tenant, ("push_provider", provider.into())).await?;
    tracing::info!(tenant.id = %tenant, provider, "push provider selected");
    Ok(())
}

/// The settings of a provider as they may be shown.
pub async fn show_push_provider(
    app: &App,
    tenant: &TenantId,
    provider: Provider,
) -> Result<Value, Denial> {
    Ok(app.push_settings(tenant, provider).await?.shown(provider))
}

/// Sets a provider anew: what `body` does not name is gone.
pub async fn set_push_provider(
    app: &App,
    (tenant, provider): (&TenantId, Provider),
    body: &Object,
    now: Timestamp,
) -> Result<Value, Denial> {
    let settings = tried_on(ProviderSettings::default(), provider, body).await?;
    let write = push_providers::put(tenant, &app.sealed(tenant, provider, &settings, now)?);
    match app.database.run(write).await? {
        Written::Done => Ok(told(tenant, provider, &settings)),
        Written::Overtaken => Err(Denied::Contended.into()),
    }
}

/// Changes what `body` names; `null` clears.
pub async fn change_push_provider(
    app: &App,
    (tenant, provider): (&TenantId, Provider),
    body: &Object,
    now: Timestamp,
) -> Result<Value, Denial> {
    for _ in 0..ATTEMPTS {
        let rows = push_providers::list(&app.database, tenant).await?;
        let row = rows.iter().find(|row| row.provider == provider.name());
        let was = row.map(|row| app.opened(tenant, row)).transpose()?.unwrap_or_default();
        let settings = tried_on(was, provider, body).await?;
        let write = match row.map(|row| row.updated_at) {
            None => push_providers::put(tenant, &app.sealed(tenant, provider, &settings, now)?),
            Some(was_at) => {
                let at = if now > was_at { now } else { was_at.plus_ms(1) };
                let row = app.sealed(tenant, provider, &settings, at)?;
                push_providers::change(tenant, was_at, &row)
            }
        };
        match app.database.run(write).await? {
            Written::Done => return Ok(told(tenant, provider, &settings)),
            Written::Overtaken => {}
        }
    }
    Err(Denied::Contended.into())
}

/// The settings changed; unpacking a p12 takes a thread of its own for a moment.
async fn tried_on(
    was: ProviderSettings,
    provider: Provider,
    body: &Object,
) -> Result<ProviderSettings, Denial> {
    let body = body.clone();
    let changed = tokio::task::spawn_blocking(move || was.changed(provider, &body));
    Ok(changed.await.map_err(Broken::because)??)
}

fn told(tenant: &TenantId, provider: Provider, settings: &ProviderSettings) -> Value {
    tracing::info!(tenant.id = %tenant, provider = provider.name(), "push provider changed");
    settings.shown(provider)
}
