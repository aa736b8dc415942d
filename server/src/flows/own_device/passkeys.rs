//! `/device/v1/passkeys`: passkeys of a person, and what they confirm (D14, D5). Never added by
//! `Device-Proof` alone.

use device_protocol::aizuchi::decision::{Answer, Body, Said as Signed};
use device_protocol::aizuchi::errors::{Code, Refusal};
use device_protocol::aizuchi::passkey::{
    AddPasskey, Confirms, Consent, NewPasskey, options_ticket,
};
use domain::ciba::transaction::Facts;
use domain::people::{Ticket, User};
use domain::{Fingerprint, TenantId, Timestamp, UserId};
use serde_json::{Value, json};
use store::passkeys::{self, Ceremony, PASSKEY_LIMIT, Passkey};
use store::{Write, Written, log_events, tickets, users};

use super::enroll::dead_ticket;
use super::{Call, Known, invalid_body, known_device};
use crate::App;
use crate::failure::{Broken, OwnFailure};
use crate::flows::DECIDE_TRIES;
use crate::flows::enrolling::good_ticket;
use crate::flows::log::{self, Entry};
use crate::flows::relying_party::{self, Confirmed, Owner, Party};
use crate::meta::Meta;
use crate::tenancy::Context;

/// How long a new passkey may take, in seconds.
const CEREMONY_S: i64 = 5 * 60;
/// Longest name of a passkey, in characters.
const NAME_LIMIT: usize = 64;

/// `POST /device/v1/passkeys/options`: what a new passkey is asked for, under a ticket or by a device.
/// It spends nothing.
pub async fn options(
    app: &App,
    context: &Context,
    (call, body): (Call<'_>, Result<Value, Refusal>),
    now: Timestamp,
) -> Result<Value, OwnFailure> {
    let ticket = match options_ticket(&body?).map_err(invalid_body)? {
        Some(ticket) => Some(ticket_for_passkeys(app, context, &ticket, now).await?),
        None => None,
    };
    let user = match &ticket {
        Some(ticket) => ticket.user.clone(),
        None => known_device(app, context, call, now).await?.device.user,
    };
    let tenant = &context.tenant.id;
    let known = passkeys::of_user(&app.database, tenant, &user).await?;
    check_room(&known)?;
    if ticket.is_none() && known.is_empty() {
        return Err(needs_consent());
    }
    let person = users::one(&app.database, tenant, &user).await?.ok_or_else(dead_ticket)?;
    let owner = Owner { handle: handle(tenant, &user), name: name_of(&person) };
    let (options, document) = party(context)?.begin(owner, &known)?;
    let name = app.entropy.base64url::<32>();
    let ceremony = Ceremony {
        fingerprint: Fingerprint::of(name.as_bytes()),
        user,
        ticket: ticket.map(|ticket| ticket.fingerprint),
        document,
        expires_at: now.plus_seconds(CEREMONY_S),
    };
    match app.database.run(passkeys::begin_ceremony(tenant, &ceremony)).await? {
        Written::Done => Ok(json!({ "challenge": name, "options": options })),
        Written::Overtaken => Err(Broken::because("two challenges of one name").into()),
    }
}

/// `GET /device/v1/passkeys`: those of the person that can be asked for here.
pub async fn list(
    app: &App,
    context: &Context,
    call: Call<'_>,
    now: Timestamp,
) -> Result<Value, OwnFailure> {
    let user = known_device(app, context, call, now).await?.device.user;
    let rows = passkeys::of_user(&app.database, &context.tenant.id, &user).await?;
    let party = party(context)?;
    let shown = party.own(&rows).map(shown).collect::<Result<Vec<_>, _>>()?;
    Ok(json!({ "rp_id": party.id, "passkeys": shown }))
}

/// `POST /device/v1/passkeys`: a further passkey, allowed by one that is there or by a ticket.
pub async fn add(
    app: &App,
    context: &Context,
    (call, body): (Call<'_>, Result<Value, Refusal>),
    now: Timestamp,
) -> Result<Value, OwnFailure> {
    let known = known_device(app, context, call, now).await?;
    let wanted = AddPasskey::parse(&body?).map_err(invalid_body)?;
    let tenant = &context.tenant.id;
    let user = &known.device.user;
    for _ in 0..DECIDE_TRIES {
        let ticket = match &wanted.consent {
            Some(Consent::Ticket(ticket)) => {
                let good = ticket_for_passkeys(app, context, ticket, now).await?;
                Some(Some(good).filter(|ticket| ticket.user == *user).ok_or_else(dead_ticket)?)
            }
            Some(Consent::Passkey(_)) => None,
            None => return Err(needs_consent()),
        };
        let under = ticket.as_ref().map(|ticket| ticket.fingerprint);
        let (passkey, made) = new(app, context, (&wanted.new, user, under), now).await?;
        let allowed = match (&ticket, &wanted.consent) {
            (Some(ticket), _) => tickets::spend_for_passkey(tenant, ticket, now),
            (None, Some(Consent::Passkey(assertion))) => {
                let what = Confirms::Passkey(&wanted.new.challenge);
                confirmed(app, context, (user, assertion, what)).await?.used(tenant, now)
            }
            (None, Some(Consent::Ticket(_)) | None) => return Err(needs_consent()),
        };
        let event = log::event(app, call.meta, added(&passkey, known.device.id.as_str()), now);
        let write = made.and(allowed).and(known.used_up(tenant, now));
        match app.database.run(log_events::append(write, tenant, &event)).await? {
            Written::Done => {
                tracing::info!(user.id = %user, device.id = %known.device.id, "passkey added");
                return Ok(shown(&passkey)?);
            }
            Written::Overtaken => known.check_unused(app, tenant).await?,
        }
    }
    Err(Broken::because("passkeys change faster than one can be added").into())
}

/// What stores the passkey that comes with an enrollment, under its ticket.
pub(super) async fn with_enrollment(
    app: &App,
    context: &Context,
    (passkey, ticket, device, meta): (Option<&Value>, &Ticket, &str, &Meta),
    now: Timestamp,
) -> Result<Write, OwnFailure> {
    let Some(passkey) = passkey else { return Ok(Write::new()) };
    if ticket.is_of_device {
        return Err(needs_consent());
    }
    let wanted = NewPasskey::parse(passkey).map_err(|error| invalid(&error.to_string()))?;
    let under = (&wanted, &ticket.user, Some(ticket.fingerprint));
    let (passkey, made) = new(app, context, under, now).await?;
    let event = log::event(app, meta, added(&passkey, device), now);
    Ok(log_events::append(made, &context.tenant.id, &event))
}

/// The log entry of a passkey that a device has added.
fn added<'a>(passkey: &'a Passkey, device: &str) -> Entry<'a> {
    let details = json!({ "device_id": device, "passkey_name": passkey.name });
    Entry::new("passkey_added", "A person added a passkey", details).of_user(&passkey.user)
}

