//! The certificates of a running server: from the files, again when they change or somebody asks
//! (SIGHUP).

use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::time::MissedTickBehavior;

use crate::App;
use crate::listen::{CertificateFiles, Certificates, Drain};

/// How often the files are looked at.
const TICK: Duration = Duration::from_secs(5);

/// Reads the files into `certificates`; the sentences about those that cannot be used.
pub(crate) fn read(files: &mut CertificateFiles, certificates: &Certificates) -> Vec<String> {
    let (all, problems) = files.read();
    if !all.is_empty() {
        certificates.replace(&all);
    }
    problems
}

/// Looks at the files until the drain begins.
pub(crate) async fn watch(
    app: Arc<App>,
    mut files: CertificateFiles,
    certificates: Arc<Certificates>,
    drain: Drain,
) {
    let mut asked = match signal(SignalKind::hangup()) {
        Ok(asked) => asked,
        Err(error) => {
            tracing::error!(%error, "SIGHUP cannot be received; changed files are found all the same");
            return drain.wait().await;
        }
    };
    let mut tick = tokio::time::interval(TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = tick.tick() => {
                if files.have_changed() {
                    reload(&app, &mut files, &certificates);
                }
            }
            _ = asked.recv() => reload(&app, &mut files, &certificates),
            () = drain.wait() => break,
        }
    }
}

fn reload(app: &App, files: &mut CertificateFiles, certificates: &Certificates) {
    let problems = read(files, certificates);
    for problem in &problems {
        tracing::error!(problem, "a certificate was not reloaded; the one before it is served on");
    }
    if problems.is_empty() {
        tracing::info!("certificates reloaded");
    }
    // Who vouches for clients may have changed, too.
    if let Err(error) = app.client_roots.read(&app.config.tls.client_ca_file) {
        tracing::error!(%error, "the authorities for clients were not reloaded; those before them count on");
    }
}
