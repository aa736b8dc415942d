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

/// The hash of no code: looking at it takes as long as looking at a person's.
const NO_CODE: &str = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA\
                       $AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Checks the code where the client is registered for codes and the person has one. A code that is
/// right forgets earlier tries. What comes out is why the person is not asked, where the tenant
/// keeps it private who can be (A16): then a missing or wrong code is no refusal.
pub(super) async fn check(
    app: &App,
    context: &Context,
    (client, user, parameters): (&KnownClient, &UserId, &Parameters),
    now: Timestamp,
) -> Result<Option<Refusal>, Failure> {
    if !client.client().takes_user_code || !client.client().profile.rules().reads_extras {
        return Ok(None);
    }
    if context.tenant.settings.privacy_mode {
        return in_private(app, context, (user, parameters), now).await;
    }
    let tenant = &context.tenant.id;
    let Some(code) = user_codes::one(&app.database, tenant, user).await? else { return Ok(None) };
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
        let client = &client.client().id;
        tracing::info!(client.id = %client, user.id = %user, "a wrong user code");
        return Err(Refusal::from(Reason::BadUserCode).into());
    }
    let _written = app.database.run(user_codes::forget_tries(tenant, user)).await?;
    Ok(None)
}

/// The same steps and the same time for everybody, whether they exist and have a code or not.
async fn in_private(
    app: &App,
    context: &Context,
    (user, parameters): (&UserId, &Parameters),
    now: Timestamp,
) -> Result<Option<Refusal>, Failure> {
    let tenant = &context.tenant.id;
    let kept = user_codes::one(&app.database, tenant, user).await?;
    let given = parameters.optional("user_code")?;
    let Some(given) = given.filter(|given| given.chars().count() <= MAX_CODE_CHARS) else {
        let reason = given.map_or(Reason::MissingUserCode, |_too_long| Reason::BadUserCode);
        return Ok(kept.map(|_code| reason.into()));
    };
    let is_kept = kept.is_some();
    let code = kept.unwrap_or_else(|| UserCode { hash: NO_CODE.to_owned(), tries_from: now });
    let tried = app.database.run(user_codes::take_try(tenant, (user, &code), TRIES, now)).await?;
    let late = too_often(&code, now);
    let is_right = app.code_hashing.is_right(Remembered(given.to_owned()), code.hash).await?;
    Ok(match (is_kept, tried) {
        (false, _) => None,
        (true, Written::Overtaken) => Some(late),
        (true, Written::Done) if !is_right => Some(Reason::BadUserCode.into()),
        (true, Written::Done) => {
            let _written = app.database.run(user_codes::forget_tries(tenant, user)).await?;
            None
        }
    })
}

fn too_often(code: &UserCode, now: Timestamp) -> Refusal {
    let until = code.tries_from.plus_ms(TRIES.window_ms);
    let wait_s = (until.ms_since(now).max(1) + 999) / 1000;
    Refusal::from(Reason::UserCodeLimit).again_in(wait_s)
}

#[cfg(test)]
mod tests {
    use super::NO_CODE;
    use crate::code_hashing::{CodeHashing, Remembered};

    #[tokio::test]
    async fn no_code_is_looked_at_as_any_other() {
        let hashing = CodeHashing::default();
        let code = || Remembered(String::from("1234"));
        let real = hashing.hash(code(), [7; 16]).await.unwrap();
        let work = |hash: &str| hash.split('$').take(4).map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(work(NO_CODE), work(&real));
        assert_eq!(NO_CODE.len(), real.len());
        assert!(!hashing.is_right(code(), NO_CODE.to_owned()).await.unwrap());
    }
}
