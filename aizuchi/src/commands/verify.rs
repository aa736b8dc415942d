//! `aizuchi verify`: what can be checked without asking the server that it came from.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use device_protocol::aizuchi::content::Content;
use device_protocol::aizuchi::receipt::{self, Signer};
use domain::Timestamp;
use domain::aizuchi::{Fault, Verified, verify_receipt};
use domain::jose::{Jwk, PublicKey, parse_set};
use serde_json::{Value, json};
use url::Url;

use crate::https::{Https, read_ca};
use crate::terminal::{DONE, FAILED, Failed, Outcome, Terminal, shown};

/// No key set is larger.
const SET_BYTES: usize = 1024 * 1024;
/// What no receipt proves.
const LIMITS: [&str; 3] = [
    "that the words reached the person's eyes: an app that shows others than it signs could not be told from this one;",
    "an authenticator in a browser is served by the issuer, who could have served another that shows other words or signs unasked,",
    "unless a passkey confirmed it; and the time is the issuer's word",
];

/// Check something without asking the server that it came from.
#[derive(Args)]
#[command(arg_required_else_help = true)]
pub(super) struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Check the receipt of a decision: who agreed to what, and when.
    ///
    /// Nothing but the issuer's key set is needed; keep a copy of it beside the receipts. Exit
    /// codes: 0 it holds, 1 it does not (and where), 64 wrong usage.
    #[command(after_help = "\
Examples:
  aizuchi verify receipt receipt.txt --jwks jwks.json
  aizuchi verify receipt receipt.txt --jwks https://localhost:8443/.well-known/jwks.json --ca aizuchi-data/ca.pem")]
    Receipt(Receipt),
}

#[derive(Args)]
struct Receipt {
    /// The receipt, as `/receipts/{txn}` gives it; whole, or a client's view.
    file: PathBuf,
    /// The issuer's key set: a file, or its address.
    #[arg(long, value_name = "FILE-or-URL")]
    jwks: String,
    /// PEM file with the certificate authorities to check the server with.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Print one JSON document.
    #[arg(long)]
    json: bool,
}

/// Checks.
pub(super) async fn run(arguments: Arguments, terminal: &mut Terminal) -> Outcome {
    match arguments.what {
        What::Receipt(wanted) => receipt(&wanted, terminal).await,
    }
}

async fn receipt(wanted: &Receipt, terminal: &mut Terminal) -> Outcome {
    let text = read(&wanted.file, receipt::MAX_BYTES)?;
    let keys = keys(wanted).await?;
    // What wrote the file may have ended its one line.
    let text = text.strip_suffix('\n').unwrap_or(&text);
    match verify_receipt(text, &keys) {
        Ok(held) if wanted.json => terminal.json(&document(&held))?,
        Ok(held) => {
            for line in lines(&held, &wanted.jwks) {
                terminal.line(&line)?;
            }
        }
        Err(fault) => return does_not_hold(wanted, &fault, terminal),
    }
    Ok(ExitCode::from(DONE))
}

fn does_not_hold(wanted: &Receipt, fault: &Fault, terminal: &mut Terminal) -> Outcome {
    if wanted.json {
        let told = json!({ "holds": false, "place": fault.place.name(), "why": fault.to_string() });
        terminal.json(&told)?;
    }
    let file = wanted.file.display();
    Err(Failed::because(format!("{file} does not hold: {fault}")).with_code(FAILED))
}

/// The issuer's keys, from where the command line says.
async fn keys(wanted: &Receipt) -> Result<Vec<Jwk>, Failed> {
    let wrong = |why: String| Failed::because(format!("--jwks {}: {why}", wanted.jwks));
    let text = if wanted.jwks.contains("://") {
        let url = Url::parse(&wanted.jwks).map_err(|error| wrong(error.to_string()))?;
        let ca_pem = wanted.ca.as_deref().map(read_ca).transpose()?;
        let answer = Https::trusting(ca_pem.as_deref())?.get(&url, &[]).await?;
        if !answer.is_success() {
            return Err(wrong(format!("answered {}", answer.complaint())));
        }
        String::from_utf8_lossy(&answer.body).into_owned()
    } else {
        read(Path::new(&wanted.jwks), SET_BYTES)?
    };
    let set: Value =
        serde_json::from_str(&text).map_err(|_not_json| wrong(String::from("it is no JSON")))?;
    parse_set(&set).map_err(|error| wrong(format!("it is no key set: {error}")))
}

/// The text of a file that is not larger than it may be.
fn read(file: &Path, most: usize) -> Result<String, Failed> {
    let wrong = |what: String| Failed::because(format!("{}: {what}", file.display()));
    let opened = File::open(file).map_err(|error| wrong(error.to_string()))?;
    let mut text = String::new();
    let limit = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(2);
    let read = opened.take(limit).read_to_string(&mut text);
    read.map_err(|error| wrong(error.to_string()))?;
    if text.len() > most.saturating_add(1) {
        return Err(wrong(format!("is larger than {most} bytes")));
    }
    Ok(text)
}

