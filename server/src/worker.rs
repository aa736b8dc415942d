//! Work that rows still need, and the clock that ticks for it.

use std::sync::Arc;
use std::time::Duration;

use domain::Timestamp;
use store::notices::Notice;
use store::{Engine, Haste, Written, leases, sweep};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

use crate::App;
use crate::flows;
use crate::listen::Drain;
use crate::push::Outgoing;

/// How often rows are looked at for due work.
const TICK: Duration = Duration::from_secs(1);
/// Every so many ticks what has expired is swept.
const TICKS_A_SWEEP: u32 = 10;
/// How often is looked for logos and domains that nobody has rung for.
const SITES_TICK: Duration = Duration::from_secs(10);
/// The node that sweeps keeps at it; another takes over when it was silent for this long.
const SWEEP_LEASE_MS: i64 = 30_000;
/// How often polls that wait are sent away whose time is up.
const WAITING_TICK: Duration = Duration::from_millis(100);
/// Every so many of these ticks, what became of the requests that are waited for is looked up.
const TICKS_A_LOOK: u32 = 5;
/// Pushes on their way at a time: their receipts share commits, and a slow service holds up
/// few others.
pub const PUSHES_AT_ONCE: usize = 256;

/// Clients that are told an outcome at a time.
const NOTICES_AT_ONCE: usize = 256;

/// Pushes of requests that were just begun, on their way out.
pub type Outbox = mpsc::Receiver<Outgoing>;

/// Works until the drain begins; what waits in memory is sent before it ends.
pub async fn run(app: Arc<App>, outbox: Outbox, drain: Drain) {
    let (push, tell) = (send_new(&app, outbox, &drain), tell_clients(&app, &drain));
    let (mail, sites) = (carry_mail(&app, &drain), look_at_sites(&app, &drain));
    tokio::join!(push, tell, mail, sites, keep_house(&app, &drain), wake(&app, &drain));
}

/// Sends the pushes of requests that were just begun, many at a time: they share commits.
async fn send_new(app: &Arc<App>, mut outbox: Outbox, drain: &Drain) {
    let mut sending = JoinSet::new();
    loop {
        let has_room = sending.len() < PUSHES_AT_ONCE;
        tokio::select! {
            Some(outgoing) = outbox.recv(), if has_room => {
                let app = Arc::clone(app);
                sending.spawn(async move { send(&app, outgoing, Haste::WithOthers).await });
            }
            Some(_) = sending.join_next() => {}
            () = drain.wait() => break,
        }
    }
    while let Ok(outgoing) = outbox.try_recv() {
        send(app, outgoing, Haste::Now).await;
    }
    while sending.join_next().await.is_some() {}
}

/// Tells clients outcomes: those that were just decided, and further tries.
async fn tell_clients(app: &Arc<App>, drain: &Drain) {
    let mut telling = JoinSet::new();
    let mut tick = tokio::time::interval(TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = tick.tick() => {}
            () = app.notice_bell.notified() => {}
            Some(_) = telling.join_next() => continue,
            () = drain.wait() => break,
        }
        let room = NOTICES_AT_ONCE.saturating_sub(telling.len());
        for notice in due_notices(app, room).await {
            let app = Arc::clone(app);
            telling.spawn(async move { tell(&app, notice).await });
        }
    }
    while telling.join_next().await.is_some() {}
}

async fn due_notices(app: &App, room: usize) -> Vec<Notice> {
    match flows::take_due_notices(app, room, app.clock.now()).await {
        Ok(notices) => notices,
        Err(failure) => {
            tracing::error!(cause = %failure, "due notices could not be read");
            Vec::new()
        }
    }
}

async fn tell(app: &App, notice: Notice) {
    if let Err(failure) = flows::deliver_notice(app, notice, app.clock.now()).await {
        tracing::error!(cause = %failure, "a client could not be told; it is tried again");
    }
}

