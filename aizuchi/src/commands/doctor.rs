//! `aizuchi doctor`: looks at an installation, changes nothing, and says what to do.

mod checks;
mod fetched;

use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::place::Place;
use crate::terminal::{DONE, Failed, Outcome, Terminal, shown};

/// Check an installation and say what to do about each finding.
///
/// Looks at the configuration, the data folder, the database and its schema, the keys, the clock,
/// the certificate and the push credentials. Nothing is changed, and it may run beside the server.
/// Exit codes: 0 nothing is wrong, 1 something is.
#[derive(Args)]
#[command(after_help = "\
Examples:
  aizuchi doctor --config /etc/aizuchi/aizuchi.toml
  aizuchi doctor --data aizuchi-data --json")]
pub(super) struct Arguments {
    #[command(flatten)]
    place: Place,
    /// Print one JSON document.
    #[arg(long)]
    json: bool,
}

/// What one check came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// Fine.
    Fine,
    /// Works, but somebody should know.
    Note,
    /// Does not work.
    Wrong,
}

impl Verdict {
    const fn word(self) -> &'static str {
        match self {
            Self::Fine => "ok",
            Self::Note => "note",
            Self::Wrong => "wrong",
        }
    }
}

/// One line of the report.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Finding {
    check: &'static str,
    verdict: Verdict,
    /// What was found and, unless it is fine, what to do.
    sentence: String,
}

impl Finding {
    fn new(check: &'static str, verdict: Verdict, sentence: impl Into<String>) -> Self {
        Self { check, verdict, sentence: sentence.into() }
    }
}

/// Looks at everything.
pub(super) async fn run(arguments: Arguments, terminal: &mut Terminal) -> Outcome {
    let findings = Box::pin(checks::all(&arguments.place)).await;
    let wrong = findings.iter().filter(|one| one.verdict == Verdict::Wrong).count();
    if arguments.json {
        let list: Vec<_> = findings
            .iter()
            .map(|one| json!({"check": one.check, "verdict": one.verdict.word(), "told": one.sentence}))
            .collect();
        terminal.json(&json!({"healthy": wrong == 0, "checks": list}))?;
    } else {
        for one in &findings {
            let line =
                format!("{:<6} {:<17} {}", one.verdict.word(), one.check, shown(&one.sentence));
            terminal.line(&line)?;
        }
    }
    match wrong {
        0 => Ok(ExitCode::from(DONE)),
        1 => Err(Failed::because("one check found something wrong; its line says what to do")),
        many => Err(Failed::because(format!(
            "{many} checks found something wrong; their lines say what to do"
        ))),
    }
}