/// The passkey that answered its challenge, and what takes the challenge and stores it.
async fn new(
    app: &App,
    context: &Context,
    (wanted, user, ticket): (&NewPasskey, &UserId, Option<Fingerprint>),
    now: Timestamp,
) -> Result<(Passkey, Write), OwnFailure> {
    let tenant = &context.tenant.id;
    let fingerprint = Fingerprint::of(wanted.challenge.as_bytes());
    let found = passkeys::ceremony(&app.database, tenant, &fingerprint, now).await?;
    let is_this = |ceremony: &Ceremony| ceremony.user == *user && ceremony.ticket == ticket;
    let ceremony = found.filter(is_this);
    let ceremony = ceremony.ok_or_else(|| invalid("its challenge is too old, or another's"))?;
    let party = party(context)?;
    let made = party.finish((&wanted.credential, &ceremony.document))?;
    let made = made.map_err(|why| invalid(&why))?;
    let known = passkeys::of_user(&app.database, tenant, user).await?;
    check_room(&known)?;
    if known.iter().any(|row| row.id == made.id) {
        return Err(invalid("it is registered already"));
    }
    let name: String = wanted.name.chars().filter(|c| !c.is_control()).take(NAME_LIMIT).collect();
    let passkey = Passkey {
        id: made.id,
        user: user.clone(),
        rp_id: party.id,
        name: name.trim().to_owned(),
        document: made.document,
        created_at: now,
        last_used_at: None,
    };
    let write = passkeys::take_ceremony(tenant, &ceremony.fingerprint)
        .and(passkeys::insert(tenant, &passkey));
    Ok((passkey, write))
}

impl Confirmed {
    /// What notes that it confirmed something, in the write of what it confirmed.
    pub(super) fn used(&self, tenant: &TenantId, now: Timestamp) -> Write {
        passkeys::used(tenant, &self.was, &self.document, now)
    }
}

