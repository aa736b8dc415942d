//! What clients show of themselves: their sites are looked at when they name one, and again each day,
//! through the one window; never while a request begins. People are shown what we have seen there,
//! or nothing (decision record 32).

use std::time::Duration;

use bytes::Bytes;
use domain::jose::json;
use domain::oauth::client::Client;
use domain::oauth::client_site::{MAX_SITE_BYTES, PictureKind, SiteKind, names_client};
use domain::shape::Object;
use domain::{ClientId, Fingerprint, TenantId, Timestamp};
use futures_util::stream::{self, StreamExt as _};
use serde_json::{Value, json};
use store::client_sites::{self, ClientSite};
use store::{Write, Written, log_events, logos};

use super::DECIDE_TRIES;
use super::log::{self, Entry};
use crate::App;
use crate::failure::Failure;
use crate::meta::Meta;
use crate::outside::{Call, CallLimits, Unanswered};

/// What a look may cost.
const LIMITS: CallLimits =
    CallLimits { within: Duration::from_secs(5), answer_bytes: MAX_SITE_BYTES };
/// A node that looks has this long to say what it saw.
const LEASE_MS: i64 = 60_000;
/// Sites that are looked at at a time.
const AT_ONCE: usize = 8;
const DAY_MS: i64 = 86_400_000;
/// What was seen is shown for so long, if all later looks have no answer.
const GOOD_MS: i64 = 7 * DAY_MS;
/// A picture is kept for so long beyond that: no request that names it lives longer.
const KEPT_MS: i64 = 4 * DAY_MS;
/// The wait before the second look at a site that did not answer; it doubles with each further one.
const FIRST_WAIT_MS: i64 = 60_000;
/// After so many doublings the wait grows no more: 17 hours.
const WAIT_DOUBLINGS: i64 = 10;

/// The write of a client's change, and with it what is to be looked at: what `document` names and
/// `was` did not, or what the change says once more.
pub(super) fn wanted(
    write: Write,
    (tenant, client): (&TenantId, &ClientId),
    (was, document): (Option<(&Value, &Object)>, &Value),
    now: Timestamp,
) -> Write {
    SiteKind::ALL.into_iter().fold(write, |write, kind| {
        let before = was.and_then(|(existing, _)| kind.named_by(existing));
        let is_said = was.is_none_or(|(_, body)| body.contains_key(kind.member()));
        match (before, kind.named_by(document)) {
            (before, Some(named)) if is_said || before != Some(named) => {
                write.and(client_sites::want(tenant, client, (kind, named), now))
            }
            (Some(_), None) => write.and(client_sites::forget(tenant, client, kind)),
            (Some(_) | None, Some(_)) | (None, None) => write,
        }
    })
}

/// Has somebody look soon, if a client names anything.
pub(super) fn ring(app: &App, document: &Value) {
    if SiteKind::ALL.into_iter().any(|kind| kind.named_by(document).is_some()) {
        app.site_bell.notify_one();
    }
}

/// Looks at what is due. One that fails does not hold up the others.
pub async fn look_at_due_sites(app: &App, now: Timestamp) -> Result<(), Failure> {
    let due = client_sites::due(&app.database, now).await?;
    let look_at_one = async |site: ClientSite| {
        if let Err(failure) = look_at(app, site, now).await {
            tracing::error!(cause = %failure, "a client's site could not be looked at");
        }
    };
    stream::iter(due).for_each_concurrent(AT_ONCE, look_at_one).await;
    Ok(())
}

/// What was seen.
enum Seen {
    Picture(PictureKind, Bytes),
    Vouched,
    /// It is there, and is not what it should be.
    Wrong(String),
    /// Nobody answered.
    Nothing(String),
}

async fn look_at(app: &App, site: ClientSite, now: Timestamp) -> Result<(), Failure> {
    let until = now.plus_ms(LEASE_MS);
    if app.database.run(client_sites::lease(&site, now, until)).await? == Written::Overtaken {
        return Ok(());
    }
    let site = ClientSite { due_at: until, looked_at: Some(now), ..site };
    let known = app.client(&site.tenant, &site.client, now).await?;
    let Some(known) = known else {
        let forgotten = client_sites::forget(&site.tenant, &site.client, site.kind);
        let _gone = app.database.run(forgotten).await?;
        return Ok(());
    };
    let seen = match fetched(app, &site).await {
        Err(nothing) => nothing,
        Ok(bytes) => match site.kind {
            SiteKind::Logo => match PictureKind::of(&bytes) {
                Ok(kind) => Seen::Picture(kind, bytes),
                Err(why) => Seen::Wrong(why),
            },
            SiteKind::Domain => vouched(app, &site, &bytes, now).await?,
        },
    };
    settle(app, (&site, known.client()), seen, now).await
}

/// What stands at a client's site.
async fn fetched(app: &App, site: &ClientSite) -> Result<Bytes, Seen> {
    let url = site.kind.address(&site.named).map_err(Seen::Wrong)?;
    let accepted = match site.kind {
        SiteKind::Logo => "image/png, image/jpeg, image/webp",
        SiteKind::Domain => "application/json",
    };
    let call = Call::of_client(url, accepted, LIMITS);
    let answer = app.outbound.call(call).await.map_err(|none| match none {
        Unanswered::Forbidden(_) => Seen::Wrong(none.to_string()),
        Unanswered::Unreachable(_) | Unanswered::Broken(_) | Unanswered::TooSlow => {
            Seen::Nothing(none.to_string())
        }
    })?;
    match answer.status {
        200 if answer.is_too_long => {
            Err(Seen::Wrong(format!("longer than {MAX_SITE_BYTES} bytes")))
        }
        200 => Ok(answer.body),
        300..=399 => Err(Seen::Wrong(format!(
            "status {}; redirects are not followed, name the address that answers",
            answer.status
        ))),
        408 | 425 | 429 | 500..=599 => Err(Seen::Nothing(format!("status {}", answer.status))),
        other => Err(Seen::Wrong(format!("status {other}"))),
    }
}

