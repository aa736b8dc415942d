//! Logs of `dev` and `serve`: lines on standard error, as text or as JSON.

use server::config::Config;
use tracing_subscriber::EnvFilter;

use crate::terminal::Failed;

/// Starts logging as configured. Standard output stays free for the card.
pub(super) fn start(config: &Config) -> Result<(), Failed> {
    let filter = EnvFilter::try_new(&config.log.level).map_err(|error| {
        Failed::because(format!("log.level: {error}; write for example `info`"))
    })?;
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = if config.log.format == "json" {
        lines.json().flatten_event(true).with_span_list(false).try_init()
    } else {
        lines.with_target(false).with_ansi(false).try_init()
    };
    started.map_err(|error| Failed::because(format!("logs cannot be started: {error}")))
}
