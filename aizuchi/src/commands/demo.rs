//! `aizuchi demo`: the whole loop once, narrated, over real HTTPS on loopback.
//!
//! The server is started as `aizuchi dev` starts it, in a temporary folder and on free ports. From
//! then on only public paths and the development tray are used (decision 24).

mod narrator;
mod story;
mod tokens;

use std::process::ExitCode;

use clap::Args;
use server::Mode;
use server::config::{Config, Setting};

use crate::https::{Https, base, read_ca};
use crate::terminal::{DONE, Failed, Outcome, Terminal};

use narrator::Narrator;
use story::Story;

/// Watch the whole loop once: a bank asks, a phone buzzes, a person decides.
///
/// Starts a server with an embedded database in a temporary folder, on free ports, and plays all
/// parts over real HTTPS on loopback: a bank's client, its user, a phone with a key of its own. One
/// request is approved, its tokens are verified against the published keys; a second one is denied.
/// Nothing is left behind. Exit code 0 only if all of it happened.
#[derive(Args)]
#[command(after_help = "Example:\n  aizuchi demo")]
pub(super) struct Arguments {
    /// Print one JSON document with every step instead of the narration.
    #[arg(long)]
    json: bool,
}

/// Plays the story; the folder and the server are gone when it returns.
pub(super) async fn run(arguments: Arguments, terminal: &mut Terminal) -> Outcome {
    let folder = tempfile::Builder::new().prefix("aizuchi-demo-").tempdir().map_err(|error| {
        Failed::because(format!("no temporary folder can be made: {error}; set TMPDIR to one"))
    })?;
    let data = folder.path().to_string_lossy().into_owned();
    let settings = [
        format!("server.data_dir={data}"),
        String::from("listen.https=127.0.0.1:0"),
        String::from("listen.http=127.0.0.1:0"),
        String::from("listen.ops=127.0.0.1:0"),
    ];
    let settings: Result<Vec<Setting>, _> =
        settings.iter().map(|text| Setting::parse(text)).collect();
    let config = settings
        .and_then(|settings| Config::from_parts("", &settings))
        .map_err(|error| Failed::because(error.to_string()))?;
    let mode = Mode::Dev { virtual_phones: false, fapi: false };
    let running = Box::pin(server::start(config, mode))
        .await
        .map_err(|error| Failed::because(format!("the server does not start: {error}")))?;
    let mut narrator = Narrator::new(terminal, arguments.json);
    let told = Box::pin(tell(&running, &mut narrator)).await;
    running.stop().await;
    let narrator_ended = told.and_then(|()| narrator.end());
    folder
        .close()
        .map_err(|error| Failed::because(format!("{data} cannot be removed: {error}")))?;
    narrator_ended.map(|()| ExitCode::from(DONE))
}

async fn tell(running: &server::Running, narrator: &mut Narrator<'_>) -> Result<(), Failed> {
    let (Some(card), Some(ca_file)) = (&running.card, &running.ca_file) else {
        return Err(Failed::because("the development server has no card; this is a fault of ours"));
    };
    let ca_pem = read_ca(ca_file)?;
    let issuer = base(card.get("issuer").and_then(serde_json::Value::as_str).unwrap_or_default())?;
    let https = Https::trusting(Some(&ca_pem))?;
    let mut story = Story { https, issuer, ca_pem, card, narrator };
    story.tell().await
}
