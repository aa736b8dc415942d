//! A poll that waits for its outcome (W155, C64).

use domain::jose::auth_req_hash;
use domain::oauth::parameters::Parameters;
use domain::oauth::refusal::{Reason, Refusal};
use domain::{Fingerprint, Timestamp};
use serde_json::{Map, Value};
use store::{Engine, polls};

use super::authenticate_client::Authenticated;
use super::redeem::{Turn, redeem};
use crate::App;
use crate::failure::Failure;
use crate::meta::Meta;
use crate::tenancy::Context;
use crate::waiting::{Entered, WaitingPolls, Woken};

/// RFC 6202 5.5: no answer is held for longer.
pub const LONGEST_WAIT_S: i64 = 30;
/// Whoever finds no place to wait comes back after this long.
const FULL_RETRY_S: i64 = 5;

/// Answers a poll once there is something to tell, at the latest after `wait_s`. One poll of a
/// request waits; a second one is too fast, as C64 has it.
pub(super) async fn long_poll(
    app: &App,
    context: &Context,
    asked: (&Authenticated, &Parameters, &Meta),
    (wait_s, now): (i64, Timestamp),
) -> Result<Map<String, Value>, Failure> {
    let tenant = &context.tenant.id;
    let hash = auth_req_hash(asked.1.required("auth_req_id")?);
    let wait_s = wait_s.min(LONGEST_WAIT_S);
    let waiter = match app.waiting.enter(tenant, &hash, now.plus_seconds(wait_s)) {
        Entered::Waits(waiter) => waiter,
        Entered::Full => {
            let full = Refusal::unavailable(FULL_RETRY_S).noting("too many polls wait");
            return Err(full.into());
        }
        Entered::Taken | Entered::Closed => {
            return Box::pin(redeem(app, context, asked, (Turn::Single, now))).await;
        }
    };
    let mut turn = Turn::First;
    // Boxed, so that nothing of it is held while the poll waits: thousands do.
    let mut answer = Box::pin(redeem(app, context, asked, (turn, now))).await;
    while is_undecided(&answer) {
        let woken = waiter.wait().await;
        turn = Turn::Woken;
        answer = Box::pin(redeem(app, context, asked, (turn, app.clock.now()))).await;
        if woken == Woken::TimeUp {
            break;
        }
    }
    let has_waited_out = wait_s == LONGEST_WAIT_S && turn == Turn::Woken;
    if has_waited_out && is_undecided(&answer) {
        Box::pin(forgive(app, context, &hash)).await?;
    }
    answer
}

/// After a wait of full length the next poll may come at once, however far the interval has grown.
async fn forgive(app: &App, context: &Context, hash: &Fingerprint) -> Result<(), Failure> {
    match app.database.engine() {
        Engine::Sqlite => app.open.forgive(hash, LONGEST_WAIT_S),
        Engine::Postgres => {
            let write = polls::forgive(&context.tenant.id, hash, LONGEST_WAIT_S);
            // Overtaken: its interval is no longer than the wait was.
            let _written = app.database.run(write).await?;
        }
    }
    Ok(())
}

fn is_undecided(answer: &Result<Map<String, Value>, Failure>) -> bool {
    matches!(answer, Err(Failure::Refused(refusal)) if refusal.reason == Reason::Undecided)
}

/// Wakes the polls, and streams of events, of requests that are no longer undecided: another node decided them, or their
/// time is up.
pub async fn wake_waiting_polls(app: &App, now: Timestamp) -> Result<(), Failure> {
    for table in [&app.waiting, &app.listening] {
        wake(app, table, now).await?;
    }
    Ok(())
}

async fn wake(app: &App, table: &WaitingPolls, now: Timestamp) -> Result<(), Failure> {
    for (tenant, hashes) in table.requests() {
        for some in hashes.chunks(polls::WAITING_BATCH) {
            let over = match app.database.engine() {
                Engine::Sqlite => app.open.missing(some, now),
                Engine::Postgres => polls::over(&app.database, &tenant, some, now).await?,
            };
            for hash in &over {
                table.ring(hash);
            }
        }
    }
    Ok(())
}
