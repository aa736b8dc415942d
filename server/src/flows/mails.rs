//! Mail that is sent: links of enrollment tickets (W248), and wake-ups of people whose devices gave no
//! sign of life. A mail never decides (decision 18).

use domain::ciba::transaction::{Facts, Transaction};
use domain::jose::NONCE_BYTES;
use domain::people::User;
use domain::{TenantId, Timestamp, UserId};
use futures_util::stream::{self, StreamExt as _};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::mails::{self, Mail, Subject};
use store::sealed::{Place, associated};
use store::{Write, Written, enrollments, log_events, transactions, users};

use super::DECIDE_TRIES;
use super::log::{self, Entry};
use crate::App;
use crate::failure::{Broken, Failure};
use crate::language::Language;
use crate::mail::letter::{About, Letter};
use crate::meta::Meta;
use crate::outside::{MailReceipt, Posted, Sender, SmtpAccount, post};
use crate::tenancy::Context;

/// A node that took a mail has this long to send it.
const LEASE_MS: i64 = 60_000;
/// Mail on its way at a time.
const AT_ONCE: usize = 8;
/// The wait before the second try; it doubles with each further one.
const FIRST_WAIT_MS: i64 = 5_000;
/// After so many doublings the wait grows no more: three quarters of an hour.
const WAIT_DOUBLINGS: i64 = 9;
/// A mail is given up after so many tries: a day later.
const TRIES: i64 = 40;

/// What is sealed of a ticket's mail: the link opens an enrollment.
#[derive(Deserialize, Serialize)]
struct Invitation {
    to: String,
    language: String,
    link: String,
}

/// Whom a ticket's link is mailed to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Invited<'a> {
    /// The person.
    pub(crate) user: &'a UserId,
    /// The address.
    pub(crate) to: &'a str,
    /// The language they read.
    pub(crate) language: Language,
    /// The link.
    pub(crate) link: &'a str,
    /// How long it is good.
    pub(crate) expires_at: Timestamp,
}

/// The write that has a ticket's link mailed.
pub(crate) fn invite(
    app: &App,
    context: &Context,
    invited: Invited<'_>,
    now: Timestamp,
) -> Result<Write, Broken> {
    let tenant = &context.tenant.id;
    let id = app.entropy.base64url::<16>();
    let invitation = Invitation {
        to: invited.to.to_owned(),
        language: invited.language.code().to_owned(),
        link: invited.link.to_owned(),
    };
    let text = serde_json::to_vec(&invitation).map_err(Broken::because)?;
    let nonce = app.entropy.bytes::<NONCE_BYTES>();
    let place = associated(Place::Mails, tenant, &id);
    let sealed = app.secrets.sealing.seal(nonce, &place, &text).map_err(Broken::because)?;
    Ok(mails::insert(&Mail {
        tenant: tenant.clone(),
        id,
        user: invited.user.clone(),
        subject: Subject::Ticket { sealed },
        due_at: now,
        attempts: 0,
        expires_at: invited.expires_at,
    }))
}

/// The write that has a person mailed at `due_at` that a request waits, unless a device gave a sign of
/// life until then.
pub(super) fn wake_later(app: &App, tenant: &TenantId, facts: &Facts, due_at: Timestamp) -> Write {
    mails::insert(&Mail {
        tenant: tenant.clone(),
        id: app.entropy.base64url::<16>(),
        user: facts.user_id().clone(),
        subject: Subject::Wake { auth_req_hash: facts.auth_req_hash },
        due_at,
        attempts: 0,
        expires_at: facts.expires_at,
    })
}

/// Sends what is due. One that fails does not hold up the others.
pub async fn send_due_mails(app: &App, now: Timestamp) -> Result<(), Failure> {
    let due = mails::due(&app.database, now).await?;
    let send_one = async |mail: Mail| {
        if let Err(failure) = send(app, mail, now).await {
            tracing::error!(cause = %failure, "a mail could not be sent; it is tried again");
        }
    };
    stream::iter(due).for_each_concurrent(AT_ONCE, send_one).await;
    Ok(())
}

/// A mail that can be handed over.
struct Ready {
    to: String,
    language: Language,
    link: String,
    about: About,
    request: Option<String>,
}

async fn send(app: &App, mail: Mail, now: Timestamp) -> Result<(), Failure> {
    let until = now.plus_ms(LEASE_MS);
    if app.database.run(mails::lease(&mail, until)).await? == Written::Overtaken {
        return Ok(());
    }
    let mail = Mail { due_at: until, ..mail };
    let ready = match &mail.subject {
        Subject::Ticket { sealed } => Some(ticket(app, &mail, sealed)?),
        Subject::Wake { .. } => wake(app, &mail, now).await?,
    };
    let Some(ready) = ready else {
        // Nobody needs it any more.
        let _gone = app.database.run(mails::remove(&mail)).await?;
        return Ok(());
    };
    let account = app.mail_settings(&mail.tenant).await?.and_then(|settings| settings.account());
    let posted = match account {
        Some(account) => handed(app, (&mail, &ready), &account, now).await?,
        None => Posted {
            receipt: MailReceipt::Refused(String::from("no e-mail provider is set")),
            status: None,
        },
    };
    let again_at = next_try(&mail, now);
    let is_last = mail.attempts + 1 >= TRIES || again_at >= mail.expires_at;
    match posted.receipt {
        MailReceipt::Later(_) if !is_last => {
            let _overtaken = app.database.run(mails::again(&mail, again_at)).await?;
            app.metrics.push("email", "later");
            Ok(())
        }
        MailReceipt::Accepted | MailReceipt::Refused(_) | MailReceipt::Later(_) => {
            settle(app, (&mail, &ready), &posted, now).await
        }
    }
}

