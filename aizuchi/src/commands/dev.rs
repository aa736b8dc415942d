//! `aizuchi dev`: a development server with sample data, and its card.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde_json::Value;
use server::Mode;
use server::config::Config;

use super::place::setting;
use super::{logs, serve};
use crate::terminal::{DONE, Failed, Outcome, Terminal};

/// Where HTTPS listens unless it is told otherwise.
const HTTPS_PORT: u16 = 8443;
/// How often a person may be asked in a minute with `--fapi`.
const FAPI_PROMPTS: &str = "1000";

/// A development server that stays up, with sample data and development tools.
///
/// Serves the same paths on `https://localhost:8443/` (its certificate authority is `ca_file` in
/// the card) and `http://localhost:8080/`. Data lives in the data folder and survives a restart.
/// When it is ready it shows a card: where it is, a management client, a client, an API, a user and
/// the page that makes a browser their phone.
/// Ctrl-C stops it.
///
/// With `--fapi` there is also a tenant of profile `fapi-ciba` at `/t/fapi/`; the member `fapi` of
/// the card tells its issuer, clients, people and sample API.
///
/// Development tools: `GET /dev/tray/{push token}`, `POST /dev/ciba/{auth_req_id}/allow` and
/// `…/deny`, `POST /dev/users/{user_id}/phone`, `POST /dev/clock/advance?seconds=N`,
/// `GET /dev/resource`, an API that takes access tokens.
#[derive(Args)]
#[command(after_help = "\
Examples:
  aizuchi dev
  aizuchi dev --json --https-port 0 --http-port 0      free ports; the card names them
  aizuchi dev --database postgres://localhost/aizuchi --virtual-phones
  aizuchi dev --fapi --json                            two FAPI-CIBA clients; the card has their keys
  aizuchi dev --set limits.prompts_per_user_per_minute=1000000     for a load test")]
pub(super) struct Arguments {
    /// Data folder: database, keys, certificates.
    #[arg(long, value_name = "DIR", default_value = "aizuchi-data")]
    data: PathBuf,
    /// Port of the HTTPS listener; 0 takes a free one.
    #[arg(long, value_name = "PORT", default_value_t = HTTPS_PORT)]
    https_port: u16,
    /// Port of the HTTPS listener that asks for client certificates; 0 takes a free one [default:
    /// 8444, or a free one where --https-port is not 8443].
    #[arg(long, value_name = "PORT")]
    mtls_port: Option<u16>,
    /// Port of the plain listener on localhost; 0 takes a free one.
    #[arg(long, value_name = "PORT", default_value_t = 8080)]
    http_port: u16,
    /// Port for health and metrics; 0 takes a free one.
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    ops_port: u16,
    /// The database instead of a file in the data folder: `sqlite:PATH` or `postgres://…`.
    #[arg(long, value_name = "URL")]
    database: Option<String>,
    /// Give every user a virtual phone, which /dev/ciba/… answers with.
    #[arg(long)]
    virtual_phones: bool,
    /// Add a tenant of profile fapi-ciba, at /t/fapi/, with two clients, their keys and
    /// certificates ready-made, and people who have virtual phones; serve an RSA certificate.
    #[arg(long)]
    fapi: bool,
    /// Override one key of the configuration.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    settings: Vec<String>,
    /// The card as exactly one line of JSON.
    #[arg(long)]
    json: bool,
}

impl Arguments {
    fn config(&self) -> Result<Config, Failed> {
        let beside = if self.https_port == HTTPS_PORT { HTTPS_PORT + 1 } else { 0 };
        let mtls_port = self.mtls_port.unwrap_or(beside);
        let mut settings = vec![
            setting("server.data_dir", &self.data.to_string_lossy())?,
            setting("server.public_url", &format!("https://localhost:{}/", self.https_port))?,
            setting("listen.https", &format!("127.0.0.1:{}", self.https_port))?,
            setting("listen.mtls", &format!("127.0.0.1:{mtls_port}"))?,
            setting("listen.http", &format!("127.0.0.1:{}", self.http_port))?,
            setting("listen.ops", &format!("127.0.0.1:{}", self.ops_port))?,
        ];
        if let Some(url) = &self.database {
            settings.push(setting("database.url", url)?);
        }
        if self.fapi {
            // A certification asks the same person again and again.
            settings.push(setting("limits.prompts_per_user_per_minute", FAPI_PROMPTS)?);
        }
        settings.extend(serve::settings(&self.settings)?);
        Config::read(None, &settings).map_err(|error| Failed::because(error.to_string()))
    }
}

/// Serves until it is told to stop.
pub(super) async fn run(arguments: Arguments, terminal: &mut Terminal) -> Outcome {
    let config = arguments.config()?;
    logs::start(&config)?;
    let stop = serve::stop_asked()?;
    let mode = Mode::Dev { virtual_phones: arguments.virtual_phones, fapi: arguments.fapi };
    let running = Box::pin(server::start(config, mode))
        .await
        .map_err(|error| Failed::because(error.to_string()))?;
    let card = running.card.clone().unwrap_or(Value::Null);
    if arguments.json {
        terminal.json(&card)?;
    } else {
        let data = arguments.data.display().to_string();
        // As it was called, so that each line can be pasted: `cargo run` needs no installation.
        let program = std::env::args().next().unwrap_or_else(|| String::from("aizuchi"));
        for line in lines(&card, &data, &program).into_iter().chain(fapi_lines(&card)) {
            terminal.line(&line)?;
        }
    }
    stop.await;
    running.stop().await;
    Ok(ExitCode::from(DONE))
}

