//! The command line: one file per command. Here they are listed, read and run.

mod administration;
mod api;
mod ask;
mod backup;
mod client;
mod console;
mod database;
mod demo;
mod dev;
mod doctor;
mod healthcheck;
mod key;
mod logs;
mod migrate;
mod phone;
mod place;
mod push;
mod restore;
mod serve;
mod tenant;
mod user;
mod verify;

use std::ffi::OsString;
use std::process::ExitCode;
use std::time::Duration;

use clap::error::ErrorKind;
use clap::{Parser, Subcommand};

use crate::terminal::{DONE, Failed, Outcome, Terminal, WRONG_USAGE};

/// Asks a person on their phone, and gives the program that asked its tokens (OpenID CIBA).
#[derive(Parser)]
#[command(name = "aizuchi", version, after_help = EXAMPLES, subcommand_required = true, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  aizuchi demo                       watch the whole loop once
  aizuchi dev                        a development server with sample data
  aizuchi phone enroll TICKET        a phone in a terminal
  aizuchi ask --issuer https://localhost:8443/ …   ask a person and wait for the tokens

Exit codes: 0 done, 1 failed (`ask` has its own), 64 wrong usage.";

#[derive(Subcommand)]
enum Command {
    Demo(demo::Arguments),
    Dev(dev::Arguments),
    Serve(serve::Arguments),
    Phone(phone::Arguments),
    Ask(ask::Arguments),
    Tenant(tenant::Arguments),
    Client(client::Arguments),
    Api(api::Arguments),
    User(user::Arguments),
    Key(key::Arguments),
    Console(console::Arguments),
    Push(push::Arguments),
    Migrate(migrate::Arguments),
    Doctor(doctor::Arguments),
    Healthcheck(healthcheck::Arguments),
    Backup(backup::Arguments),
    Restore(restore::Arguments),
    Verify(verify::Arguments),
}

/// Reads the command line and runs what it names.
pub(crate) fn run(
    arguments: impl IntoIterator<Item = OsString>,
    terminal: &mut Terminal,
) -> ExitCode {
    let outcome = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => in_runtime(arguments.command, terminal),
        Err(refused) => explain(&refused, terminal),
    };
    match outcome {
        Ok(code) => code,
        Err(failed) => {
            // Nobody is left to tell if standard error is gone, too.
            drop(terminal.note(&format!("aizuchi: {failed}")));
            ExitCode::from(failed.code())
        }
    }
}

fn in_runtime(command: Command, terminal: &mut Terminal) -> Outcome {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failed::because(format!("no threads can be started: {error}")))?;
    runtime.block_on(dispatch(command, terminal))
}

async fn dispatch(command: Command, terminal: &mut Terminal) -> Outcome {
    match command {
        Command::Demo(arguments) => Box::pin(demo::run(arguments, terminal)).await,
        Command::Dev(arguments) => Box::pin(dev::run(arguments, terminal)).await,
        Command::Serve(arguments) => Box::pin(serve::run(arguments, terminal)).await,
        Command::Phone(arguments) => Box::pin(phone::run(arguments, terminal)).await,
        Command::Ask(arguments) => Box::pin(ask::run(arguments, terminal)).await,
        Command::Tenant(arguments) => Box::pin(tenant::run(arguments, terminal)).await,
        Command::Client(arguments) => Box::pin(client::run(arguments, terminal)).await,
        Command::Api(arguments) => Box::pin(api::run(arguments, terminal)).await,
        Command::User(arguments) => Box::pin(user::run(arguments, terminal)).await,
        Command::Key(arguments) => Box::pin(key::run(arguments, terminal)).await,
        Command::Console(arguments) => Box::pin(console::run(arguments, terminal)).await,
        Command::Push(arguments) => Box::pin(push::run(arguments, terminal)).await,
        Command::Migrate(arguments) => Box::pin(migrate::run(arguments, terminal)).await,
        Command::Healthcheck(arguments) => Box::pin(healthcheck::run(arguments, terminal)).await,
        Command::Doctor(arguments) => Box::pin(doctor::run(arguments, terminal)).await,
        Command::Backup(arguments) => Box::pin(backup::run(arguments, terminal)).await,
        Command::Restore(arguments) => Box::pin(restore::run(arguments, terminal)).await,
        Command::Verify(arguments) => Box::pin(verify::run(arguments, terminal)).await,
    }
}

/// Help and version go to standard output; anything else is wrong usage, in one sentence.
fn explain(refused: &clap::Error, terminal: &mut Terminal) -> Outcome {
    let text = refused.render();
    let text = if terminal.colours() { text.ansi().to_string() } else { text.to_string() };
    let kind = refused.kind();
    if matches!(kind, ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        terminal.line(text.trim_end())?;
        return Ok(ExitCode::from(DONE));
    }
    if kind == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        terminal.note(text.trim_end())?;
        return Ok(ExitCode::from(WRONG_USAGE));
    }
    Err(Failed::usage(format!("{}; see `--help`", sentence(&refused.to_string()))))
}

/// The first paragraph of clap's explanation on one line, without the word `error`.
fn sentence(explanation: &str) -> String {
    let said: Vec<&str> = explanation
        .lines()
        .map(str::trim)
        .take_while(|line| !line.starts_with("Usage:") && !line.starts_with("For more"))
        .filter(|line| !line.is_empty())
        .collect();
    said.join(" ").trim_start_matches("error: ").trim_end_matches('.').to_owned()
}

/// Waits. Commands that ask again and again do it here and nowhere else.
#[expect(clippy::disallowed_methods, reason = "the one place where a command waits")]
pub(crate) async fn pause(ms: u64) {
    tokio::time::sleep(Duration::from_millis(ms)).await;
}

/// The present moment of this machine.
pub(crate) fn now() -> domain::Timestamp {
    server::outside::Clock::system().now()
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::{Arguments, sentence};

    #[test]
    fn the_arguments_are_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn wrong_usage_is_one_sentence() {
        let told = "error: unexpected argument '--x' found\n\n  tip: a similar argument exists: '--y'\n\nUsage: aizuchi ask\n\nFor more information, try '--help'.\n";
        assert_eq!(
            sentence(told),
            "unexpected argument '--x' found tip: a similar argument exists: '--y'"
        );
    }

    /// Every command, to the last subcommand.
    fn leaves(command: &clap::Command, path: &str, out: &mut Vec<(String, clap::Command)>) {
        let path = format!("{path} {}", command.get_name());
        if command.has_subcommands() {
            command.get_subcommands().for_each(|below| leaves(below, &path, out));
        } else {
            out.push((path, command.clone()));
        }
    }

    #[test]
    fn every_command_has_help_with_an_example() {
        let mut all = Vec::new();
        leaves(&Arguments::command(), "", &mut all);
        assert!(all.len() >= 20, "{}", all.len());
        for (path, mut command) in all {
            let help = command.render_long_help().to_string();
            assert!(help.contains("Example"), "{path} has no example:\n{help}");
        }
    }
}