fn next_try(mail: &Mail, now: Timestamp) -> Timestamp {
    now.plus_ms(FIRST_WAIT_MS << mail.attempts.clamp(0, WAIT_DOUBLINGS))
}

fn ticket(app: &App, mail: &Mail, sealed: &[u8]) -> Result<Ready, Broken> {
    let place = associated(Place::Mails, &mail.tenant, &mail.id);
    let opened = app.secrets.sealing.open(&place, sealed).map_err(Broken::because)?;
    let invitation: Invitation = serde_json::from_slice(&opened).map_err(Broken::because)?;
    Ok(Ready {
        to: invitation.to,
        language: Language::named(&invitation.language).unwrap_or(Language::English),
        link: invitation.link,
        about: About::Ticket,
        request: None,
    })
}

/// A wake-up that is still needed: the request waits, no device has read it, and the person has a
/// device of our own dialect and an address that is theirs.
async fn wake(app: &App, mail: &Mail, now: Timestamp) -> Result<Option<Ready>, Failure> {
    let Subject::Wake { auth_req_hash } = &mail.subject else { return Ok(None) };
    let found = transactions::find(&app.database, &mail.tenant, auth_req_hash).await?;
    let Some(Transaction::Pending(pending)) = found.map(|stored| stored.at(now)) else {
        return Ok(None);
    };
    let facts = pending.facts();
    if facts.consent_read_at.is_some() {
        return Ok(None);
    }
    let devices = enrollments::of_user(&app.database, &mail.tenant, &mail.user).await?;
    let Some(own) = devices.iter().find_map(|device| device.own.as_ref()) else {
        return Ok(None);
    };
    let user = users::one(&app.database, &mail.tenant, &mail.user).await?;
    let address = user.as_ref().filter(|user| user.is_email_verified()).and_then(User::email);
    Ok(address.map(|to| Ready {
        to: to.to_owned(),
        language: Language::named(&own.locale).unwrap_or(Language::English),
        link: format!("{}authenticator/#/request/{}", facts.asked.issuer, facts.consent_id),
        about: About::Wake,
        request: Some(facts.consent_id.to_string()),
    }))
}

async fn handed(
    app: &App,
    (mail, ready): (&Mail, &Ready),
    account: &SmtpAccount,
    now: Timestamp,
) -> Result<Posted, Failure> {
    let tenant = app.tenant(&mail.tenant, now).await?;
    let letter = Letter {
        from: &account.from,
        to: &ready.to,
        language: ready.language,
        tenant: tenant.as_ref().map(|tenant| tenant.display_name.as_str()).unwrap_or_default(),
        link: &ready.link,
        id: &mail.id,
    };
    let message = match letter.message(ready.about) {
        Ok(message) => message,
        Err(why) => {
            return Ok(Posted { receipt: MailReceipt::Refused(why), status: None });
        }
    };
    let public = url::Url::parse(&app.addresses.https).ok();
    let host = public.as_ref().and_then(url::Url::host_str).unwrap_or("localhost");
    let sender = Sender { outbound: &app.config.outbound, is_dev: app.is_dev, host };
    Ok(post(sender, account, &message).await)
}

/// Forgets a mail and tells the log what became of it; never to which address it went.
async fn settle(
    app: &App,
    (mail, ready): (&Mail, &Ready),
    posted: &Posted,
    now: Timestamp,
) -> Result<(), Failure> {
    let (kind, sentence, error) = match &posted.receipt {
        MailReceipt::Accepted => ("gd_send_email", "A mail was handed to its server", None),
        MailReceipt::Refused(why) | MailReceipt::Later(why) => {
            tracing::warn!(tenant.id = %mail.tenant, mail.id, reason = why, "a mail was given up");
            ("gd_send_email_failure", "A mail could not be handed to its server", Some(why))
        }
    };
    app.metrics.push("email", if error.is_none() { "sent" } else { "given_up" });
    let about = match ready.about {
        About::Ticket => "ticket",
        About::Wake => "wake",
    };
    let details = json!({
        "about": about,
        "attempts": mail.attempts + 1,
        "status": posted.status,
        "transaction_linking_id": ready.request,
        "error": error.map(|why| json!({ "message": why })),
    });
    let entry = Entry::new(kind, sentence, details).of_user(&mail.user);
    for _ in 0..DECIDE_TRIES {
        let event = log::event(app, &Meta::default(), entry.clone(), now);
        let write = log_events::append(mails::remove(mail), &mail.tenant, &event);
        if app.database.run(write).await? == Written::Done {
            return Ok(());
        }
    }
    tracing::warn!(mail.id, "what became of a mail was overtaken");
    Ok(())
}
