//! Whether the limits that an administrator set for a client or a tenant let a request begin (C78,
//! A1, A19). Where none is set, nothing here costs anything.

use domain::ciba::prompt_limits::PromptLimits;
use domain::oauth::refusal::{Reason, Refusal};
use domain::{ClientId, Timestamp, UserId};
use store::Write;
use store::prompt_limits::{self, StartsLimit, Whose};

use crate::App;
use crate::failure::Failure;
use crate::known::KnownClient;
use crate::tenancy::Context;

/// What `starts_per_minute` means.
const WINDOW_MS: i64 = 60_000;

/// One limit of what may wait at once.
struct Cap {
    name: String,
    most: u32,
    of_client: bool,
    of_user: bool,
}

/// The limits that one request must pass.
pub(super) struct Limits<'a> {
    client: &'a ClientId,
    user: &'a UserId,
    starts: Vec<(String, StartsLimit)>,
    caps: Vec<Cap>,
    wait_s: Option<u32>,
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
        let window = |starts| StartsLimit { starts, window_ms: WINDOW_MS };
        let starts = [
            own.starts_per_minute.map(|most| (format!("client {id}"), window(most))),
            tenants.starts_per_minute.map(|most| (String::from("tenant"), window(most))),
        ];
        let cap = |most: Option<u32>, name: String, (of_client, of_user): (bool, bool)| {
            most.map(|most| Cap { name, most, of_client, of_user })
        };
        let caps = [
            cap(own.pending_per_user, format!("client {id} user {user}"), (true, true)),
            cap(tenants.pending_per_user, format!("user {user}"), (false, true)),
            cap(own.pending, format!("client {id}"), (true, false)),
            cap(tenants.pending, String::from("tenant"), (false, false)),
        ];
        Some(Self {
            client: id,
            user,
            starts: starts.into_iter().flatten().collect(),
            caps: caps.into_iter().flatten().collect(),
            wait_s: own.wait_after_refusal_s.or(tenants.wait_after_refusal_s),
        })
    }

    /// The steps that count the request, behind those that begin it.
    pub(super) fn counted(&self, context: &Context, write: Write, now: Timestamp) -> Write {
        let tenant = &context.tenant.id;
        let write = self.starts.iter().fold(write, |write, (name, limit)| {
            write.and(prompt_limits::count_start(tenant, name, *limit, now))
        });
        self.caps.iter().fold(write, |write, cap| {
            write.and(prompt_limits::spend(tenant, &cap.name, cap.most, now))
        })
    }

    /// Refuses a request that comes too soon after the person refused one.
    pub(super) async fn check_wait(
        &self,
        app: &App,
        context: &Context,
        now: Timestamp,
    ) -> Result<(), Failure> {
        let Some(seconds) = self.wait_s else { return Ok(()) };
        let wait_ms = i64::from(seconds).saturating_mul(1000);
        let pair = (self.client, self.user);
        let times = (now.plus_ms(wait_ms.saturating_neg()), now);
        let tenant = &context.tenant.id;
        let last = prompt_limits::last_refusal(&app.database, tenant, pair, times).await?;
        let until = last.map(|last| last.plus_ms(wait_ms)).filter(|until| *until > now);
        let Some(until) = until else { return Ok(()) };
        let text = "The user refused a request of this client a moment ago";
        let refusal = Refusal::because(Reason::TooManyPrompts, text);
        Err(refusal.again_in(seconds_until(until, now)).into())
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
        for (name, limit) in &self.starts {
            let asked = (name.as_str(), *limit);
            let next = prompt_limits::next_start_at(&app.database, tenant, asked, now).await?;
            if let Some(next) = next {
                let refusal = Refusal::from(Reason::RateLimit);
                return Ok(Some(refusal.again_in(seconds_until(next, now))));
            }
        }
        Ok(None)
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

fn seconds_until(then: Timestamp, now: Timestamp) -> i64 {
    (then.ms_since(now).max(1) + 999) / 1000
}
