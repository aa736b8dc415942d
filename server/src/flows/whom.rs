//! Whom a hint means: hint tokens are verified, addresses and numbers looked up (C26 to C28, C48 to
//! C51).

use domain::ciba::hint::{Hint, Who};
use domain::ciba::hint_token;
use domain::oauth::refusal::{Reason, Refusal};
use domain::{Fingerprint, Timestamp, UserId};
use store::{Written, replays, users};

use crate::App;
use crate::failure::Failure;
use crate::known::KnownClient;
use crate::tenancy::Context;

/// A token that may be used once: its name's hash, and when it ends.
pub(super) type Unspent = (Fingerprint, Timestamp);

/// Whom a hint means.
#[derive(Debug)]
pub(super) struct Meant {
    /// The user; `None` if nobody, or more than one person, is called so.
    pub(super) user: Option<UserId>,
    /// The hint token, to be spent when the request is good.
    pub(super) unspent: Option<Unspent>,
}

/// Finds whom the hint means. A token that cannot be believed is a refusal.
pub(super) async fn meant(
    app: &App,
    context: &Context,
    (client, hint): (&KnownClient, &Hint),
    now: Timestamp,
) -> Result<Meant, Failure> {
    match hint {
        Hint::Who(who) => Ok(Meant { user: named(app, context, who).await?, unspent: None }),
        Hint::LoginHintToken(token) => {
            let ours = (context.base.issuer.as_str(), context.base.all.as_slice());
            let trusted = &context.tenant.hint_issuers;
            let vouched = hint_token::login_hint_token(token, trusted, ours, now)?;
            if !client.client().hint_token_types.iter().any(|one| one == vouched.kind) {
                let text = format!("login_hint_token of {} is not the client's", vouched.kind);
                return Err(Refusal::because(Reason::BadHintToken, text).into());
            }
            let name = format!("login_hint_token\n{}\n{}", vouched.issuer, vouched.jti);
            let unspent = Some((Fingerprint::of(name.as_bytes()), vouched.expires_at));
            Ok(Meant { user: named(app, context, &vouched.who).await?, unspent })
        }
        Hint::IdToken(token) => {
            let keys = app.signing_keys(&context.tenant.id, now).await?;
            let oldest = now.plus_seconds(-i64::from(app.config.ciba.id_token_hint_age_s));
            let of = (&client.client().id, context.base.all.as_slice());
            let user = hint_token::id_token_hint(token, of, |kid| keys.public_key(kid), oldest)?;
            Ok(Meant { user: Some(user), unspent: None })
        }
    }
}

/// The one user of that name. An address that several accounts share names nobody.
async fn named(app: &App, context: &Context, who: &Who) -> Result<Option<UserId>, Failure> {
    let tenant = &context.tenant.id;
    let mut found = match who {
        Who::User(id) => return Ok(Some(id.clone())),
        Who::Email(email) => users::by_email(&app.database, tenant, email).await?,
        Who::Phone(number) => users::by_phone(&app.database, tenant, number).await?,
    };
    let first = found.pop();
    Ok(first.filter(|_| found.is_empty()).map(|user| user.id().clone()))
}

/// Spends one token of a request, once, however often the request is decided anew.
#[derive(Debug, Default)]
pub(super) struct OnceOnly {
    is_spent: bool,
}

impl OnceOnly {
    /// Remembers the token, durably and for all nodes; a second use is refused (C26, C43).
    pub(super) async fn spend(
        &mut self,
        app: &App,
        context: &Context,
        (unspent, reason): (Option<Unspent>, Reason),
        now: Timestamp,
    ) -> Result<(), Failure> {
        let Some((hash, expires_at)) = unspent.filter(|_| !self.is_spent) else { return Ok(()) };
        self.is_spent = true;
        let refused = || Refusal::because(reason, "The token was used before");
        if !app.seen.first_use(hash, expires_at, now) {
            return Err(refused().into());
        }
        match app.database.run(replays::first_use(&context.tenant.id, &hash, expires_at)).await? {
            Written::Done => Ok(()),
            Written::Overtaken => Err(refused().into()),
        }
    }
}
