//! Blocking a person, and taking it back.

use domain::{TenantId, Timestamp, UserId};
use serde_json::{Value, json};
use store::{Written, log_events, users};

use crate::App;
use crate::denied::{Denial, Denied};
use crate::flows::administer::ATTEMPTS;
use crate::flows::log::{self, Entry};
use crate::meta::Meta;

/// From now on nobody can ask this person, or again can.
pub async fn block_user(
    app: &App,
    (tenant, meta): (&TenantId, &Meta),
    (id, is_blocked): (&UserId, bool),
    now: Timestamp,
) -> Result<(), Denial> {
    let mut body = domain::shape::Object::new();
    body.insert(String::from("blocked"), Value::Bool(is_blocked));
    for _ in 0..ATTEMPTS {
        let was = users::stored(&app.database, tenant, id).await?.ok_or(Denied::NoUser)?;
        if was.user.is_blocked() == is_blocked {
            return Ok(());
        }
        let user = was.user.patched(&body, now)?;
        let (kind, description) = if is_blocked {
            ("console_user_blocked", "An operator blocked a person")
        } else {
            ("console_user_unblocked", "An operator unblocked a person")
        };
        let entry = Entry::new(kind, description, json!({})).of_user(id);
        let event = log::event(app, meta, entry, now);
        let write = users::replace(tenant, &was, &user, now);
        match app.database.run(log_events::append(write, tenant, &event)).await? {
            Written::Done => {
                tracing::info!(tenant.id = %tenant, user.id = %id, is_blocked, "user changed");
                return Ok(());
            }
            Written::Overtaken => {}
        }
    }
    Err(Denied::Contended.into())
}
