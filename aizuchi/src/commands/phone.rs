//! `aizuchi phone`: the authenticator in a terminal.

mod screen;
mod watch;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use device_protocol::guardian::resolve::Decision;
use serde_json::{Value, json};

use super::now;
use super::serve::stop_asked;
use crate::https::{base, read_ca};
use crate::phone::{
    Answered, Consent, Device, Dialect, Kind, Push, State, StateFile, read_ticket, word,
};
use crate::terminal::{DONE, Failed, Outcome, Terminal, shown};

/// A phone in a terminal: a real device with its own key.
///
/// It enrolls, reads and answers requests as a phone with the Guardian SDK does. That dialect cannot
/// list what is waiting, so pushes are read from the tray of `aizuchi dev`; against `aizuchi serve`
/// such a phone can enroll but sees no requests. With `--dialect aizuchi` it has an inbox, and signs
/// the words that it was shown: that works against any server.
#[derive(Args)]
#[command(arg_required_else_help = true)]
pub(super) struct Arguments {
    /// The file that holds the phone: its key, its enrollment, its push token (mode 0600).
    #[arg(long, global = true, value_name = "FILE", default_value = "aizuchi-phone.json")]
    state: PathBuf,
    /// Print one JSON document (`watch`: one a line).
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    act: Act,
}

#[derive(Subcommand)]
enum Act {
    /// Make a device key and enroll with a ticket.
    #[command(after_help = "\
Examples:
  aizuchi phone enroll 'https://localhost:8443/mfa/enrollment?ticket=…' --ca aizuchi-data/ca.pem
  aizuchi phone enroll 'otpauth://totp/…?enrollment_tx_id=…&base_url=…' --ca aizuchi-data/ca.pem
  aizuchi phone enroll TICKET --server https://localhost:8443/ --ca aizuchi-data/ca.pem")]
    Enroll(Enroll),
    /// List the requests in the development tray, newest first.
    #[command(after_help = "Example:\n  aizuchi phone inbox --state alice.json")]
    Inbox,
    /// Read one request: who asks for what.
    #[command(after_help = "Example:\n  aizuchi phone show cns_… --state alice.json")]
    Show(Which),
    /// Say yes: the request is read, shown, signed and answered.
    #[command(after_help = "\
Examples:
  aizuchi phone approve cns_… --state alice.json
  aizuchi phone approve cns_… --match 42 --state alice.json")]
    Approve(Approve),
    /// Say no.
    #[command(after_help = "Example:\n  aizuchi phone deny cns_… --reason hack --state alice.json")]
    Deny(Deny),
    /// Fetch the receipt of an answer: what can be shown to others (our own dialect).
    #[command(after_help = "\
Examples:
  aizuchi phone receipt --state alice.json > receipt.txt
  aizuchi phone receipt cns_… --out receipt.txt --state alice.json")]
    Receipt(Receipt),
    /// Wait for requests and show each as it comes, until Ctrl-C. In our own dialect and on a
    /// terminal: an inbox with keys to answer.
    #[command(after_help = "\
Examples:
  aizuchi phone watch --state alice.json
  aizuchi phone watch --count 1 --answer approve --state alice.json")]
    Watch(Watch),
    /// Remove the device from the server, then the state file.
    #[command(after_help = "Example:\n  aizuchi phone forget --state alice.json")]
    Forget(Forget),
}

#[derive(Args)]
struct Enroll {
    /// What the ticket page shows: its address, the text of its QR code, or the bare ticket in it.
    ticket: String,
    /// The server, if the ticket does not name one.
    #[arg(long, value_name = "URL")]
    server: Option<String>,
    /// PEM file with the certificate authorities to check the server with.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// The name that people see in lists of devices.
    #[arg(long, default_value = "Phone in a terminal", allow_hyphen_values = true)]
    name: String,
    /// An RSA key of 2048 bits (RS256), as phones have; otherwise P-256 (ES256).
    #[arg(long)]
    rsa: bool,
    /// What the phone speaks.
    #[arg(long, value_enum, default_value_t = Dialect::Guardian)]
    dialect: Dialect,
}

#[derive(Args)]
struct Which {
    /// The request, as `inbox` names it; may be left out if exactly one is open.
    #[arg(value_name = "REQUEST")]
    id: Option<String>,
}

#[derive(Args)]
struct Approve {
    #[command(flatten)]
    which: Which,
    /// The number that the other screen shows, where one is asked for.
    #[arg(long = "match", value_name = "NUMBER")]
    number: Option<String>,
}

