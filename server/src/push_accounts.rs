//! With which credentials a tenant's pushes go out: its own, or the server's.

use std::path::Path;
use std::sync::Arc;

use domain::jose::NONCE_BYTES;
use domain::{TenantId, Timestamp};
use store::push_providers::{self, PushProviderRow};
use url::Url;

use crate::App;
use crate::config::{Config, ConfigError};
use crate::failure::{Broken, Failure};
use crate::outside::{Courier, Endpoints, Services, Window};
use crate::push::apns::ApnsAccount;
use crate::push::fcm::FcmAccount;
use crate::push::settings::{Provider, ProviderSettings};
use crate::push::{Accounts, Missing};

/// The setting of tenants that send by themselves.
const DIRECT: &str = "direct";
/// The setting that we keep and do not serve.
const SNS: &str = "sns";
/// Longest file with credentials.
const FILE_BYTES: u64 = 64 * 1024;

impl App {
    /// The accounts that the tenant's pushes are sent with.
    pub async fn push_accounts(
        &self,
        tenant: &TenantId,
        now: Timestamp,
    ) -> Result<Arc<Accounts>, Failure> {
        let Courier::Services(services) = &self.courier else {
            return Ok(Arc::new(Accounts::none("the tray takes every push")));
        };
        let generation = self.database.configuration_generation();
        if let Some(known) = self.known.push.get(tenant, generation, now) {
            return Ok(known);
        }
        let selected = self.tenant(tenant, now).await?;
        let selected = selected.map(|known| known.settings.push_provider.clone());
        let accounts = match selected.as_deref() {
            Some(SNS) => Arc::new(Accounts::none(
                "the tenant selected `sns`, through which this server does not send; select \
                 `direct` (PUT /api/v2/guardian/factors/push-notification/selected-provider)",
            )),
            selected => {
                let apns = self.push_settings(tenant, Provider::Apns).await?;
                let fcm = self.push_settings(tenant, Provider::FcmV1).await?;
                let theirs = Accounts {
                    apns: apns.apns().map(Arc::new).map_err(Missing),
                    fcm: fcm.fcm().map(Arc::new).map_err(Missing),
                };
                Arc::new(chosen(selected == Some(DIRECT), services.own(), &theirs))
            }
        };
        self.known.push.put(tenant.clone(), Arc::clone(&accounts), generation, now);
        Ok(accounts)
    }

    /// What is set for one provider; nothing at all if nothing is.
    pub(crate) async fn push_settings(
        &self,
        tenant: &TenantId,
        provider: Provider,
    ) -> Result<ProviderSettings, Broken> {
        let rows = push_providers::list(&self.database, tenant).await?;
        match rows.iter().find(|row| row.provider == provider.name()) {
            Some(row) => self.opened(tenant, row),
            None => Ok(ProviderSettings::default()),
        }
    }

    /// The settings in a row.
    pub(crate) fn opened(
        &self,
        tenant: &TenantId,
        row: &PushProviderRow,
    ) -> Result<ProviderSettings, Broken> {
        let document = serde_json::from_str(&row.document).map_err(Broken::because)?;
        let Some(sealed) = &row.sealed else {
            return Ok(ProviderSettings { document, secret: None });
        };
        let place = associated(tenant, &row.provider);
        let opened = self.secrets.sealing.open(&place, sealed).map_err(Broken::because)?;
        let secret = serde_json::from_slice(&opened).map_err(Broken::because)?;
        Ok(ProviderSettings { document, secret: Some(secret) })
    }

    /// The row that keeps these settings.
    pub(crate) fn sealed(
        &self,
        tenant: &TenantId,
        provider: Provider,
        settings: &ProviderSettings,
        now: Timestamp,
    ) -> Result<PushProviderRow, Broken> {
        let seal = |secret: &domain::shape::Object| {
            let text = serde_json::to_vec(secret).map_err(Broken::because)?;
            let place = associated(tenant, provider.name());
            let nonce = self.entropy.bytes::<NONCE_BYTES>();
            self.secrets.sealing.seal(nonce, &place, &text).map_err(Broken::because)
        };
        Ok(PushProviderRow {
            provider: provider.name().to_owned(),
            document: serde_json::Value::from(settings.document.clone()).to_string(),
            sealed: settings.secret.as_ref().map(seal).transpose()?,
            updated_at: now,
        })
    }
}

