//! The codes that people tell clients (C31): set, made and removed by administrators.

use domain::shape::{InvalidBody, Kind, Object, checked, member, required, text};
use domain::{TenantId, Timestamp, UserId};
use store::{Written, user_codes};

use crate::App;
use crate::code_hashing::Remembered;
use crate::denied::{Denial, Denied};
use crate::flows::user_code::{MAX_CODE_CHARS, MIN_CODE_CHARS};

/// A code that is made has so many digits.
const MADE_DIGITS: usize = 8;

/// Sets or changes a user's code, to the one in the body.
pub async fn set_user_code(
    app: &App,
    (tenant, user): (&TenantId, &UserId),
    body: &Object,
    now: Timestamp,
) -> Result<(), Denial> {
    let body = checked(&[member("user_code", Kind::Text(MIN_CODE_CHARS, MAX_CODE_CHARS))], body)?;
    required(&body, &["user_code"])?;
    let code = text(&body, "user_code").ok_or_else(|| InvalidBody::missing("user_code"))?;
    store_code(app, (tenant, user), code, now).await
}

/// Gives a user a new code, which nobody is told again.
pub async fn make_user_code(
    app: &App,
    (tenant, user): (&TenantId, &UserId),
    now: Timestamp,
) -> Result<String, Denial> {
    let code: String = app
        .entropy
        .bytes::<MADE_DIGITS>()
        .iter()
        .filter_map(|byte| char::from_digit(u32::from(*byte) % 10, 10))
        .collect();
    store_code(app, (tenant, user), &code, now).await?;
    Ok(code)
}

/// Removes a user's code: requests need none any more. One that is gone is no error.
pub async fn remove_user_code(
    app: &App,
    (tenant, user): (&TenantId, &UserId),
) -> Result<(), Denial> {
    if app.database.run(user_codes::remove(tenant, user)).await? == Written::Done {
        tracing::info!(tenant.id = %tenant, user.id = %user, "user code removed");
    }
    Ok(())
}

async fn store_code(
    app: &App,
    (tenant, user): (&TenantId, &UserId),
    code: &str,
    now: Timestamp,
) -> Result<(), Denial> {
    let hash = app.code_hashing.hash(Remembered(code.to_owned()), app.entropy.bytes()).await?;
    match app.database.run(user_codes::set(tenant, user, &hash, now)).await? {
        Written::Done => {
            tracing::info!(tenant.id = %tenant, user.id = %user, "user code set");
            Ok(())
        }
        Written::Overtaken => Err(Denied::NoUser.into()),
    }
}
