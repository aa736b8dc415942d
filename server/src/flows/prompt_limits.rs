//! Whether the limits that an administrator set for a client or a tenant let a request begin (C78,
//! A1, A19). Where none is set, nothing here costs anything.

use domain::ciba::prompt_limits::{PromptLimits, quiet_for_s};
use domain::oauth::refusal::{Reason, Refusal};
use domain::{ClientId, Timestamp, UserId};
use store::prompt_limits::{self, StartsLimit, Whose};
use store::prompt_waits::{self, Growth};
use store::{Write, Written};

use crate::App;
use crate::failure::Failure;
use crate::known::KnownClient;
use crate::tenancy::Context;

/// What `starts_per_minute` means.
const WINDOW_MS: i64 = 60_000;

/// One limit of what may begin.
struct Starts {
    name: String,
    limit: StartsLimit,
    of_user: bool,
}

/// One limit of what may wait at once.
struct Cap {
    name: String,
    most: u32,
    of_client: bool,
    of_user: bool,
}

/// How long a client waits after a person did not say yes.
#[derive(Clone, Copy)]
enum Wait {
    /// As long each time.
    Same(u32),
    /// Twice as long each time.
    Growing(Growth),
}

/// The limits that one request must pass.
pub(super) struct Limits<'a> {
    client: &'a ClientId,
    user: &'a UserId,
    starts: Vec<Starts>,
    caps: Vec<Cap>,
    wait: Option<Wait>,
    quiet: Option<(u32, u32)>,
}

fn per_minute(starts: u32) -> StartsLimit {
    StartsLimit { starts, window_ms: WINDOW_MS }
}

fn wait(own: PromptLimits, tenants: PromptLimits) -> Option<Wait> {
    let first = own.wait_after_refusal_s.or(tenants.wait_after_refusal_s)?;
    let ms = |seconds: u32| i64::from(seconds).saturating_mul(1000);
    Some(match own.wait_grows_to_s.or(tenants.wait_grows_to_s) {
        Some(most) => Wait::Growing(Growth { first_ms: ms(first), most_ms: ms(most.max(first)) }),
        None => Wait::Same(first),
    })
}

impl<'a> Limits<'a> {
    /// Those that are set; `None` if none is.
    pub(super) fn of(context: &Context, client: &'a KnownClient, user: &'a UserId) -> Option<Self> {
        let client = client.client();
        let (own, tenants) = (client.prompt_limits, context.tenant.prompt_limits);
        let none = PromptLimits::default();
        if own == none && tenants == none {
            return None;
        }
        let id = &client.id;
        let starts = |most: Option<u32>, name: String, of_user| {
            most.map(|most| Starts { name, limit: per_minute(most), of_user })
        };
        let pair = format!("client {id} user {user}");
        let starts = [
            starts(own.starts_per_user_per_minute, pair.clone(), true),
            starts(tenants.starts_per_user_per_minute, format!("user {user}"), true),
            starts(own.starts_per_minute, format!("client {id}"), false),
            starts(tenants.starts_per_minute, String::from("tenant"), false),
        ];
        let cap = |most: Option<u32>, name: String, (of_client, of_user): (bool, bool)| {
            most.map(|most| Cap { name, most, of_client, of_user })
        };
        let caps = [
            cap(own.pending_per_user, pair, (true, true)),
            cap(tenants.pending_per_user, format!("user {user}"), (false, true)),
            cap(own.pending, format!("client {id}"), (true, false)),
            cap(tenants.pending, String::from("tenant"), (false, false)),
        ];
        Some(Self {
            client: id,
            user,
            starts: starts.into_iter().flatten().collect(),
            caps: caps.into_iter().flatten().collect(),
            wait: wait(own, tenants),
            quiet: own.quiet.or(tenants.quiet),
        })
    }

    /// Whether what becomes of the request makes the client's next wait longer or forgets it.
    pub(super) fn back_off(context: &Context, client: &KnownClient) -> bool {
        let (own, tenants) = (client.client().prompt_limits, context.tenant.prompt_limits);
        matches!(wait(own, tenants), Some(Wait::Growing(_)))
    }

    /// The steps that count the request, behind those that begin it.
    pub(super) fn counted(
        &self,
        context: &Context,
        write: Write,
        (ends_at, now): (Timestamp, Timestamp),
    ) -> Write {
        let tenant = &context.tenant.id;
        let write = self.starts.iter().fold(write, |write, Starts { name, limit, .. }| {
            write.and(prompt_limits::count_start(tenant, name, *limit, now))
        });
        let write = self.caps.iter().fold(write, |write, cap| {
            write.and(prompt_limits::spend(tenant, &cap.name, cap.most, now))
        });
        let Some(Wait::Growing(growth)) = self.wait else { return write };
        let pair = (self.client, self.user);
        write.and(prompt_waits::begin(tenant, pair, growth, (ends_at, now)))
    }

    /// Refuses a request at a quiet time, or too soon after the person refused one.
    pub(super) async fn check(
        &self,
        app: &App,
        context: &Context,
        now: Timestamp,
    ) -> Result<(), Failure> {
        if let Some(wait_s) = self.quiet.and_then(|quiet| quiet_for_s(quiet, now)) {
            let text = "People are not asked at this time of the day";
            return Err(Refusal::because(Reason::TooManyPrompts, text).again_in(wait_s).into());
        }
        let Some(Wait::Same(seconds)) = self.wait else { return Ok(()) };
        let wait_ms = i64::from(seconds).saturating_mul(1000);
        let pair = (self.client, self.user);
        let times = (now.plus_ms(wait_ms.saturating_neg()), now);
        let tenant = &context.tenant.id;
        let last = prompt_limits::last_refusal(&app.database, tenant, pair, times).await?;
        let until = last.map(|last| last.plus_ms(wait_ms)).filter(|until| *until > now);
        until.map_or(Ok(()), |until| Err(too_soon(until, now).into()))
    }