/// The card for people.
fn lines(card: &Value, data: &str, program: &str) -> Vec<String> {
    let text = |pointer: &str| card.pointer(pointer).and_then(Value::as_str).unwrap_or("-");
    vec![
        String::new(),
        String::from("Aizuchi is ready. Ctrl-C stops it."),
        String::new(),
        format!("  issuer       {}", text("/issuer")),
        format!("  plain        {}   (this machine only)", text("/http")),
        format!("  certificates {}   (asks clients for theirs)", text("/mtls")),
        format!("  operations   {}", text("/ops")),
        format!("  CA file      {}", text("/ca_file")),
        format!("  console      {}", text("/console")),
        String::new(),
        format!("  management   {}", text("/management/client_id")),
        format!("    secret     {}", text("/management/client_secret")),
        format!("    audience   {}", text("/management/audience")),
        format!("  client       {}", text("/client/client_id")),
        format!("    secret     {}", text("/client/client_secret")),
        format!("  API          {}", text("/api/identifier")),
        format!("  user         {}   {}", text("/user/user_id"), text("/user/email")),
        String::new(),
        String::from("Open this page in a browser, which becomes the user's phone:"),
        format!("  {}", text("/enrollment")),
        String::from("Ask in another terminal, and approve in the browser:"),
        format!(
            "  {program} ask --issuer {} --ca {} --client-id {} --client-secret {} --user '{}' --message 'Pay 20 EUR'",
            text("/issuer"),
            text("/ca_file"),
            text("/client/client_id"),
            text("/client/client_secret"),
            text("/user/user_id")
        ),
        String::from("Check the receipt that the browser then saves:"),
        format!("  {program} verify receipt FILE --jwks {}.well-known/jwks.json", text("/http")),
        String::from("Without a browser, enroll a phone and approve so:"),
        format!(
            "  {program} phone enroll \"$({program} user ticket '{}' --data {data})\" --ca {}",
            text("/user/user_id"),
            text("/ca_file")
        ),
        format!("  {program} phone approve"),
    ]
}

/// What the card tells of the tenant of `--fapi`; its keys are in the JSON card.
fn fapi_lines(card: &Value) -> Vec<String> {
    let Some(fapi) = card.get("fapi") else { return Vec::new() };
    let text = |value: &Value, name: &str| {
        value.get(name).and_then(Value::as_str).unwrap_or("-").to_owned()
    };
    let list = |name: &str| fapi.get(name).and_then(Value::as_array).into_iter().flatten();
    let mut lines = vec![
        String::new(),
        format!("  FAPI-CIBA    {}", text(fapi, "issuer")),
        format!("  certificates {}", text(fapi, "mtls")),
        format!("  decide       {}", text(fapi, "decide")),
        format!("  sample API   {}", text(fapi, "resource")),
    ];
    for client in list("clients") {
        let method = text(client, "token_endpoint_auth_method");
        lines.push(format!("  client       {}   {method}", text(client, "client_id")));
        lines.push(format!("    certificate {}", text(client, "certificate_file")));
    }
    for user in list("users") {
        lines.push(format!("  user         {}   {}", text(user, "user_id"), text(user, "email")));
    }
    lines.push(String::from("  The clients' private keys are in the card of --json."));
    lines
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{fapi_lines, lines};

    /// O350: what was made for FAPI-CIBA is told to people too, private keys apart.
    #[test]
    fn the_card_for_people_tells_of_fapi() {
        let card = json!({"fapi": {
            "issuer": "i-1", "mtls": "m-1", "decide": "d-1", "resource": "r-1",
            "users": [{"user_id": "u-1", "email": "e-1"}],
            "clients": [{
                "client_id": "c-1", "token_endpoint_auth_method": "a-1",
                "certificate_file": "f-1", "jwks": {"keys": [{"d": "secret"}]},
            }],
        }});
        let told = fapi_lines(&card).join("\n");
        for fact in ["i-1", "m-1", "d-1", "r-1", "u-1", "e-1", "c-1", "a-1", "f-1"] {
            assert!(told.contains(fact), "{fact}\n{told}");
        }
        assert!(!told.contains("secret"));
        assert!(fapi_lines(&json!({})).is_empty());
    }

    /// O26: the card for people has the facts of the JSON card.
    #[test]
    fn the_card_for_people_has_every_fact() {
        let card = json!({
            "issuer": "https://localhost:1/", "http": "http://localhost:2/", "ca_file": "d/ca.pem",
            "ops": "http://127.0.0.1:3/", "mtls": "https://localhost:4/",
            "ops": "http://127.0.0.1:3/", "console": "http://localhost:2/console/x",
            "management": {"client_id": "m-id", "client_secret": "m-secret", "audience": "m-aud"},
            "client": {"client_id": "c-id", "client_secret": "c-secret"},
            "api": {"identifier": "api-id"}, "enrollment": "http://localhost:2/mfa/y", "user": {"user_id": "auth0|1", "email": "a@b.c"},
        });
        let told = lines(&card, "d", "bin/aizuchi").join("\n");
        for fact in [
            "https://localhost:1/",
            "http://localhost:2/",
            "d/ca.pem",
            "http://localhost:2/console/x",
            "http://localhost:2/mfa/y",
            "bin/aizuchi ask",
            "bin/aizuchi verify",
            "http://127.0.0.1:3/",
            "https://localhost:4/",
            "m-id",
            "m-secret",
            "m-aud",
            "c-id",
            "c-secret",
            "api-id",
            "auth0|1",
            "a@b.c",
        ] {
            assert!(told.contains(fact), "{fact}\n{told}");
        }
    }
}