fn iso(seconds: i64) -> String {
    Timestamp::from_ms(seconds.saturating_mul(1000)).to_iso()
}

const fn word(is_approved: bool) -> &'static str {
    if is_approved { "approved" } else { "denied" }
}

/// The thumbprint of a device's key, by which people can tell it.
fn thumbprint(device: &Signer) -> String {
    PublicKey::from_jwk(&device.key).map(|key| key.thumbprint()).unwrap_or_default()
}

fn document(held: &Verified) -> Value {
    let (said, parts) = (&held.receipt.said, &held.receipt.parts);
    let device = parts.device.as_ref().map(|device| {
        json!({
            "id": device.id, "key": device.key, "key_thumbprint": thumbprint(device),
            "enrolled_at": iso(device.enrolled_at),
        })
    });
    let signed = held.decision.as_ref().map(|decision| {
        let at = Timestamp::from_ms(decision.issued_at_ms).to_iso();
        json!({ "at": at, "aud": decision.issuer, "match": decision.match_code })
    });
    json!({
        "holds": true,
        "issuer": said.issuer,
        "txn": said.txn,
        "decided": word(said.is_approved),
        "by": said.user,
        "at": iso(said.issued_at),
        "asked_by": { "id": said.client, "name": held.content.client.name },
        "asked_at": iso(held.content.created_at),
        "content": held.content.claims(),
        "signed": signed,
        "device": device,
        "passkey": held.passkey.as_ref().map(|passkey| json!({ "origin": passkey.origin })),
        "hidden": held.receipt.hidden,
        "not_proven": LIMITS.join(" "),
    })
}

/// What was agreed to, by whom, when, and what cannot be known from it.
fn lines(held: &Verified, set: &str) -> Vec<String> {
    let (said, parts) = (&held.receipt.said, &held.receipt.parts);
    let mut lines = vec![
        String::from("holds     every signature, the hash and the order of the times"),
        format!("issuer    {}, by a key of {}", shown(&said.issuer), shown(set)),
        format!("txn       {}", shown(&said.txn)),
        format!(
            "decided   {} by {} at {}",
            word(said.is_approved),
            shown(&said.user),
            iso(said.issued_at)
        ),
    ];
    lines.extend(words(&held.content));
    if let Some(decision) = &held.decision {
        let at = Timestamp::from_ms(decision.issued_at_ms).to_iso();
        let code = decision.match_code.as_ref();
        let number = code.map(|code| format!(", with the number {}", shown(code)));
        lines.push(format!("signed    {at} by the device's clock{}", number.unwrap_or_default()));
        if decision.issuer != said.issuer {
            lines
                .push(format!("          for the issuer's other name {}", shown(&decision.issuer)));
        }
    }
    if let Some(device) = &parts.device {
        lines.push(format!(
            "device    {}, enrolled {}",
            shown(&device.id),
            iso(device.enrolled_at)
        ));
        lines.push(format!("          key {}", thumbprint(device)));
    }
    if let Some(passkey) = &held.passkey {
        lines.push(format!("passkey   confirmed it on {}", shown(&passkey.origin)));
    }
    if held.receipt.hidden > 0 {
        lines.push(format!(
            "hidden    {} parts: of the device, what it signed and how, only the issuer's word is here",
            held.receipt.hidden
        ));
    }
    let mut marks = ["unproven  ", "          ", "          "].into_iter();
    lines.extend(LIMITS.iter().filter_map(|limit| Some(format!("{}{limit}", marks.next()?))));
    lines
}

/// The words that the person was shown.
fn words(content: &Content) -> Vec<String> {
    let name = format!("{} ({})", shown(&content.client.name), shown(&content.client.id));
    let mut lines = vec![format!("asked by  {name} at {}", iso(content.created_at))];
    let domain = content.client.domain.iter();
    lines.extend(domain.map(|name| format!("          of {}, which spoke for it", shown(name))));
    let logo = content.logo.iter();
    lines.extend(logo.map(|logo| format!("logo      SHA-256 {}", shown(&logo.sha256))));
    lines.extend(content.binding_message.iter().map(|text| format!("message   {}", shown(text))));
    lines.extend(
        content
            .audience
            .iter()
            .map(|api| format!("for       {} ({})", shown(&api.name), shown(&api.identifier))),
    );
    let scopes: Vec<&str> = content.scope.iter().map(|(value, _)| value.as_str()).collect();
    if !scopes.is_empty() {
        lines.push(format!("may       {}", shown(&scopes.join(" "))));
    }
    lines.extend(content.lines.iter().map(|line| format!("detail    {}", shown(line))));
    let details = content.authorization_details.as_ref().and_then(Value::as_array);
    lines.extend(
        details.into_iter().flatten().map(|one| format!("detail    {}", shown(&one.to_string()))),
    );
    if let Some(context) = &content.context {
        lines.push(format!("context   {}", shown(&context.to_string())));
    }
    lines
}
