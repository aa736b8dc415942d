//! The e-mail provider of a tenant, in Auth0's shape (W278).

use domain::jose::NONCE_BYTES;
use domain::shape::{Object, required};
use domain::{TenantId, Timestamp};
use serde_json::Value;
use store::push_providers::{self, PushProviderRow};
use store::sealed::{Place, associated};
use store::{Write, Written};

use super::ATTEMPTS;
use crate::App;
use crate::denied::{Denial, Denied, Inexistent};
use crate::failure::Broken;
use crate::mail::settings::{MailSettings, SMTP};

impl App {
    /// What is set for the tenant's mail; `None` if nothing is.
    pub(crate) async fn mail_settings(
        &self,
        tenant: &TenantId,
    ) -> Result<Option<MailSettings>, Broken> {
        let row = row(self, tenant).await?;
        row.map(|row| opened(self, tenant, &row)).transpose()
    }
}

async fn row(app: &App, tenant: &TenantId) -> Result<Option<PushProviderRow>, Broken> {
    let rows = push_providers::list(&app.database, tenant).await?;
    Ok(rows.into_iter().find(|row| row.provider == SMTP))
}

fn opened(app: &App, tenant: &TenantId, row: &PushProviderRow) -> Result<MailSettings, Broken> {
    let document = serde_json::from_str(&row.document).map_err(Broken::because)?;
    let place = associated(Place::PushProviders, tenant, SMTP);
    let open = |sealed: &Vec<u8>| {
        let text = app.secrets.sealing.open(&place, sealed).map_err(Broken::because)?;
        serde_json::from_slice(&text).map_err(Broken::because)
    };
    let secret = row.sealed.as_ref().map(open).transpose()?;
    Ok(MailSettings { document, secret })
}

fn sealed(
    app: &App,
    tenant: &TenantId,
    settings: &MailSettings,
    now: Timestamp,
) -> Result<PushProviderRow, Broken> {
    let seal = |secret: &Object| {
        let text = serde_json::to_vec(secret).map_err(Broken::because)?;
        let place = associated(Place::PushProviders, tenant, SMTP);
        let nonce = app.entropy.bytes::<NONCE_BYTES>();
        app.secrets.sealing.seal(nonce, &place, &text).map_err(Broken::because)
    };
    Ok(PushProviderRow {
        provider: SMTP.to_owned(),
        document: Value::from(settings.document.clone()).to_string(),
        sealed: settings.secret.as_ref().map(seal).transpose()?,
        updated_at: now,
    })
}

/// The settings as they may be shown.
pub(crate) async fn show_mail_provider(app: &App, tenant: &TenantId) -> Result<Value, Denial> {
    let settings = app.mail_settings(tenant).await?.ok_or(Inexistent::MailProvider)?;
    Ok(settings.shown())
}

/// Sets the provider where none is set.
pub(crate) async fn create_mail_provider(
    app: &App,
    tenant: &TenantId,
    body: &Object,
    now: Timestamp,
) -> Result<Value, Denial> {
    required(body, &["name", "credentials"])?;
    let settings = MailSettings::default().changed(body)?;
    if row(app, tenant).await?.is_some() {
        return Err(Denied::MailProviderExists.into());
    }
    let write = push_providers::put(tenant, &sealed(app, tenant, &settings, now)?);
    ran(app, tenant, write).await?.then(|| settings.shown()).ok_or(Denied::Contended.into())
}

/// Changes what `body` names; `null` clears.
pub(crate) async fn change_mail_provider(
    app: &App,
    tenant: &TenantId,
    body: &Object,
    now: Timestamp,
) -> Result<Value, Denial> {
    for _ in 0..ATTEMPTS {
        let was = row(app, tenant).await?.ok_or(Inexistent::MailProvider)?;
        let settings = opened(app, tenant, &was)?.changed(body)?;
        let at = if now > was.updated_at { now } else { was.updated_at.plus_ms(1) };
        let now_row = sealed(app, tenant, &settings, at)?;
        let write = push_providers::change(tenant, was.updated_at, &now_row);
        if ran(app, tenant, write).await? {
            return Ok(settings.shown());
        }
    }
    Err(Denied::Contended.into())
}

/// Forgets the provider with its password.
pub(crate) async fn delete_mail_provider(app: &App, tenant: &TenantId) -> Result<(), Denial> {
    let write = push_providers::remove(tenant, SMTP);
    ran(app, tenant, write).await?.then_some(()).ok_or_else(|| Inexistent::MailProvider.into())
}

async fn ran(app: &App, tenant: &TenantId, write: Write) -> Result<bool, Denial> {
    let is_done = app.database.run(write).await? == Written::Done;
    if is_done {
        tracing::info!(tenant.id = %tenant, "mail provider changed");
    }
    Ok(is_done)
}
