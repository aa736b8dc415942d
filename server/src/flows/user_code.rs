//! The parameter `user_code` (C31): whether it is the person's, slowly and not too often; and how
//! it is set.

use domain::oauth::parameters::Parameters;
use domain::oauth::refusal::{Reason, Refusal};
use domain::{Timestamp, UserId};
use store::Written;
use store::user_codes::{self, TryLimit, UserCode};

use crate::App;
use crate::code_hashing::Remembered;
use crate::failure::Failure;
use crate::known::KnownClient;
use crate::tenancy::Context;

/// A person's code is tried this often before tries have to wait, and only they.
const TRIES: TryLimit = TryLimit { tries: 5, window_ms: 900_000 };
/// No code is longer, in characters.
pub(in crate::flows) const MAX_CODE_CHARS: usize = 64;
/// No code is shorter.
pub(in crate::flows) const MIN_CODE_CHARS: usize = 4;

/// Checks the code where the client is registered for codes and the person has one. A code that is
/// right forgets earlier tries.
pub(super) async fn check(
    app: &App,
    context: &Context,
    (client, user, parameters): (&KnownClient, &UserId, &Parameters),
    now: Timestamp,
) -> Result<(), Failure> {
    let client = client.client();
    if !client.takes_user_code || !client.profile.rules().reads_extras {
        return Ok(());
    }
    let tenant = &context.tenant.id;
    let Some(code) = user_codes::one(&app.database, tenant, user).await? else { return Ok(()) };
    let given = parameters.optional("user_code")?;
    let given = given.ok_or_else(|| Refusal::from(Reason::MissingUserCode))?;
    if given.chars().count() > MAX_CODE_CHARS {
        return Err(Refusal::from(Reason::BadUserCode).into());
    }
    let tried = user_codes::take_try(tenant, (user, &code), TRIES, now);
    if app.database.run(tried).await? == Written::Overtaken {
        return Err(too_often(&code, now).into());
    }
    let given = Remembered(given.to_owned());
    if !app.code_hashing.is_right(given, code.hash).await? {
        tracing::info!(client.id = %client.id, user.id = %user, "a wrong user code");
        return Err(Refusal::from(Reason::BadUserCode).into());
    }
    let _written = app.database.run(user_codes::forget_tries(tenant, user)).await?;
    Ok(())
}

fn too_often(code: &UserCode, now: Timestamp) -> Refusal {
    let until = code.tries_from.plus_ms(TRIES.window_ms);
    let wait_s = (until.ms_since(now).max(1) + 999) / 1000;
    Refusal::from(Reason::UserCodeLimit).again_in(wait_s)
}
