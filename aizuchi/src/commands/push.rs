//! `aizuchi push`: do pushes arrive?

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::Value;
use server::admin::{Command, PushAddress};

use super::administration::Inside;
use crate::terminal::{DONE, Failed, Outcome, Terminal, shown};

/// Try the push credentials.
#[derive(Args)]
#[command(arg_required_else_help = true)]
pub(super) struct Arguments {
    #[command(subcommand)]
    act: Act,
}

#[derive(Subcommand)]
enum Act {
    /// Send one push and show what its service said; exit 0 only if it was taken.
    #[command(after_help = "Examples:\n  aizuchi push test --device dev_0123456789abcdef\n  \
        aizuchi push test --token 0a1b2c… --service APNS --tenant default")]
    Test {
        /// An enrolled device.
        #[arg(
            long,
            value_name = "ID",
            required_unless_present = "token",
            conflicts_with = "token"
        )]
        device: Option<String>,
        /// A device token.
        #[arg(long, value_name = "TOKEN", requires = "service")]
        token: Option<String>,
        /// Whose token it is.
        #[arg(long, value_name = "SERVICE", value_parser = ["APNS", "GCM"])]
        service: Option<String>,
        #[command(flatten)]
        inside: Inside,
    },
}

/// Sends the push.
pub(super) async fn run(arguments: Arguments, terminal: &mut Terminal) -> Outcome {
    let Act::Test { device, token, service, inside } = arguments.act;
    let address = match (device, token, service) {
        (Some(device), _, _) => PushAddress::Device(device),
        (None, Some(token), Some(service)) => PushAddress::Token { service, token },
        (None, _, _) => return Err(Failed::usage("name --device, or --token with --service")),
    };
    let command = Command::PushTest { tenant: inside.tenant, address };
    let said = inside.common.carry_out(command, terminal).await?;
    let facts = [
        ("provider", "/provider"),
        ("outcome", "/outcome"),
        ("status", "/status"),
        ("reason", "/reason"),
        ("id", "/id"),
    ];
    inside.common.tell(&said, &facts, terminal)?;
    if said.get("outcome").and_then(Value::as_str) == Some("accepted") {
        return Ok(ExitCode::from(DONE));
    }
    let why = said.get("message").and_then(Value::as_str).unwrap_or("no reason was given");
    Err(Failed::because(format!("the push was not taken: {}", shown(why))))
}