/// What a passkey of the person has confirmed.
pub(super) async fn confirmed(
    app: &App,
    context: &Context,
    (user, assertion, what): (&UserId, &Value, Confirms<'_>),
) -> Result<Confirmed, OwnFailure> {
    let rows = passkeys::of_user(&app.database, &context.tenant.id, user).await?;
    let confirmed = party(context)?.confirm((assertion, &rows), &what.challenge())?;
    confirmed.map_err(|why| invalid(&why))
}

/// What confirms another key of a device: a passkey, where its person has one (D5).
pub(super) async fn confirmed_key(
    app: &App,
    context: &Context,
    (known, proof, assertion): (&Known, &str, Option<&Value>),
) -> Result<Option<Confirmed>, OwnFailure> {
    let (tenant, user) = (&context.tenant.id, &known.device.user);
    let Some(assertion) = assertion else {
        if passkeys::of_user(&app.database, tenant, user).await?.is_empty() {
            return Ok(None);
        }
        let sentence = "This person has a passkey, which must confirm another key";
        return Err(OwnFailure::refused(Code::PasskeyRequired, sentence));
    };
    confirmed(app, context, (user, assertion, Confirms::Key(proof))).await.map(Some)
}

/// What confirms a decision, where the request demands it (D14). A denial needs nothing.
pub(super) async fn confirmed_decision(
    app: &App,
    context: &Context,
    (facts, signed, body): (&Facts, &Signed, &Body),
) -> Result<Option<Confirmed>, OwnFailure> {
    let is_demanded = facts.asked.beyond.is_passkey_required;
    match &body.passkey {
        None if is_demanded && signed.answer == Answer::Approve => {
            let sentence = "This request wants a passkey beside the approval";
            Err(OwnFailure::refused(Code::PasskeyRequired, sentence))
        }
        None => Ok(None),
        Some(_) if !is_demanded => Err(invalid("this request asks for none")),
        Some(assertion) => {
            let what = Confirms::Decision(&body.decision);
            confirmed(app, context, (facts.user_id(), assertion, what)).await.map(Some)
        }
    }
}

/// What notes that a passkey confirmed something, if one did.
pub(super) fn used(confirmed: Option<&Confirmed>, tenant: &TenantId, now: Timestamp) -> Write {
    confirmed.map(|confirmed| confirmed.used(tenant, now)).unwrap_or_default()
}

/// The good ticket of a code, if a passkey may be registered under it: not under one that a device
/// made by its proof alone.
async fn ticket_for_passkeys(
    app: &App,
    context: &Context,
    ticket: &str,
    now: Timestamp,
) -> Result<Ticket, OwnFailure> {
    let found = good_ticket(app, context, ticket, now).await?;
    let (ticket, _) = found.ok_or_else(dead_ticket)?;
    if ticket.is_of_device { Err(needs_consent()) } else { Ok(ticket) }
}

fn party(context: &Context) -> Result<Party, Broken> {
    let issuer = url::Url::parse(&context.base.issuer).map_err(Broken::because)?;
    let host = issuer.host_str().unwrap_or_default();
    relying_party::party(context, host, &context.tenant.settings.passkey_origins)
}

/// By what authenticators know a person: nothing that means anything elsewhere.
fn handle(tenant: &TenantId, user: &UserId) -> Fingerprint {
    Fingerprint::of(format!("passkeys of\n{tenant}\n{user}").as_bytes())
}

fn name_of(user: &User) -> &str {
    user.email().unwrap_or_else(|| user.id().as_str())
}

fn shown(row: &Passkey) -> Result<Value, Broken> {
    Ok(json!({
        "id": relying_party::credential_id(row)?,
        "name": row.name,
        "created_at": row.created_at.seconds(),
        "last_used_at": row.last_used_at.map(Timestamp::seconds),
    }))
}

fn check_room(known: &[Passkey]) -> Result<(), OwnFailure> {
    if i64::try_from(known.len()).is_ok_and(|count| count < PASSKEY_LIMIT) {
        return Ok(());
    }
    Err(invalid(&format!("a person has at most {PASSKEY_LIMIT}")))
}

fn needs_consent() -> OwnFailure {
    let sentence =
        "A passkey is added with a passkey that is there, or with an administrator's link";
    OwnFailure::refused(Code::PasskeyRequired, sentence)
}

fn invalid(why: &str) -> OwnFailure {
    OwnFailure::refused(Code::PasskeyInvalid, format!("passkey: {why}"))
}
