//! Work that rows still need, and the clock that ticks for it.

use std::sync::Arc;
use std::time::Duration;

use domain::Timestamp;
use store::sweep;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::App;
use crate::flows;
use crate::listen::Drain;
use crate::push::Outgoing;

/// How often rows are looked at for due work.
const TICK: Duration = Duration::from_secs(1);
/// Every so many ticks what has expired is swept.
const TICKS_A_SWEEP: u32 = 10;

/// Pushes on their way at a time: their receipts share commits, and a slow service holds up
/// few others.
const PUSHES_AT_ONCE: usize = 64;

/// Pushes of requests that were just begun, on their way out.
pub type Outbox = mpsc::Receiver<Outgoing>;

/// Works until the drain begins; what waits in memory is sent before it ends.
pub async fn run(app: Arc<App>, mut outbox: Outbox, drain: Drain) {
    let mut tick = tokio::time::interval(TICK);
    let mut ticks = 0_u32;
    let mut sending = JoinSet::new();
    loop {
        tokio::select! {
            Some(outgoing) = outbox.recv(), if sending.len() < PUSHES_AT_ONCE => {
                let app = Arc::clone(&app);
                sending.spawn(async move { send(&app, outgoing).await });
            }
            Some(_) = sending.join_next() => {}
            _ = tick.tick() => {
                send_due(&app).await;
                ticks = ticks.wrapping_add(1);
                if ticks.is_multiple_of(TICKS_A_SWEEP) {
                    sweep_expired(&app, app.clock.now()).await;
                }
            }
            () = app.bell.notified() => send_due(&app).await,
            () = drain.wait() => break,
        }
    }
    while let Ok(outgoing) = outbox.try_recv() {
        send(&app, outgoing).await;
    }
    while sending.join_next().await.is_some() {}
}

/// Does everything that is due now, once.
pub async fn run_once(app: &App, outbox: &mut Outbox) {
    while let Ok(outgoing) = outbox.try_recv() {
        send(app, outgoing).await;
    }
    send_due(app).await;
    sweep_expired(app, app.clock.now()).await;
}

async fn send(app: &App, outgoing: Outgoing) {
    if let Err(failure) = flows::send_pushes(app, outgoing, app.clock.now()).await {
        tracing::error!(cause = %failure, "pushes could not be sent; they are tried again");
    }
}

async fn send_due(app: &App) {
    if let Err(failure) = flows::send_due_pushes(app, app.clock.now()).await {
        tracing::error!(cause = %failure, "due pushes could not be read");
    }
}

async fn sweep_expired(app: &App, now: Timestamp) {
    app.open.sweep(now);
    app.seen.sweep(now);
    if let Err(error) = sweep::run(&app.database, now).await {
        tracing::error!(cause = %error, "expired rows could not be swept");
    }
}
