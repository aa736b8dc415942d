//! What is set for a tenant as a whole.

use domain::TenantId;
use serde_json::Value;
use store::{Written, tenants};

use super::ATTEMPTS;
use crate::App;
use crate::denied::{Denial, Denied};
use crate::failure::Broken;

/// Switches the push factor (W254).
pub async fn switch_push_factor(app: &App, tenant: &TenantId, is_on: bool) -> Result<(), Denial> {
    for _ in 0..ATTEMPTS {
        let row = tenants::one(&app.database, tenant).await?.ok_or(Denied::NoSuchPath)?;
        let mut settings: Value = serde_json::from_str(&row.settings).map_err(Broken::because)?;
        if let Some(members) = settings.as_object_mut() {
            members.insert(String::from("push_factor"), is_on.into());
        }
        let write = tenants::change_settings(tenant, &row.settings, &settings.to_string());
        match app.database.run(write).await? {
            Written::Done => {
                tracing::info!(tenant.id = %tenant, is_on, "push factor switched");
                return Ok(());
            }
            Written::Overtaken => {}
        }
    }
    Err(Denied::Contended.into())
}
