//! Whom a hint means: hint tokens are verified, addresses and numbers looked up (C26 to C28, C48 to
//! C51).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::ciba::hint::{Hint, Who};
use domain::ciba::hint_token;
use domain::oauth::refusal::{Reason, Refusal};
use domain::{Fingerprint, Timestamp, UserId};
use store::{Written, enrollments, replays, users};

use super::ephemeral;
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
    /// What the hint calls them.
    pub(super) name: UserId,
    /// Whether that is their id.
    pub(super) is_by_id: bool,
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
        Hint::Who(Who::User(id))
            if ephemeral::is_one(id.as_str())
                && !client.client().profile.rules().only_login_hints =>
        {
            shown_by(app, context, id, now).await
        }
        Hint::Who(who) => named(app, context, who).await,
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
            Ok(Meant { unspent, ..named(app, context, &vouched.who).await? })
        }
        Hint::IdToken(token) => {
            let keys = app.signing_keys(&context.tenant.id, now).await?;
            let oldest = now.plus_seconds(-i64::from(app.config.ciba.id_token_hint_age_s));
            let of = (&client.client().id, context.base.all.as_slice());
            let user = hint_token::id_token_hint(token, of, |kid| keys.public_key(kid), oldest)?;
            Ok(by_id(user))
        }
    }
}

/// The person whose device made this name for one request; nobody, if it was removed since.
async fn shown_by(
    app: &App,
    context: &Context,
    name: &UserId,
    now: Timestamp,
) -> Result<Meant, Failure> {
    let (device, unspent) = ephemeral::opened(app, context, name.as_str(), now)?;
    let found = enrollments::one(&app.database, &context.tenant.id, &device).await?;
    let user = found.map(|(device, _)| device.user);
    Ok(Meant { user, name: name.clone(), is_by_id: false, unspent: Some(unspent) })
}

fn by_id(user: UserId) -> Meant {
    Meant { user: Some(user.clone()), name: user, is_by_id: true, unspent: None }
}

/// The one user of that name. An address that several accounts share names nobody.
async fn named(app: &App, context: &Context, who: &Who) -> Result<Meant, Failure> {
    let tenant = &context.tenant.id;
    let (mut found, name) = match who {
        Who::User(id) => return Ok(by_id(id.clone())),
        Who::Email(email) => (users::by_email(&app.database, tenant, email).await?, email),
        Who::Phone(number) => (users::by_phone(&app.database, tenant, number).await?, number),
    };
    let first = found.pop();
    let user = first.filter(|_| found.is_empty()).map(|user| user.id().clone());
    Ok(Meant { user, name: UserId::new(name.as_str()), is_by_id: false, unspent: None })
}

/// Who stands for somebody of this name who does not exist (A16): always the same, and never a
/// user's id, whoever is created later.
pub(super) fn nobody_called(name: &str) -> UserId {
    UserId::new(format!(
        "nobody|{}",
        URL_SAFE_NO_PAD.encode(Fingerprint::of(name.as_bytes()).as_bytes())
    ))
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