#[derive(Args)]
struct Receipt {
    /// The request; may be left out for the last one that was answered.
    #[arg(value_name = "REQUEST")]
    id: Option<String>,
    /// The file to write it to; otherwise standard output.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

#[derive(Args)]
struct Deny {
    #[command(flatten)]
    which: Which,
    /// Why, for the log: `mistake`, `hack` or any text.
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    reason: Option<String>,
}

#[derive(Args)]
struct Watch {
    /// Stop after so many requests.
    #[arg(long, value_name = "N")]
    count: Option<u64>,
    /// Answer each request at once: for development only.
    #[arg(long, value_name = "ANSWER", value_enum)]
    answer: Option<Reply>,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Reply {
    Approve,
    Deny,
}

impl Watch {
    /// Whether a person at the keyboard is meant to answer.
    const fn is_for_people(&self) -> bool {
        self.count.is_none() && self.answer.is_none()
    }
}

#[derive(Args)]
struct Forget {
    /// Remove the state file although the server cannot be reached.
    #[arg(long)]
    offline: bool,
}

/// Runs one act of the phone.
pub(super) async fn run(arguments: Arguments, terminal: &mut Terminal) -> Outcome {
    let file = StateFile::at(&arguments.state);
    let mut session = Session { file, json: arguments.json, terminal };
    match arguments.act {
        Act::Enroll(wanted) => session.enroll(&wanted).await?,
        Act::Inbox => session.inbox().await?,
        Act::Show(which) => session.show(which.id.as_deref()).await?,
        Act::Approve(yes) => {
            let answer = (Decision::Accepted, yes.number.as_deref());
            session.answer(yes.which.id.as_deref(), answer).await?;
        }
        Act::Receipt(receipt) => session.receipt(&receipt).await?,
        Act::Deny(no) => {
            let decision = Decision::Rejected { reason: no.reason.as_deref() };
            session.answer(no.which.id.as_deref(), (decision, None)).await?;
        }
        Act::Watch(watch) => {
            let stop = stop_asked()?;
            tokio::select! {
                ended = session.watch(&watch) => ended?,
                () = stop => session.terminal.other_screen(false)?,
            }
        }
        Act::Forget(forget) => session.forget(forget.offline).await?,
    }
    Ok(ExitCode::from(DONE))
}

/// One act: where the phone is kept and where its words go.
struct Session<'t> {
    file: StateFile,
    json: bool,
    terminal: &'t mut Terminal,
}

impl Session<'_> {
    fn device(&self) -> Result<Device, Failed> {
        Device::from_state(self.file.read()?)
    }

    async fn enroll(&mut self, wanted: &Enroll) -> Result<(), Failed> {
        let (ticket, named) = read_ticket(wanted.ticket.trim())?;
        let server = match (&wanted.server, named) {
            (Some(server), _) => base(server)?,
            (None, Some(server)) => server,
            (None, None) => {
                return Err(Failed::usage("a bare ticket names no server; add --server URL"));
            }
        };
        let ca_pem = wanted.ca.as_deref().map(read_ca).transpose()?;
        let state = State::new(server.as_str(), ca_pem, &wanted.name);
        let kind = if wanted.rsa { Kind::Rs256 } else { Kind::Es256 };
        let mut device = Device::new(state, kind, &server::outside::Entropy::system())?;
        // The place is taken first: a device whose key was lost could never answer.
        self.file.claim()?;
        let enrolled = match self.file.write(device.state()) {
            Ok(()) => device.enroll(&ticket, (wanted.dialect, now())).await.cloned(),
            Err(failed) => Err(failed),
        };
        let enrollment = match enrolled {
            Ok(enrollment) => enrollment,
            Err(failed) => {
                self.file.remove()?;
                return Err(failed);
            }
        };
        self.file.write(device.state())?;
        let state = device.state();
        if self.json {
            self.terminal.json(&json!({
                "id": enrollment.id, "user_id": enrollment.user_id, "issuer": enrollment.issuer,
                "server": state.server, "identifier": state.identifier, "algorithm": state.algorithm,
                "push_token": state.push_token,
            }))?;
        } else {
            self.terminal.line(&format!(
                "enrolled  {} for {} at {} with a fresh {} key",
                shown(&enrollment.id),
                shown(&enrollment.user_id),
                state.server,
                state.algorithm
            ))?;
        }
        Ok(())
    }

    async fn inbox(&mut self) -> Result<(), Failed> {
        let device = self.device()?;
        let mut found = Vec::new();
        for push in device.pushes(now()).await? {
            let consent = device.open_consent(&push, now()).await?;
            let own = device.state().answers.get(&push.consent_id);
            let state = match (own, &consent) {
                (Some(own), _) => own.as_str(),
                (None, Some(_)) => "open",
                (None, None) => "over",
            };
            found.push((push.clone(), state.to_owned(), consent));
        }
        if self.json {
            let list = found.iter().map(|(push, state, consent)| {
                json!({"id": push.consent_id, "state": state, "began": push.began,
                       "from": consent.as_ref().map_or(push.asker.as_str(), |it| it.asker(push)),
                       "consent": consent.as_ref().map_or(Value::Null, |consent| consent.0.clone())})
            });
            return Ok(self.terminal.json(&list.collect())?);
        }
        if found.is_empty() {
            self.terminal.line("nothing yet; `aizuchi phone watch` waits for requests")?;
        }
        for (push, state, consent) in &found {
            let message = consent.as_ref().map(Consent::message).unwrap_or_default();
            self.terminal.line(&format!(
                "{state:<9} {}  {}  {}: {}",
                shown(&push.consent_id),
                shown(&push.began),
                shown(consent.as_ref().map_or(push.asker.as_str(), |it| it.asker(push))),
                shown(message)
            ))?;
        }
        Ok(())
    }