/// Whether the list of a domain names the client at one of the tenant's addresses.
async fn vouched(
    app: &App,
    site: &ClientSite,
    bytes: &[u8],
    now: Timestamp,
) -> Result<Seen, Failure> {
    let Some(tenant) = app.tenant(&site.tenant, now).await? else {
        return Ok(Seen::Wrong(String::from("there is no such tenant")));
    };
    // Whichever of its addresses the administrator was told.
    let by_host = app.addresses.base(&tenant, false, "").all;
    let issuers = [by_host, app.addresses.base(&tenant, true, "").all].concat();
    Ok(match json::parse(bytes) {
        Err(error) => Seen::Wrong(error.to_string()),
        Ok(list) if names_client(&list, &issuers, &site.client) => Seen::Vouched,
        Ok(_) => Seen::Wrong(String::from("the list does not name this client at this issuer")),
    })
}

/// The site as it is after a look; what the look found counts, and without an answer what was found
/// before, for a while.
fn after(site: &ClientSite, seen: &Seen, now: Timestamp) -> ClientSite {
    let found = |logo: Option<Fingerprint>| ClientSite {
        logo,
        good_until: Some(now.plus_ms(GOOD_MS)),
        problem: None,
        due_at: now.plus_ms(DAY_MS),
        attempts: 0,
        ..site.clone()
    };
    match seen {
        Seen::Picture(_, bytes) => found(Some(Fingerprint::of(bytes))),
        Seen::Vouched => found(None),
        Seen::Wrong(why) => ClientSite {
            logo: None,
            good_until: None,
            problem: Some(why.clone()),
            due_at: now.plus_ms(DAY_MS),
            attempts: 0,
            ..site.clone()
        },
        Seen::Nothing(why) => ClientSite {
            problem: Some(why.clone()),
            due_at: now.plus_ms(FIRST_WAIT_MS << site.attempts.clamp(0, WAIT_DOUBLINGS)),
            attempts: site.attempts.saturating_add(1),
            ..site.clone()
        },
    }
}

/// Keeps what was seen, and tells the log what is new of it.
async fn settle(
    app: &App,
    (site, client): (&ClientSite, &Client),
    seen: Seen,
    now: Timestamp,
) -> Result<(), Failure> {
    let mut is = after(site, &seen, now);
    let mut kept = match &seen {
        Seen::Picture(kind, bytes) => is.logo.map(|hash| {
            logos::keep(&site.tenant, &hash, (*kind, bytes), now.plus_ms(GOOD_MS + KEPT_MS))
        }),
        Seen::Vouched | Seen::Wrong(_) | Seen::Nothing(_) => None,
    };
    for _ in 0..DECIDE_TRIES {
        let mut write = client_sites::settle(site, &is);
        if let Some(kept) = kept.clone() {
            write = write.and(kept);
        }
        if let Some(entry) = told((site, &is), client, now) {
            let event = log::event(app, &Meta::default(), entry, now);
            write = log_events::append(write, &site.tenant, &event);
        }
        match app.database.run(write).await? {
            Written::Done => {
                report(&is, now);
                return Ok(());
            }
            // The client changed meanwhile; or no further picture has room.
            Written::Overtaken if kept.is_some() => {
                kept = None;
                let why = format!("this tenant keeps {} pictures already", logos::LOGO_LIMIT);
                is = after(site, &Seen::Nothing(why), now);
            }
            Written::Overtaken => {}
        }
    }
    Ok(())
}

/// What the log is told: that a domain is proven, and each new reason why something is not.
fn told<'a>(
    (was, is): (&ClientSite, &ClientSite),
    client: &'a Client,
    now: Timestamp,
) -> Option<Entry<'a>> {
    let details = json!({ (is.kind.member()): is.named, "error": is.problem.as_ref().map(|why| {
        json!({ "message": why })
    }) });
    let (kind, sentence) = match (is.kind, &is.problem) {
        (_, Some(_)) if is.problem == was.problem => return None,
        (SiteKind::Logo, Some(_)) => ("client_logo_failed", "A client's logo cannot be shown"),
        (SiteKind::Domain, Some(_)) => {
            ("client_domain_failed", "A domain does not speak for a client")
        }
        (SiteKind::Domain, None) if !was.is_shown(now) => {
            ("client_domain_verified", "A domain speaks for a client")
        }
        (SiteKind::Logo | SiteKind::Domain, None) => return None,
    };
    Some(Entry::new(kind, sentence, details).of_client(client))
}

fn report(is: &ClientSite, now: Timestamp) {
    let (kind, client) = (is.kind.as_str(), &is.client);
    match &is.problem {
        None => tracing::info!(client.id = %client, kind, "a client's site was looked at"),
        Some(why) => {
            let is_shown = is.is_shown(now);
            tracing::warn!(client.id = %client, kind, why, is_shown, "a client's site is not as it should be");
        }
    }
}
