//! `aizuchi ask`: the client side in a terminal. It starts a request, polls as the server says, and
//! prints the tokens.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use domain::Timestamp;
use serde_json::{Map, Value, json};
use url::Url;

use super::{now, pause};
use crate::https::{Answer, Https, base, below, read_ca};
use crate::terminal::{DONE, Failed, Outcome, Terminal, shown};

/// The person said no.
const DENIED: u8 = 1;
/// The person did not answer in time.
const EXPIRED: u8 = 2;
/// Anything else.
const OTHER: u8 = 3;

const CIBA: &str = "urn:openid:params:grant-type:ciba";
/// Between two polls if the server does not say (CIBA Core 7.3).
const DEFAULT_INTERVAL_S: i64 = 5;
/// Nobody waits longer between two polls.
const LONGEST_INTERVAL_S: i64 = 300;
/// A server that says nothing final so long after the end of the request is given up.
const GRACE_S: i64 = 60;
/// So many polls in a row may fail on the way before we give up.
const FAILED_POLLS: u32 = 5;
/// No file with a secret is larger.
const SECRET_BYTES: usize = 4096;

/// Ask a person and wait for the tokens.
///
/// Prints the token answer as one JSON document on standard output, progress on standard error.
/// Exit codes: 0 approved, 1 denied, 2 expired, 3 anything else, 64 wrong usage.
#[derive(Args)]
#[command(after_help = "\
Example:
  aizuchi ask --issuer https://localhost:8443/ --ca aizuchi-data/ca.pem \\
    --client-id … --client-secret … --user 'auth0|…' --message 'Pay 20 EUR' \\
    --audience https://api.example.com/payments --scope 'openid transfer:funds'")]
pub(super) struct Arguments {
    /// The tenant's issuer.
    #[arg(long, value_name = "URL")]
    issuer: String,
    /// Who asks.
    #[arg(long, value_name = "ID")]
    client_id: String,
    /// Its secret; other people on this machine can see it, so better the next one.
    // Every 64th secret begins with a hyphen.
    #[arg(
        long,
        value_name = "SECRET",
        required_unless_present = "client_secret_file",
        allow_hyphen_values = true
    )]
    client_secret: Option<String>,
    /// File that holds the secret.
    #[arg(long, value_name = "FILE", conflicts_with = "client_secret")]
    client_secret_file: Option<PathBuf>,
    /// Who is asked, for example `auth0|5f7c…`.
    #[arg(long, value_name = "USER_ID")]
    user: String,
    /// What the person reads on the phone (binding message).
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    message: String,
    /// What is asked for.
    #[arg(long, value_name = "SCOPES", default_value = "openid")]
    scope: String,
    /// The API that the access token is for.
    #[arg(long, value_name = "IDENTIFIER")]
    audience: Option<String>,
    /// Seconds that the person has for the answer.
    #[arg(long, value_name = "SECONDS")]
    expiry: Option<u32>,
    /// Have the person enter a number that only you are shown (profiles `ciba` and `fapi-ciba`; other
    /// clients have their setting `match_code_required`).
    #[arg(long = "match")]
    wants_match: bool,
    /// PEM file with the certificate authorities to check the server with.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// No progress, compact JSON, and a refusal is a JSON document, too.
    #[arg(long)]
    json: bool,
}

/// How a request ended.
#[derive(Debug, PartialEq)]
enum End {
    Approved(Value),
    Denied(Value),
    Expired(Value),
}

/// What to do after a poll.
#[derive(Debug, PartialEq)]
enum Next {
    Over(End),
    WaitS(i64),
    Refused,
}

/// A request that was accepted.
struct Running {
    auth_req_id: String,
    interval_s: i64,
    ends_at: Timestamp,
    match_code: Option<String>,
}

/// Asks.
pub(super) async fn run(arguments: Arguments, terminal: &mut Terminal) -> Outcome {
    match ask(&arguments, terminal).await {
        Ok(End::Approved(tokens)) => {
            if arguments.json {
                terminal.json(&tokens)?;
            } else {
                terminal.note("approved")?;
                terminal.line(&format!("{tokens:#}"))?;
            }
            Ok(ExitCode::from(DONE))
        }
        Ok(End::Denied(body)) => not_approved(DENIED, "denied", &body, &arguments, terminal),
        Ok(End::Expired(body)) => not_approved(EXPIRED, "expired", &body, &arguments, terminal),
        Err(failed) => Err(failed.with_code(OTHER)),
    }
}

fn not_approved(
    code: u8,
    outcome: &str,
    body: &Value,
    arguments: &Arguments,
    terminal: &mut Terminal,
) -> Outcome {
    if arguments.json {
        let mut told = body.as_object().cloned().unwrap_or_default();
        told.insert(String::from("outcome"), Value::from(outcome));
        terminal.json(&Value::Object(told))?;
    }
    let sentence = if code == DENIED {
        "the person said no (or the request was taken back)"
    } else {
        "nobody answered in time; ask again when the person is at the phone"
    };
    Err(Failed::because(sentence).with_code(code))
}