    /// The push meant by `id`, or the only open one.
    async fn pick(device: &Device, id: Option<&str>) -> Result<Push, Failed> {
        let pushes = device.pushes(now()).await?;
        if let Some(id) = id {
            return pushes.into_iter().find(|push| push.consent_id == id).ok_or_else(|| {
                Failed::because(format!(
                    "no push with the id {} is in the tray; `aizuchi phone inbox` lists them",
                    shown(id)
                ))
            });
        }
        let mut open = Vec::new();
        for push in pushes {
            let answered = device.state().answers.contains_key(&push.consent_id);
            if !answered && device.open_consent(&push, now()).await?.is_some() {
                open.push(push);
            }
        }
        match (open.pop(), open.len()) {
            (Some(only), 0) => Ok(only),
            (None, _) => Err(Failed::because(
                "no request is open; `aizuchi phone watch` waits for the next one",
            )),
            (Some(_), others) => Err(Failed::usage(format!(
                "{} requests are open; name one, `aizuchi phone inbox` lists them",
                others + 1
            ))),
        }
    }

    async fn show(&mut self, id: Option<&str>) -> Result<(), Failed> {
        let device = self.device()?;
        let push = Self::pick(&device, id).await?;
        let consent = device.consent(&push, now()).await?;
        if self.json {
            return Ok(self.terminal.json(&consent.0)?);
        }
        self.tell(&push, &consent)
    }

    fn tell(&mut self, push: &Push, consent: &Consent) -> Result<(), Failed> {
        for line in consent.lines(consent.asker(push)) {
            self.terminal.line(&line)?;
        }
        Ok(())
    }

    async fn answer(
        &mut self,
        id: Option<&str>,
        (decision, number): (Decision<'_>, Option<&str>),
    ) -> Result<(), Failed> {
        let mut device = self.device()?;
        let push = Self::pick(&device, id).await?;
        // Read before answered, also because the server may insist on it.
        let consent = device.consent(&push, now()).await?;
        if !self.json {
            self.tell(&push, &consent)?;
        }
        if decision == Decision::Accepted && number.is_none() && consent.number().is_some() {
            let what = "this request wants the number that the other screen shows; add --match NN";
            return Err(Failed::usage(what));
        }
        match device.answer(&push, (decision, number), now()).await? {
            Answered::Counts => self.keep(&device, (&push, &consent), decision),
            Answered::WrongNumber(why) => Err(Failed::because(why)),
            Answered::TooLate(why) => Err(why),
        }
    }

    /// D19: the receipt of an answer, byte for byte.
    async fn receipt(&mut self, wanted: &Receipt) -> Result<(), Failed> {
        let device = self.device()?;
        let state = device.state();
        let id = wanted.id.as_deref().or(state.last.as_deref()).unwrap_or_default();
        let location = state.receipts.get(id).ok_or_else(|| {
            Failed::because(
                "this phone knows of no receipt for that request; only answers in our own dialect leave one",
            )
        })?;
        let receipt = device.receipt(location, now()).await?;
        match &wanted.out {
            Some(file) => std::fs::write(file, &receipt)
                .map_err(|error| Failed::because(format!("{}: {error}", file.display())))?,
            None if self.json => {
                self.terminal.json(&json!({ "id": id, "url": location, "receipt": receipt }))?;
            }
            None => self.terminal.line(&receipt)?,
        }
        Ok(())
    }

    /// Remembers an answer that counts, and tells it.
    fn keep(
        &mut self,
        device: &Device,
        (push, consent): (&Push, &Consent),
        decision: Decision<'_>,
    ) -> Result<(), Failed> {
        self.file.write(device.state())?;
        let word = word(decision);
        if self.json {
            let told = json!({"id": push.consent_id, "answer": word, "consent": consent.0});
            self.terminal.json(&told)?;
        } else {
            self.terminal.line(word)?;
        }
        Ok(())
    }

    async fn forget(&mut self, offline: bool) -> Result<(), Failed> {
        let state = self.file.read()?;
        let enrolled = state.enrollment.is_some();
        if enrolled && !offline {
            let device = Device::from_state(state)?;
            if let Err(failed) = device.unenroll(now()).await {
                return Err(Failed::because(format!(
                    "{failed}; --offline removes the state file alone"
                )));
            }
        }
        self.file.remove()?;
        if self.json {
            self.terminal.json(&json!({"forgotten": true}))?;
        } else {
            self.terminal.line("forgotten")?;
        }
        Ok(())
    }
}
