//! The authenticator in a terminal: a real device that speaks the Guardian dialect, or our own, with
//! a key of its own. Used by `aizuchi phone` and, without a state file, by `aizuchi demo`.
//!
//! Guardian's dialect has no call that lists what is waiting; its pushes are read from the
//! development tray.

mod key;
mod own;
mod push;
mod state;

use device_protocol::guardian::account::Credential;
use device_protocol::guardian::enroll::{EnrollRequest, PushCredentials, Service, authorization};
use device_protocol::guardian::otpauth;
use device_protocol::guardian::proof::{self, Proof};
use device_protocol::guardian::resolve::{self, Decision};
use domain::Timestamp;
use serde_json::{Value, json};
use server::outside::Entropy;
use url::Url;

use crate::https::{Answer, Https, base, below, origin};
use crate::terminal::Failed;

pub(crate) use key::{Key, Kind};
use own::Decided;
pub(crate) use push::{Consent, Push};
pub(crate) use state::{Enrollment, State, StateFile};

/// No ticket address is longer.
const TICKET_BYTES: usize = 4096;

/// A device, with everything it needs to speak.
pub(crate) struct Device {
    https: Https,
    server: Url,
    key: Key,
    state: State,
}

/// What a device speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Dialect {
    /// That of the Guardian SDKs.
    Guardian,
    /// Our own: an inbox, and a signature over what was shown.
    Aizuchi,
}

/// Where an enrollment begins, as text: what the ticket page or a program hands to a person.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Ticket {
    /// The ticket page's own ticket (`…/mfa/enrollment?ticket=…`): a flow must be started with it.
    Web(String),
    /// What the QR code carries: it enrolls at once.
    Enrollment(String),
}