async fn ask(arguments: &Arguments, terminal: &mut Terminal) -> Result<End, Failed> {
    let secret = secret(arguments)?;
    let ca_pem = arguments.ca.as_deref().map(read_ca).transpose()?;
    let https = Https::trusting(ca_pem.as_deref())?;
    let issuer = base(&arguments.issuer)?;
    let (backchannel, token) = endpoints(&https, &issuer).await?;
    let running = start(arguments, &https, &backchannel, (&issuer, &secret)).await?;
    let left_s = running.ends_at.ms_since(now()) / 1000;
    if !arguments.json {
        terminal.note(&format!(
            "asked {} to approve '{}'; waiting up to {left_s} seconds",
            shown(&arguments.user),
            shown(&arguments.message)
        ))?;
    }
    match &running.match_code {
        // Even where no progress is wanted: nobody can approve without it.
        Some(code) => {
            terminal.note(&format!("the number to enter on the phone is {}", shown(code)))?;
        }
        None if arguments.wants_match => {
            let what = "the server gave no number: clients of this profile have one by their setting match_code_required";
            terminal.note(what)?;
        }
        None => {}
    }
    wait(arguments, &https, (&token, &secret), running, terminal).await
}

fn secret(arguments: &Arguments) -> Result<String, Failed> {
    match (&arguments.client_secret, &arguments.client_secret_file) {
        (Some(secret), _) => Ok(secret.clone()),
        (None, Some(file)) => {
            let text = std::fs::read_to_string(file)
                .map_err(|error| Failed::usage(format!("{}: {error}", file.display())))?;
            let text = text.trim();
            if text.is_empty() || text.len() > SECRET_BYTES {
                return Err(Failed::usage(format!("{} holds no client secret", file.display())));
            }
            Ok(text.to_owned())
        }
        (None, None) => Err(Failed::usage("name --client-secret or --client-secret-file")),
    }
}

/// The two endpoints, from discovery; the document must be the issuer's own.
async fn endpoints(https: &Https, issuer: &Url) -> Result<(Url, Url), Failed> {
    let url = below(issuer, ".well-known/openid-configuration")?;
    let answer = https.get(&url, &[]).await?;
    if !answer.is_success() {
        return Err(Failed::because(format!(
            "{url} answered {}; is --issuer right?",
            answer.complaint()
        )));
    }
    let document = answer.json();
    let text = |name: &str| document.get(name).and_then(Value::as_str).unwrap_or_default();
    if text("issuer").trim_end_matches('/') != issuer.as_str().trim_end_matches('/') {
        return Err(Failed::because(format!(
            "the server at {issuer} says that its issuer is {}; use that one",
            shown(text("issuer"))
        )));
    }
    let endpoint = |name: &str| {
        Url::parse(text(name)).map_err(|_unparsed| {
            Failed::because(format!("the server at {issuer} has no {name}: it does not speak CIBA"))
        })
    };
    Ok((endpoint("backchannel_authentication_endpoint")?, endpoint("token_endpoint")?))
}

async fn start(
    arguments: &Arguments,
    https: &Https,
    backchannel: &Url,
    (issuer, secret): (&Url, &str),
) -> Result<Running, Failed> {
    let hint = json!({"format": "iss_sub", "iss": issuer.as_str(), "sub": arguments.user});
    let hint = hint.to_string();
    let expiry = arguments.expiry.map(|seconds| seconds.to_string());
    let mut fields = vec![
        ("client_id", arguments.client_id.as_str()),
        ("client_secret", secret),
        ("scope", arguments.scope.as_str()),
        ("login_hint", hint.as_str()),
        ("binding_message", arguments.message.as_str()),
    ];
    fields.extend(arguments.audience.as_deref().map(|audience| ("audience", audience)));
    fields.extend(expiry.as_deref().map(|expiry| ("requested_expiry", expiry)));
    fields.extend(arguments.wants_match.then_some(("match", "true")));
    let answer = https.post_form(backchannel, &[], &fields).await?;
    if !answer.is_success() {
        return Err(Failed::because(format!("the request was refused: {}", answer.complaint())));
    }
    let body = answer.json();
    let number = |name: &str| body.get(name).and_then(Value::as_i64);
    let id = body.get("auth_req_id").and_then(Value::as_str);
    let (Some(id), Some(expires_in)) = (id, number("expires_in")) else {
        return Err(Failed::because("the server accepted the request but named no auth_req_id"));
    };
    Ok(Running {
        auth_req_id: id.to_owned(),
        interval_s: number("interval").unwrap_or(DEFAULT_INTERVAL_S).clamp(1, LONGEST_INTERVAL_S),
        ends_at: now().plus_seconds(expires_in),
        match_code: body.get("match_code").and_then(Value::as_str).map(str::to_owned),
    })
}