/// Looks at the rows again and again: further tries of pushes, and what has expired.
async fn keep_house(app: &App, drain: &Drain) {
    let mut tick = tokio::time::interval(TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let node = app.entropy.hex::<8>();
    let mut ticks = 0_u32;
    loop {
        tokio::select! {
            _ = tick.tick() => {
                send_due(app).await;
                ticks = ticks.wrapping_add(1);
                if ticks.is_multiple_of(TICKS_A_SWEEP) {
                    sweep_expired(app, &node, app.clock.now()).await;
                }
            }
            () = app.bell.notified() => send_due(app).await,
            () = drain.wait() => break,
        }
    }
}

/// Sends mail, which takes its servers seconds: nothing else waits for it.
async fn carry_mail(app: &App, drain: &Drain) {
    let mut tick = tokio::time::interval(TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = tick.tick() => send_mails(app).await,
            () = drain.wait() => break,
        }
    }
}

async fn send_mails(app: &App) {
    if let Err(failure) = flows::send_due_mails(app, app.clock.now()).await {
        tracing::error!(cause = %failure, "due mails could not be read");
    }
}

/// Looks at what clients show of themselves, which takes their sites seconds.
async fn look_at_sites(app: &App, drain: &Drain) {
    let mut tick = tokio::time::interval(SITES_TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = tick.tick() => {}
            () = app.site_bell.notified() => {}
            () = drain.wait() => break,
        }
        look_at_due_sites(app).await;
    }
}

async fn look_at_due_sites(app: &App) {
    if let Err(failure) = flows::look_at_due_sites(app, app.clock.now()).await {
        tracing::error!(cause = %failure, "sites of clients could not be looked at");
    }
}

/// Lets polls wait until it is their time.
async fn wake(app: &App, drain: &Drain) {
    let mut tick = tokio::time::interval(WAITING_TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut ticks = 0_u32;
    loop {
        tokio::select! {
            _ = tick.tick() => {
                end_waiting(app);
                ticks = ticks.wrapping_add(1);
                if ticks.is_multiple_of(TICKS_A_LOOK) {
                    look_for_waiting(app).await;
                }
            }
            () = drain.wait() => break,
        }
    }
    app.waiting.close();
    app.listening.close();
    app.inboxes.close();
}

/// Sends those away whose time is up.
fn end_waiting(app: &App) {
    let now = app.clock.now();
    app.waiting.end_due(now);
    app.listening.end_due(now);
    app.inboxes.ring_due(now);
}

async fn look_for_waiting(app: &App) {
    if let Err(failure) = flows::wake_waiting_polls(app, app.clock.now()).await {
        tracing::error!(cause = %failure, "what is waited for could not be looked up");
    }
}

/// Does everything that is due now, once.
pub async fn run_once(app: &App, outbox: &mut Outbox) {
    while let Ok(outgoing) = outbox.try_recv() {
        send(app, outgoing, Haste::Now).await;
    }
    send_due(app).await;
    for notice in due_notices(app, NOTICES_AT_ONCE).await {
        tell(app, notice).await;
    }
    send_mails(app).await;
    look_at_due_sites(app).await;
    look_for_waiting(app).await;
    end_waiting(app);
    sweep_expired(app, "once", app.clock.now()).await;
}

async fn send(app: &App, outgoing: Outgoing, haste: Haste) {
    if let Err(failure) = flows::send_pushes(app, outgoing, haste, app.clock.now()).await {
        tracing::error!(cause = %failure, "pushes could not be sent; they are tried again");
    }
}

async fn send_due(app: &App) {
    if let Err(failure) = flows::send_due_pushes(app, app.clock.now()).await {
        tracing::error!(cause = %failure, "due pushes could not be read");
    }
}

/// Sweeps this process's memory; the rows are swept by one node at a time.
async fn sweep_expired(app: &App, node: &str, now: Timestamp) {
    app.open.sweep(now);
    app.seen.sweep(now);
    match sweep_rows(app, node, now).await {
        Ok(()) => {}
        Err(error) => tracing::error!(cause = %error, "expired rows could not be swept"),
    }
}

async fn sweep_rows(app: &App, node: &str, now: Timestamp) -> Result<(), store::Error> {
    let is_alone = match app.database.engine() {
        Engine::Sqlite => true,
        Engine::Postgres => {
            let until = now.plus_ms(SWEEP_LEASE_MS);
            let lease = leases::take("sweep", node, now, until);
            app.database.run(lease).await? == Written::Done
        }
    };
    if is_alone {
        let _is_unfinished = sweep::run(&app.database, now).await?;
    }
    Ok(())
}
