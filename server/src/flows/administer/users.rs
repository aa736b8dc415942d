//! Users: made, changed, deleted.

use domain::people::{Fields, User};
use domain::shape::Object;
use domain::{TenantId, Timestamp, UserId};
use serde_json::Value;
use store::{Written, enrollments, users};

use super::ATTEMPTS;
use crate::App;
use crate::denied::{Denial, Denied};

/// Makes a user.
pub async fn create_user(
    app: &App,
    tenant: &TenantId,
    body: &Object,
    now: Timestamp,
) -> Result<Value, Denial> {
    let user = User::created(body, &app.entropy.hex::<12>(), now)?;
    match app.database.run(users::insert(tenant, &user, now)).await? {
        Written::Done => {
            tracing::info!(tenant.id = %tenant, user.id = %user.id(), "user created");
            Ok(user.to_json(&Fields::All))
        }
        Written::Overtaken => Err(Denied::UserExists.into()),
    }
}

/// Changes a user.
pub async fn change_user(
    app: &App,
    (tenant, id): (&TenantId, &UserId),
    body: &Object,
    now: Timestamp,
) -> Result<Value, Denial> {
    for _ in 0..ATTEMPTS {
        let was = users::stored(&app.database, tenant, id).await?.ok_or(Denied::NoUser)?;
        let user = was.user.patched(body, now)?;
        match app.database.run(users::replace(tenant, &was, &user, now)).await? {
            Written::Done => {
                tracing::info!(tenant.id = %tenant, user.id = %id, "user changed");
                return Ok(user.to_json(&Fields::All));
            }
            Written::Overtaken => refuse_taken_address(app, tenant, &user).await?,
        }
    }
    Err(Denied::Contended.into())
}

/// Of the two reasons for being overtaken, the one that another attempt does not mend.
async fn refuse_taken_address(app: &App, tenant: &TenantId, user: &User) -> Result<(), Denial> {
    let Some(identity) = user.identities().into_iter().next() else { return Ok(()) };
    let Some(email) = &identity.email else { return Ok(()) };
    let owner =
        users::by_identity_email(&app.database, tenant, &identity.connection, email).await?;
    match owner {
        Some(owner) if owner != *user.id() => Err(Denied::UserExists.into()),
        Some(_) | None => Ok(()),
    }
}

/// Deletes a user with everything that is the user's; one that is gone is no error (W208).
pub async fn delete_user(
    app: &App,
    tenant: &TenantId,
    id: &UserId,
    now: Timestamp,
) -> Result<(), Denial> {
    // Before they are gone: whichever of them listens is told to look.
    let devices = enrollments::of_user(&app.database, tenant, id).await?;
    match app.database.run(users::delete(tenant, id, now)).await? {
        Written::Done => {
            app.open.forget_tenant(tenant);
            for device in &devices {
                app.inboxes.ring(&device.id);
            }
            tracing::info!(tenant.id = %tenant, user.id = %id, "user deleted");
        }
        Written::Overtaken => {}
    }
    Ok(())
}