async fn wait(
    arguments: &Arguments,
    https: &Https,
    (token, secret): (&Url, &str),
    mut running: Running,
    terminal: &mut Terminal,
) -> Result<End, Failed> {
    let fields = [
        ("grant_type", CIBA),
        ("client_id", arguments.client_id.as_str()),
        ("client_secret", secret),
        ("auth_req_id", running.auth_req_id.as_str()),
    ];
    let mut failures = 0;
    loop {
        let until_end_ms = running.ends_at.ms_since(now());
        if until_end_ms < -GRACE_S * 1000 {
            return Ok(End::Expired(Value::Object(Map::new())));
        }
        // One poll just after the end tells us how the server calls it.
        let rest_ms = (running.interval_s * 1000).min((until_end_ms + 500).max(1000));
        pause(u64::try_from(rest_ms).unwrap_or(1000)).await;
        let answer = match https.post_form(token, &[], &fields).await {
            Ok(answer) if answer.status < 500 => answer,
            Ok(_) | Err(_) if failures < FAILED_POLLS => {
                failures += 1;
                continue;
            }
            Ok(answer) => {
                return Err(Failed::because(format!("polling failed: {}", answer.complaint())));
            }
            Err(failed) => return Err(failed),
        };
        failures = 0;
        match judge(&answer, running.interval_s, running.ends_at, now()) {
            Next::Over(end) => return Ok(end),
            Next::WaitS(interval_s) => {
                if interval_s > running.interval_s && !arguments.json {
                    terminal
                        .note(&format!("the server asks for {interval_s} seconds between polls"))?;
                }
                running.interval_s = interval_s;
            }
            Next::Refused => {
                return Err(Failed::because(format!(
                    "polling was refused: {}",
                    answer.complaint()
                )));
            }
        }
    }
}

/// What one answer of the token endpoint means. Profile `auth0` says `access_denied` for a refusal
/// and for an expiry: our own clock tells them apart.
fn judge(answer: &Answer, interval_s: i64, ends_at: Timestamp, now: Timestamp) -> Next {
    let body = answer.json();
    if answer.is_success() {
        return if body.get("access_token").is_some() {
            Next::Over(End::Approved(body))
        } else {
            Next::Refused
        };
    }
    let grown = || {
        let named = answer.header("retry-after").and_then(|text| text.trim().parse::<i64>().ok());
        let named = named.or_else(|| body.get("interval").and_then(Value::as_i64));
        named.unwrap_or(interval_s + 5).clamp(interval_s, LONGEST_INTERVAL_S)
    };
    match body.get("error").and_then(Value::as_str) {
        Some("authorization_pending") => Next::WaitS(interval_s),
        Some("slow_down") => Next::WaitS(grown()),
        Some("expired_token") => Next::Over(End::Expired(body)),
        Some("access_denied") if answer.status == 401 => Next::Refused,
        Some("access_denied") if now >= ends_at => Next::Over(End::Expired(body)),
        Some("access_denied") => Next::Over(End::Denied(body)),
        Some(_) | None => Next::Refused,
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use domain::Timestamp;
    use http::HeaderMap;
    use serde_json::json;

    use super::{Answer, End, Next, judge};

    fn said(status: u16, retry_after: Option<&str>, body: &serde_json::Value) -> Answer {
        let mut headers = HeaderMap::new();
        if let Some(seconds) = retry_after {
            headers.insert("retry-after", seconds.parse().unwrap());
        }
        Answer { status, headers, body: Bytes::from(body.to_string()) }
    }

    fn judged(answer: &Answer, now_s: i64) -> Next {
        judge(answer, 5, Timestamp::from_ms(300_000), Timestamp::from_ms(now_s * 1000))
    }

    #[test]
    fn tokens_end_the_wait() {
        let body = json!({"access_token": "a"});
        assert_eq!(judged(&said(200, None, &body), 1), Next::Over(End::Approved(body)));
        assert_eq!(judged(&said(200, None, &json!({})), 1), Next::Refused);
    }

    #[test]
    fn slow_down_is_honoured_from_header_body_or_by_the_standard_step() {
        let body = json!({"error": "slow_down"});
        assert_eq!(judged(&said(429, Some("10"), &body), 1), Next::WaitS(10));
        assert_eq!(judged(&said(400, None, &body), 1), Next::WaitS(10));
        let body = json!({"error": "slow_down", "interval": 25});
        assert_eq!(judged(&said(429, None, &body), 1), Next::WaitS(25));
        assert_eq!(judged(&said(429, Some("1"), &body), 1), Next::WaitS(5), "never faster");
        let pending = json!({"error": "authorization_pending"});
        assert_eq!(judged(&said(400, None, &pending), 1), Next::WaitS(5));
    }

    #[test]
    fn denied_and_expired_are_told_apart_by_our_own_clock() {
        let body = json!({"error": "access_denied"});
        assert_eq!(judged(&said(400, None, &body), 299), Next::Over(End::Denied(body.clone())));
        assert_eq!(judged(&said(400, None, &body), 300), Next::Over(End::Expired(body.clone())));
        assert_eq!(judged(&said(401, None, &body), 1), Next::Refused, "wrong credentials");
        let body = json!({"error": "expired_token"});
        assert_eq!(judged(&said(400, None, &body), 1), Next::Over(End::Expired(body.clone())));
    }

    #[test]
    fn anything_else_is_a_refusal() {
        for body in [json!({"error": "invalid_grant"}), json!({}), json!(7)] {
            assert_eq!(judged(&said(403, None, &body), 1), Next::Refused);
        }
    }
}