/// The ticket in `text` and the server that the text names, if it does.
pub(crate) fn read_ticket(text: &str) -> Result<(Ticket, Option<Url>), Failed> {
    let wrong = || {
        Failed::usage(
            "the ticket is neither an otpauth:// text, nor a ticket address, nor letters and digits; copy it from the ticket page",
        )
    };
    if text.len() > TICKET_BYTES {
        return Err(wrong());
    }
    if !text.contains("://") || text.starts_with("otpauth:") {
        let scanned = otpauth::Enrollment::parse(text)
            .map_err(|error| Failed::usage(format!("{error}; copy it from the ticket page")))?;
        let server = scanned
            .base_url
            .map(|url| base(url.trim_end_matches('/').trim_end_matches("/appliance-mfa")))
            .transpose()?;
        return Ok((Ticket::Enrollment(scanned.enrollment_tx_id), server));
    }
    let url = Url::parse(text).map_err(|_unparsed| wrong())?;
    let query = |name: &str| {
        url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    };
    let ticket = query("ticket")
        .filter(|id| id.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'))
        .ok_or_else(wrong)?;
    let path = url.path();
    let before = path
        .strip_suffix("mfa/enrollment")
        .or_else(|| path.strip_suffix("guardian/enroll"))
        .ok_or_else(wrong)?;
    let server = base(&format!("{}{before}", origin(&url)))?;
    Ok((Ticket::Web(ticket), Some(server)))
}

impl Device {
    /// A new device with a fresh key, not yet enrolled.
    pub(crate) fn new(mut state: State, kind: Kind, entropy: &Entropy) -> Result<Self, Failed> {
        let key = Key::generate(kind)?;
        state.identifier = entropy.hex::<8>();
        state.push_token = entropy.base64url::<24>();
        key.algorithm().clone_into(&mut state.algorithm);
        state.key = key.to_text()?;
        let https = Https::trusting(state.ca_pem.as_deref())?;
        Ok(Self { https, server: base(&state.server)?, key, state })
    }

    /// The enrolled device of a state file.
    pub(crate) fn from_state(state: State) -> Result<Self, Failed> {
        let key = Key::from_text(&state.algorithm, &state.key)?;
        let https = Https::trusting(state.ca_pem.as_deref())?;
        Ok(Self { https, server: base(&state.server)?, key, state })
    }

    /// What must be kept of it.
    pub(crate) const fn state(&self) -> &State {
        &self.state
    }

    /// What the server said when it enrolled.
    pub(crate) fn enrollment(&self) -> Result<&Enrollment, Failed> {
        self.state.enrollment.as_ref().ok_or_else(|| {
            Failed::because(
                "this phone never finished enrolling; run `aizuchi phone forget` and enroll again",
            )
        })
    }

    /// Enrolls: with a web ticket a flow is started first, as the ticket page does.
    pub(crate) async fn enroll(
        &mut self,
        ticket: &Ticket,
        (dialect, now): (Dialect, Timestamp),
    ) -> Result<&Enrollment, Failed> {
        let id = match ticket {
            Ticket::Web(ticket) => self.start_flow(ticket).await?,
            Ticket::Enrollment(id) => id.clone(),
        };
        match dialect {
            Dialect::Guardian => self.enroll_guardian(&id).await?,
            Dialect::Aizuchi => self.enroll_own(&id, now).await?,
        }
        self.enrollment()
    }

    async fn enroll_guardian(&mut self, id: &str) -> Result<(), Failed> {
        let request = EnrollRequest {
            identifier: self.state.identifier.clone(),
            name: self.state.name.clone(),
            push_credentials: PushCredentials {
                service: Service::Gcm,
                token: self.state.push_token.clone(),
            },
            public_key: self.key.public_jwk().as_object().cloned().unwrap_or_default(),
        };
        let url = below(&self.server, "appliance-mfa/api/enroll")?;
        let ticket = authorization(id);
        let headers = [("authorization", ticket.as_str())];
        let answer = self.https.post_json(&url, &headers, &request.to_json()).await?;
        let said = expect(&answer, "enroll this phone")?.json();
        let text = |name: &str| {
            said.get(name).and_then(Value::as_str).map(str::to_owned).ok_or_else(|| {
                Failed::because(format!(
                    "the server's answer to enroll has no text `{name}`; is it an Aizuchi server?"
                ))
            })
        };
        let enrollment = Enrollment {
            id: text("id")?,
            user_id: text("user_id")?,
            token: text("token")?,
            issuer: text("issuer")?,
            own: None,
        };
        self.state.enrollment = Some(enrollment);
        Ok(())
    }

    /// `POST …/start-flow`: the web ticket becomes an enrollment ticket.
    async fn start_flow(&self, ticket: &str) -> Result<String, Failed> {
        let url = below(&self.server, "appliance-mfa/api/start-flow")?;
        let ticket = authorization(ticket);
        let body = json!({"state_transport": "polling"});
        let answer = self.https.post_json(&url, &[("authorization", &ticket)], &body).await?;
        let said = expect(&answer, "start the enrollment")?.json();
        said.get("enrollment_tx_id").and_then(Value::as_str).map(str::to_owned).ok_or_else(|| {
            Failed::because(
                "this person has a device already; ask for a ticket with allow_multiple_enrollments, or remove the other device",
            )
        })
    }

    /// What this device is asked, newest first: its inbox, or its pushes in the development tray.
    pub(crate) async fn pushes(&self, now: Timestamp) -> Result<Vec<Push>, Failed> {
        if self.own().is_some() {
            return self.waiting(now).await;
        }
        let device = &self.enrollment()?.id;
        let path = format!("{}/dev/tray/{}", origin(&self.server), self.state.push_token);
        let url = Url::parse(&path)
            .map_err(|error| Failed::because(format!("{path} is no address: {error}")))?;
        let answer = self.https.get(&url, &[]).await?;
        if answer.status == 404 {
            return Err(Failed::because(format!(
                "{} has no development tray: this phone reads its pushes there, so it works with `aizuchi dev` only",
                origin(&self.server)
            )));
        }
        let entries = expect(&answer, "read the tray")?.json();
        let entries = entries.as_array().map(Vec::as_slice).unwrap_or_default();
        Ok(entries
            .iter()
            .filter_map(Push::from_tray)
            .filter(|one| one.device_id == *device)
            .collect())
    }

    /// What the request asks for.
    pub(crate) async fn consent(&self, push: &Push, now: Timestamp) -> Result<Consent, Failed> {
        if self.own().is_some() {
            let consent = self.open_consent(push, now).await?;
            return consent.ok_or_else(|| too_late("it is no longer shown"));
        }
        Ok(Consent(expect(&self.read_consent(push, now).await?, "read the request")?.json()))
    }

    /// What the request asks for; `None` once it is over.
    pub(crate) async fn open_consent(
        &self,
        push: &Push,
        now: Timestamp,
    ) -> Result<Option<Consent>, Failed> {
        if let Some(own) = self.own() {
            return self.own_consent((&push.consent_id, own), now).await;
        }
        let answer = self.read_consent(push, now).await?;
        Ok(answer.is_success().then(|| Consent(answer.json())))
    }

    /// `GET …/rich-consents/{id}` with a proof by the device key; 401 once the request is over.
    async fn read_consent(&self, push: &Push, now: Timestamp) -> Result<Answer, Failed> {
        let url = below(&self.server, &format!("rich-consents/{}", push.consent_id))?;
        let header = proof::header(self.key.algorithm(), &self.key.public_jwk());
        let claims = Proof {
            url: url.as_str(),
            txtkn: &push.transaction_token,
            jti: &Entropy::system().hex::<16>(),
            issued_at: now.seconds(),
        };
        let proof = self.key.sign(&header, &claims.claims())?;
        let authorization = format!("MFA-DPoP {}", push.transaction_token);
        self.https.get(&url, &[("authorization", &authorization), ("mfa-dpop", &proof)]).await
    }

    /// `POST …/resolve-transaction`: the signed yes or no.
    pub(crate) async fn answer(
        &mut self,
        push: &Push,
        (decision, number): (Decision<'_>, Option<&str>),
        now: Timestamp,
    ) -> Result<Answered, Failed> {
        if let Some(own) = self.own() {
            return Ok(
                match self.decide((&push.consent_id, own), (decision, number), now).await? {
                    Decided::Over => Answered::TooLate(too_late("it is over")),
                    Decided::WrongNumber(why) => Answered::WrongNumber(why),
                    Decided::Taken(receipt) => {
                        self.state.remember(&push.consent_id, word(decision));
                        self.state.remember_receipt(&push.consent_id, receipt);
                        Answered::Counts
                    }
                },
            );
        }
        let url = below(&self.server, "appliance-mfa/api/resolve-transaction")?;
        let claims = resolve::Answer {
            identifier: &self.state.identifier,
            challenge: &push.challenge,
            url: url.as_str(),
            issued_at: now.seconds(),
            decision,
        };
        let signed = self.key.sign(&resolve::header(self.key.algorithm()), &claims.claims())?;
        let body = resolve::body(&signed);
        let authorization = format!("Bearer {}", push.transaction_token);
        let answer =
            self.https.post_json(&url, &[("authorization", &authorization)], &body).await?;
        if answer.status == 404 {
            return Ok(Answered::TooLate(too_late(&answer.complaint())));
        }
        expect(&answer, "take the answer")?;
        self.state.remember(&push.consent_id, word(decision));
        Ok(Answered::Counts)
    }

    /// `DELETE …/device-accounts/{id}`: the server forgets the device; gone already is fine.
    pub(crate) async fn unenroll(&self, now: Timestamp) -> Result<(), Failed> {
        if self.own().is_some() {
            return self.leave(now).await;
        }
        let enrollment = self.enrollment()?;
        let accounts = below(&self.server, "appliance-mfa/api/device-accounts")?;
        let url =
            below(&self.server, &format!("appliance-mfa/api/device-accounts/{}", enrollment.id))?;
        let claims = Credential {
            device: &enrollment.id,
            user: &enrollment.user_id,
            url: accounts.as_str(),
            issued_at: now.seconds(),
        };
        let header = resolve::header(self.key.algorithm());
        let jwt = self.key.sign(&header, &claims.claims())?;
        let answer =
            self.https.delete(&url, &[("authorization", &format!("Bearer {jwt}"))]).await?;
        if answer.status == 404 {
            return Ok(());
        }
        expect(&answer, "remove this phone").map(|_answer| ())
    }
}

/// What became of an answer.
pub(crate) enum Answered {
    /// It is the answer of this request.
    Counts,
    /// The number was wrong, in the server's words.
    WrongNumber(String),
    /// The request is over or was answered otherwise, in words for people.
    TooLate(Failed),
}

fn too_late(why: &str) -> Failed {
    Failed::because(format!(
        "the answer came too late, the request is over or was answered otherwise ({why}); ask for a new one"
    ))
}

/// A decision in one word.
pub(crate) const fn word(decision: Decision<'_>) -> &'static str {
    match decision {
        Decision::Accepted => "approved",
        Decision::Rejected { .. } => "denied",
    }
}

/// The answer, if it is a success.
fn expect<'a>(answer: &'a Answer, what: &str) -> Result<&'a Answer, Failed> {
    if answer.is_success() {
        Ok(answer)
    } else {
        Err(Failed::because(format!("the server did not {what}: {}", answer.complaint())))
    }
}

#[cfg(test)]
mod tests {
    use super::{Ticket, read_ticket};

    #[test]
    fn tickets_come_as_qr_text_as_address_or_bare() {
        let qr = "otpauth://totp/Aizuchi:auth0%7Cabc?enrollment_tx_id=Abc123&issuer=Aizuchi&base_url=https%3A%2F%2Flocalhost%3A8443%2Ft%2Facme%2Fappliance-mfa";
        let (ticket, server) = read_ticket(qr).unwrap();
        assert_eq!(ticket, Ticket::Enrollment(String::from("Abc123")));
        assert_eq!(server.unwrap().as_str(), "https://localhost:8443/t/acme/");

        let (ticket, server) =
            read_ticket("https://localhost:8443/t/acme/mfa/enrollment?ticket=Xyz9").unwrap();
        assert_eq!(ticket, Ticket::Web(String::from("Xyz9")));
        assert_eq!(server.unwrap().as_str(), "https://localhost:8443/t/acme/");

        let (_, server) =
            read_ticket("http://localhost:8080/guardian/enroll?ticket=gten_1").unwrap();
        assert_eq!(server.unwrap().as_str(), "http://localhost:8080/");

        let (ticket, server) = read_ticket("Abc123").unwrap();
        assert_eq!((ticket, server), (Ticket::Enrollment(String::from("Abc123")), None));
    }

    #[test]
    fn what_is_no_ticket_is_wrong_usage() {
        for text in ["", "a b", "https://localhost/", "otpauth://totp/x?secret=A", "ticket=a\"b"] {
            assert!(read_ticket(text).is_err(), "{text}");
        }
        assert!(read_ticket(&"a".repeat(5000)).is_err());
    }
}