    /// Why the request could not be counted; `None` if nothing stands in its way any more.
    pub(super) async fn reached(
        &self,
        app: &App,
        context: &Context,
        now: Timestamp,
    ) -> Result<Option<Refusal>, Failure> {
        for cap in &self.caps {
            if let Some(refusal) = self.count_anew(app, context, cap, now).await? {
                return Ok(Some(refusal));
            }
        }
        let tenant = &context.tenant.id;
        for Starts { name, limit, of_user } in &self.starts {
            let asked = (name.as_str(), *limit);
            let next = prompt_limits::next_start_at(&app.database, tenant, asked, now).await?;
            if let Some(next) = next {
                let reason = if *of_user { Reason::TooManyPrompts } else { Reason::RateLimit };
                return Ok(Some(Refusal::from(reason).again_in(seconds_until(next, now))));
            }
        }
        let pair = (self.client, self.user);
        let over_at = match self.wait {
            Some(Wait::Growing(_)) => {
                prompt_waits::over_at(&app.database, tenant, pair, now).await?
            }
            Some(Wait::Same(_)) | None => None,
        };
        Ok(over_at.map(|over_at| too_soon(over_at, now)))
    }

    /// Counts what waits where the budget is used up, and fills it again.
    async fn count_anew(
        &self,
        app: &App,
        context: &Context,
        cap: &Cap,
        now: Timestamp,
    ) -> Result<Option<Refusal>, Failure> {
        let tenant = &context.tenant.id;
        let before = prompt_limits::budget(&app.database, tenant, &cap.name).await?;
        if before.is_some_and(|budget| budget.most == cap.most && budget.left > 0) {
            return Ok(None);
        }
        let whose = Whose {
            client: cap.of_client.then_some(self.client),
            user: cap.of_user.then_some(self.user),
        };
        let waiting = prompt_limits::pending(&app.database, tenant, whose, now).await?;
        let count = i64::try_from(waiting.count).unwrap_or(i64::MAX);
        let left = i64::from(cap.most).saturating_sub(count);
        if left <= 0 {
            let reason = if cap.of_user { Reason::TooManyPrompts } else { Reason::RateLimit };
            let until = waiting.first_end.unwrap_or(now);
            return Ok(Some(Refusal::from(reason).again_in(seconds_until(until, now))));
        }
        let fill = prompt_limits::fill(tenant, (&cap.name, before), (cap.most, left), now);
        // Overtaken: somebody else filled it.
        let _written = app.database.run(fill).await?;
        Ok(None)
    }
}

fn too_soon(until: Timestamp, now: Timestamp) -> Refusal {
    let text = "The user refused a request of this client a moment ago";
    Refusal::because(Reason::TooManyPrompts, text).again_in(seconds_until(until, now))
}

/// Whether a refusal tells that a person cannot be asked.
pub(super) const fn is_about_person(reason: Reason) -> bool {
    matches!(reason, Reason::UnknownUser | Reason::UserBlocked | Reason::NoChannel)
}

/// How often a client may be told in a minute that a person cannot be asked (A16).
fn unknown_limits(context: &Context, client: &KnownClient) -> Vec<(String, StartsLimit)> {
    if context.tenant.settings.privacy_mode {
        return Vec::new();
    }
    let client = client.client();
    let (own, tenants) = (client.prompt_limits, context.tenant.prompt_limits);
    let limits = [
        own.unknown_per_minute.map(|most| (format!("unknown, client {}", client.id), most)),
        tenants.unknown_per_minute.map(|most| (String::from("unknown, tenant"), most)),
    ];
    limits.into_iter().flatten().map(|(name, most)| (name, per_minute(most))).collect()
}

/// Refuses whatever a client asks that was told so too often, whoever it asks about: else it could
/// tell by that.
pub(super) async fn check_unknown(
    app: &App,
    context: &Context,
    client: &KnownClient,
    now: Timestamp,
) -> Result<(), Failure> {
    let tenant = &context.tenant.id;
    for (name, limit) in unknown_limits(context, client) {
        let asked = (name.as_str(), limit);
        let next = prompt_limits::next_start_at(&app.database, tenant, asked, now).await?;
        if let Some(next) = next {
            let refusal = Refusal::from(Reason::RateLimit);
            return Err(refusal.again_in(seconds_until(next, now)).into());
        }
    }
    Ok(())
}

/// Counts a refusal that tells that a person cannot be asked; what is told instead where the limit
/// is reached in this moment.
pub(super) async fn count_unknown(
    app: &App,
    context: &Context,
    (client, refusal): (Option<&KnownClient>, &Refusal),
    now: Timestamp,
) -> Result<Option<Refusal>, Failure> {
    let Some(client) = client.filter(|_| is_about_person(refusal.reason)) else {
        return Ok(None);
    };
    let tenant = &context.tenant.id;
    for (name, limit) in unknown_limits(context, client) {
        let counted = prompt_limits::count_start(tenant, &name, limit, now);
        if app.database.run(counted).await? == Written::Overtaken {
            return Ok(Some(Refusal::from(Reason::RateLimit).again_in(WINDOW_MS / 1000)));
        }
    }
    Ok(None)
}

fn seconds_until(then: Timestamp, now: Timestamp) -> i64 {
    (then.ms_since(now).max(1) + 999) / 1000
}