/// Sealed settings open only in their own row.
fn associated(tenant: &TenantId, provider: &str) -> Vec<u8> {
    format!("push_providers/{tenant}/{provider}").into_bytes()
}

/// `direct`: the tenant's own. Otherwise the server's, and the tenant's where the server has none.
fn chosen(is_direct: bool, ours: &Accounts, theirs: &Accounts) -> Accounts {
    if is_direct {
        let path = "PUT /api/v2/guardian/factors/push-notification/providers";
        let told = |Missing(why): &Missing, name| Missing(format!("{why}; {path}/{name} sets it"));
        return Accounts {
            apns: theirs.apns.clone().map_err(|why| told(&why, "apns")),
            fcm: theirs.fcm.clone().map_err(|why| told(&why, "fcmv1")),
        };
    }
    Accounts {
        apns: ours.apns.clone().or_else(|why| theirs.apns.clone().map_err(|_none| why)),
        fcm: ours.fcm.clone().or_else(|why| theirs.fcm.clone().map_err(|_none| why)),
    }
}

/// Apple's and Google's services as the configuration names them.
pub fn services(config: &Config) -> Result<Services, ConfigError> {
    services_behind(config, Window::configured(&config.outbound)?)
}

/// The same for `dev`, whose devices may be on this machine with their push services.
pub fn services_of_dev(config: &Config) -> Result<Services, ConfigError> {
    services_behind(config, Window::for_clients(&config.outbound, true)?)
}

fn services_behind(config: &Config, window: Window) -> Result<Services, ConfigError> {
    let at = |key: &str, text: &str| {
        Url::parse(text).map_err(|error| ConfigError(format!("push.{key}: {error}")))
    };
    let push = &config.push;
    let endpoints = Endpoints {
        apns: at("apns_url", &push.apns_url)?,
        apns_sandbox: at("apns_sandbox_url", &push.apns_sandbox_url)?,
        fcm: at("fcm_url", &push.fcm_url)?,
    };
    Ok(Services::new(Arc::new(window), endpoints, own(config)?))
}

/// The accounts in the files that the configuration names.
pub fn own(config: &Config) -> Result<Accounts, ConfigError> {
    let push = &config.push;
    let none = |key: &str, name: &str| {
        Missing(format!(
            "no credentials: neither has the configuration push.{key}, nor has the tenant its own \
             (PUT /api/v2/guardian/factors/push-notification/providers/{name})"
        ))
    };
    let apns = if push.apns_key_file.as_os_str().is_empty() {
        Err(none("apns_key_file", "apns"))
    } else {
        let p8 = credentials("push.apns_key_file", &push.apns_key_file)?;
        let app = (push.apns_bundle_id.as_str(), push.apns_sandbox);
        let account = ApnsAccount::with_key(app, &p8, (&push.apns_key_id, &push.apns_team_id));
        Ok(account.map_err(|why| {
            let keys = "push.apns_key_file, apns_key_id, apns_team_id, apns_bundle_id";
            ConfigError(format!("{keys}: {why}"))
        })?)
    };
    let fcm = if push.fcm_service_account_file.as_os_str().is_empty() {
        Err(none("fcm_service_account_file", "fcmv1"))
    } else {
        let key = "push.fcm_service_account_file";
        let text = credentials(key, &push.fcm_service_account_file)?;
        Ok(FcmAccount::parse(&text).map_err(|why| ConfigError(format!("{key}: {why}")))?)
    };
    Ok(Accounts { apns: apns.map(Arc::new), fcm: fcm.map(Arc::new) })
}

fn credentials(key: &str, file: &Path) -> Result<String, ConfigError> {
    let named = |what: String| ConfigError(format!("{key}: {}: {what}", file.display()));
    let size = std::fs::metadata(file).map_err(|error| named(error.to_string()))?.len();
    if size > FILE_BYTES {
        return Err(named(format!("is larger than {FILE_BYTES} bytes")));
    }
    std::fs::read_to_string(file).map_err(|error| named(error.to_string()))
}
