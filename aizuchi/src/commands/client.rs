//! `aizuchi client`: clients without a browser.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};
use server::admin::Command;

use super::administration::{Inside, find};
use crate::terminal::{DONE, Failed, Outcome, Terminal};

/// Make, invite, list, show and delete clients, and give one a new secret.
#[derive(Args)]
#[command(arg_required_else_help = true)]
pub(super) struct Arguments {
    #[command(subcommand)]
    act: Act,
}

#[derive(Subcommand)]
enum Act {
    /// A new confidential client that may ask people (CIBA) and refresh its tokens.
    ///
    /// The secret is shown once, here.
    #[command(after_help = "\
Examples:
  aizuchi client create 'Riverbank'
  aizuchi client create 'Reports' --set grant_types='[\"client_credentials\"]' --json")]
    Create {
        /// The name that people see on their phones.
        name: String,
        /// Any member of the Management API's client, its value as JSON or as plain text.
        #[arg(long = "set", value_name = "MEMBER=VALUE")]
        members: Vec<String>,
        #[command(flatten)]
        inside: Inside,
    },
    /// An initial access token: whoever has it may register clients at /oidc/register.
    ///
    /// The token is shown once, here. What --set names holds for every client that is registered
    /// with it, whatever the client says.
    #[command(after_help = "\
Examples:
  aizuchi client invite
  aizuchi client invite --uses 2 --expires-in 3600 --set profile=fapi-ciba --set assertion_audience=ciba-2021")]
    Invite {
        /// How many clients it registers.
        #[arg(long, value_name = "NUMBER", default_value_t = 1)]
        uses: u32,
        /// How many seconds it is good.
        #[arg(long, value_name = "SECONDS", default_value_t = 86_400)]
        expires_in: u32,
        /// Any metadata of RFC 7591 or of ours, its value as JSON or as plain text.
        #[arg(long = "set", value_name = "MEMBER=VALUE")]
        members: Vec<String>,
        #[command(flatten)]
        inside: Inside,
    },
    /// All clients.
    #[command(after_help = "Example:\n  aizuchi client list --tenant default")]
    List {
        #[command(flatten)]
        inside: Inside,
    },
    /// One client, without its secret.
    #[command(after_help = "Example:\n  aizuchi client show CLIENT_ID")]
    Show {
        /// Which.
        client_id: String,
        #[command(flatten)]
        inside: Inside,
    },
    /// A new secret, shown once, here; the old one fails from now on.
    #[command(after_help = "Example:\n  aizuchi client rotate-secret CLIENT_ID --json")]
    RotateSecret {
        /// Which.
        client_id: String,
        #[command(flatten)]
        inside: Inside,
    },
    /// Remove a client with its tokens and open requests.
    #[command(after_help = "Example:\n  aizuchi client delete CLIENT_ID")]
    Delete {
        /// Which.
        client_id: String,
        #[command(flatten)]
        inside: Inside,
    },
}

const SECRET: [(&str, &str); 2] =
    [("client_id", "/client_id"), ("client_secret", "/client_secret")];

/// Runs one act.
pub(super) async fn run(arguments: Arguments, terminal: &mut Terminal) -> Outcome {
    match arguments.act {
        Act::Create { name, members, inside } => {
            let (tenant, members) = (inside.tenant, with_defaults(&members)?);
            let command = Command::ClientCreate { tenant, name, members };
            let client = inside.common.carry_out(command, terminal).await?;
            inside.common.tell(&client, &SECRET, terminal)?;
        }
        Act::Invite { uses, expires_in, members, inside } => {
            let mut metadata = Map::new();
            lay_over(&mut metadata, &members)?;
            let members = json!({ "uses": uses, "expires_in": expires_in, "metadata": metadata });
            let members = members.as_object().cloned().unwrap_or_default();
            let command = Command::ClientInvite { tenant: inside.tenant, members };
            let token = inside.common.carry_out(command, terminal).await?;
            let facts = [("initial access token", "/token"), ("expires", "/expires_at")];
            inside.common.tell(&token, &facts, terminal)?;
        }
        Act::List { inside } => {
            let command = Command::ClientList { tenant: inside.tenant };
            let clients = inside.common.carry_out(command, terminal).await?;
            inside.common.list(&clients, &["/client_id", "/name", "/grant_types"], terminal)?;
        }
        Act::Show { client_id, inside } => {
            let command = Command::ClientList { tenant: inside.tenant };
            let clients = inside.common.carry_out(command, terminal).await?;
            let client = find(&clients, "client_id", &client_id, "client")?;
            let facts = [
                ("client_id", "/client_id"),
                ("name", "/name"),
                ("profile", "/profile"),
                ("grant types", "/grant_types"),
                ("authentication", "/token_endpoint_auth_method"),
                ("channels", "/async_approval_notification_channels"),
            ];
            inside.common.tell(&client, &facts, terminal)?;
        }
        Act::RotateSecret { client_id, inside } => {
            let command = Command::ClientRotateSecret { tenant: inside.tenant, client_id };
            let client = inside.common.carry_out(command, terminal).await?;
            inside.common.tell(&client, &SECRET, terminal)?;
        }
        Act::Delete { client_id, inside } => {
            let command = Command::ClientDelete { tenant: inside.tenant, client_id };
            let told = inside.common.carry_out(command, terminal).await?;
            inside.common.tell(&told, &[("deleted", "/deleted")], terminal)?;
        }
    }
    Ok(ExitCode::from(DONE))
}

/// What is asked for, over what a client that asks people needs.
fn with_defaults(texts: &[String]) -> Result<Map<String, Value>, Failed> {
    let defaults = json!({
        "app_type": "regular_web",
        "oidc_conformant": true,
        "grant_types": ["urn:openid:params:grant-type:ciba", "refresh_token"],
        "async_approval_notification_channels": ["guardian-push"],
    });
    let mut members = defaults.as_object().cloned().unwrap_or_default();
    lay_over(&mut members, texts)?;
    Ok(members)
}

/// The members that `--set` names, over those there are.
fn lay_over(members: &mut Map<String, Value>, texts: &[String]) -> Result<(), Failed> {
    for text in texts {
        let (name, value) = text
            .split_once('=')
            .ok_or_else(|| Failed::usage(format!("--set {text}: write --set member=value")))?;
        let value = serde_json::from_str(value).unwrap_or_else(|_plain| Value::from(value));
        members.insert(name.to_owned(), value);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::with_defaults;

    #[test]
    fn a_member_is_json_or_plain_text() {
        let texts = [String::from("profile=ciba"), String::from("grant_types=[\"x\"]")];
        let members = with_defaults(&texts).unwrap();
        assert_eq!(members["profile"], "ciba");
        assert_eq!(members["grant_types"][0], "x");
        assert_eq!(members["oidc_conformant"], true);
        assert!(with_defaults(&[String::from("profile")]).is_err());
    }
}
