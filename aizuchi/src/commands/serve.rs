//! `aizuchi serve`: the production server.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use sd_notify::NotifyState;
use server::Mode;
use server::config::{Config, Setting};
use tokio::signal::unix::{SignalKind, signal};

use super::logs;
use super::place::setting;
use crate::terminal::{DONE, Failed, Outcome, Terminal};

/// The production server.
///
/// Everything is in the configuration file; `config.example.toml` lists every key. The environment
/// (`AIZUCHI_SECTION__KEY`) overrides the file, and `--set` overrides both. SIGINT or SIGTERM ends
/// it after the requests in flight are answered.
#[derive(Args)]
#[command(after_help = "\
Examples:
  aizuchi serve --config /etc/aizuchi/aizuchi.toml
  aizuchi doctor --config /etc/aizuchi/aizuchi.toml     what is missing before it can serve")]
pub(super) struct Arguments {
    /// The configuration file.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Where HTTPS listens: short for --set listen.https=ADDRESS.
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// Override one key of the configuration.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    settings: Vec<String>,
}

/// Serves until it is told to stop.
pub(super) async fn run(arguments: Arguments, terminal: &mut Terminal) -> Outcome {
    let mut settings = settings(&arguments.settings)?;
    if let Some(address) = &arguments.listen {
        settings.push(setting("listen.https", address)?);
    }
    let config = Config::read(Some(&arguments.config), &settings)
        .map_err(|error| Failed::because(error.to_string()))?;
    logs::start(&config)?;
    let stop = stop_asked()?;
    let running = Box::pin(server::start(config, Mode::Serve))
        .await
        .map_err(|error| Failed::because(error.to_string()))?;
    let listening = [running.addresses.https, running.addresses.mtls, running.addresses.http];
    for address in listening.into_iter().flatten() {
        terminal.note(&format!("aizuchi: serving on {address}"))?;
    }
    tell_manager(NotifyState::Ready);
    tell_console(&running, terminal).await?;
    stop.await;
    tell_manager(NotifyState::Stopping);
    running.stop().await;
    Ok(ExitCode::from(DONE))
}

/// Tells the service manager, if one asked to be told (`NOTIFY_SOCKET`).
fn tell_manager(state: NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(&[state]) {
        tracing::warn!(%error, "the service manager cannot be told");
    }
}

/// Until somebody has a passkey, a start prints a link to the console.
async fn tell_console(running: &server::Running, terminal: &mut Terminal) -> Result<(), Failed> {
    match server::admin::first_link(&running.app).await {
        Ok(Some(link)) => {
            terminal.note(&format!("aizuchi: the console, once and within the hour: {link}"))?;
        }
        Ok(None) => {}
        // The server serves; only this convenience is missing.
        Err(refused) => terminal.note(&format!("aizuchi: no link to the console: {refused}"))?,
    }
    Ok(())
}

/// The values of `--set`.
pub(super) fn settings(texts: &[String]) -> Result<Vec<Setting>, Failed> {
    texts
        .iter()
        .map(|text| Setting::parse(text).map_err(|error| Failed::usage(error.to_string())))
        .collect()
}

/// Ends when somebody asks the process to end; from the call on, no such signal is lost.
pub(super) fn stop_asked() -> Result<impl Future<Output = ()>, Failed> {
    let failed = |error| Failed::because(format!("signals cannot be received: {error}"));
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
