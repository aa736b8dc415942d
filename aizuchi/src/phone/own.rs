//! The phone's side of our own dialect: proofs, the inbox, and decisions over the words that were
//! shown.

use device_protocol::aizuchi::content::{self, Content, Match};
use device_protocol::aizuchi::decision::{self, Answer as Said, Body, Decision as Signed, Reason};
use device_protocol::aizuchi::enroll::{self, Channel, EnrollRequest, Enrolled};
use device_protocol::aizuchi::errors::{Code, Refusal};
use device_protocol::aizuchi::proof::{self, Proof};
use device_protocol::guardian::resolve::Decision;
use domain::Timestamp;
use domain::jose::{PublicKey, Unverified};
use serde_json::{Value, json};
use server::outside::Entropy;

use super::push::{Consent, Push};
use super::state::{Enrollment, Own};
use super::{Device, expect};
use crate::https::{Answer, Events, below};
use crate::terminal::Failed;

/// What became of a decision.
pub(super) enum Decided {
    /// It is taken; where its receipt is.
    Taken(Option<String>),
    /// The number was wrong, in the server's words.
    WrongNumber(String),
    /// There was nothing (any more) to decide.
    Over,
}

/// A clock that is off is set right once for each call.
const TRIES: u32 = 2;

impl Device {
    /// `POST /device/v1/enrollments`.
    pub(super) async fn enroll_own(&mut self, ticket: &str, now: Timestamp) -> Result<(), Failed> {
        let issuer = self.server.as_str();
        let claims = enroll::ticket_claims(ticket, issuer, now.seconds());
        let mut key = self.key.public_jwk();
        if let Some(members) = key.as_object_mut() {
            members.remove("use");
        }
        let request = EnrollRequest {
            ticket: ticket.to_owned(),
            name: self.state.name.clone(),
            key: key.as_object().cloned().unwrap_or_default(),
            channel: Channel::None,
            locale: String::from("en"),
            proof: self.key.sign(&enroll::header(self.key.algorithm()), &claims)?,
            passkey: None,
        };
        let url = below(&self.server, "device/v1/enrollments")?;
        let answer = self.https.post_json(&url, &[], &request.to_json()).await?;
        let said = Enrolled::parse(&expect(&answer, "enroll this phone")?.json())
            .map_err(|error| Failed::because(format!("the server's answer to enroll: {error}")))?;
        self.state.enrollment = Some(Enrollment {
            id: said.device,
            user_id: said.user,
            token: String::new(),
            issuer: said.name,
            own: Some(Own { issuer_url: said.issuer_url, server_key: said.server_key }),
        });
        Ok(())
    }

    /// A call with a proof of its own; a clock that is off is corrected by what the server says.
    async fn call(
        &self,
        method: &str,
        path: &str,
        (body, now): (Option<&Value>, Timestamp),
    ) -> Result<Answer, Failed> {
        let url = below(&self.server, path)?;
        let text = body.map(ToString::to_string).unwrap_or_default();
        let mut moment = now;
        for attempt in 1..=TRIES {
            let signed = self.proof((method, url.as_str()), (text.as_bytes(), moment))?;
            let headers = [(proof::HEADER, signed.as_str())];
            let answer = match (method, body) {
                ("POST", Some(body)) => self.https.post_json(&url, &headers, body).await?,
                ("DELETE", _) => self.https.delete(&url, &headers).await?,
                _ => self.https.get(&url, &headers).await?,
            };
            let told = answer.header("date").and_then(Timestamp::from_http);
            match told.filter(|_| attempt < TRIES && code(&answer) == Some(Code::ClockOff)) {
                Some(told) => moment = told,
                None => return Ok(answer),
            }
        }
        Err(Failed::because("the server does not take this machine's time"))
    }

    /// What waits, newest first.
    pub(super) async fn waiting(&self, now: Timestamp) -> Result<Vec<Push>, Failed> {
        let answer = self.call("GET", "device/v1/requests", (None, now)).await?;
        let said = expect(&answer, "list what waits")?.json();
        let list = said.get("requests").and_then(Value::as_array).cloned().unwrap_or_default();
        let device = &self.enrollment()?.id;
        let read = |entry: &Value| {
            let began = entry.get("created_at")?.as_i64()?;
            Some(Push {
                consent_id: entry.get("request")?.as_str()?.to_owned(),
                device_id: device.clone(),
                transaction_token: String::new(),
                challenge: String::new(),
                began: Timestamp::from_ms(began.saturating_mul(1000)).to_iso(),
                asker: String::new(),
            })
        };
        Ok(list.iter().filter_map(read).collect())
    }

    /// The words of a request, as they came and as the server signed them; `None`: it is over.
    async fn words(
        &self,
        (id, own): (&str, &Own),
        now: Timestamp,
    ) -> Result<Option<(String, Content)>, Failed> {
        let answer = self.call("GET", &format!("device/v1/requests/{id}"), (None, now)).await?;
        if is_over(&answer) {
            return Ok(None);
        }
        let said = expect(&answer, "show the request")?.json();
        let jws = said.get("content").and_then(Value::as_str).unwrap_or_default().to_owned();
        let forged = |why: String| {
            Failed::because(format!("the request is not in the server's own words: {why}"))
        };
        let key =
            PublicKey::from_jwk(&own.server_key).map_err(|error| forged(error.to_string()))?;
        let unverified = Unverified::parse(&jws, content::MAX_BYTES);
        let unverified = unverified.map_err(|error| forged(error.to_string()))?;
        if !unverified.header().is_type(content::TYP) {
            return Err(forged(String::from("it is of another type")));
        }
        let claims = unverified.verify(&key, &[key.key_type().default_algorithm()]);
        let claims = claims.map_err(|error| forged(error.to_string()))?;
        let words = Content::from_claims(claims.as_map());
        let words = words.map_err(|error| forged(error.to_string()))?;
        if words.request != id {
            return Err(forged(String::from("it is another request")));
        }
        Ok(Some((jws, words)))
    }

    /// The request as a person reads it; `None`: it is over.
    pub(super) async fn own_consent(
        &self,
        (id, own): (&str, &Own),
        now: Timestamp,
    ) -> Result<Option<Consent>, Failed> {
        let Some((_, words)) = self.words((id, own), now).await? else { return Ok(None) };
        let iso = |seconds: i64| Timestamp::from_ms(seconds.saturating_mul(1000)).to_iso();
        let scope: Vec<&str> = words.scope.iter().map(|(value, _)| value.as_str()).collect();
        let audience = words.audience.as_ref().map(|api| api.identifier.as_str());
        Ok(Some(Consent(json!({
            "id": words.request,
            "client": { "id": words.client.id, "name": words.client.name },
            "requested_details": {
                "audience": audience,
                "scope": scope,
                "binding_message": words.binding_message.as_deref().unwrap_or_default(),
                "authorization_details": words.authorization_details,
                "match": words.match_style.as_ref().map(Match::to_json),
                "display": { "locale": words.locale, "lines": words.lines },
                "context": words.context,
                "claims": words.claims,
            },
            "created_at": iso(words.created_at),
            "expires_at": iso(words.expires_at),
        }))))
    }

    /// Signs and sends a decision over the words of the request, with the number that was entered.
    pub(super) async fn decide(
        &self,
        (id, own): (&str, &Own),
        (decision, number): (Decision<'_>, Option<&str>),
        now: Timestamp,
    ) -> Result<Decided, Failed> {
        let Some((jws, _)) = self.words((id, own), now).await? else { return Ok(Decided::Over) };
        let enrollment = self.enrollment()?;
        let claims = Signed {
            device: &enrollment.id,
            user: &enrollment.user_id,
            issuer: &own.issuer_url,
            jti: &Entropy::system().hex::<16>(),
            issued_at: now.seconds(),
            request: id,
            content_hash: &content::hash(&jws),
            match_code: number,
            answer: said(decision),
        }
        .claims();
        let header = decision::header(self.key.algorithm(), &enrollment.id);
        let body =
            Body { decision: self.key.sign(&header, &claims)?, passkey: None, location: None };
        let path = format!("device/v1/requests/{id}/decision");
        let answer = self.call("POST", &path, (Some(&body.to_json()), now)).await?;
        if is_over(&answer) {
            return Ok(Decided::Over);
        }
        if code(&answer) == Some(Code::WrongMatch) {
            return Ok(Decided::WrongNumber(answer.complaint()));
        }
        let answer = expect(&answer, "take the answer")?;
        Ok(Decided::Taken(answer.header("location").map(str::to_owned)))
    }

    /// The receipt of a decision, whole.
    pub(crate) async fn receipt(&self, location: &str, now: Timestamp) -> Result<String, Failed> {
        // Whatever a server names, the proof is for nobody but ours.
        let path = location.rsplit_once("/receipts/").map(|(_, txn)| format!("receipts/{txn}"));
        let path = path.ok_or_else(|| Failed::because("the server named no receipt"))?;
        let answer = self.call("GET", &path, (None, now)).await?;
        let answer = expect(&answer, "give the receipt")?;
        Ok(String::from_utf8_lossy(&answer.body).into_owned())
    }

    /// `DELETE /device/v1/device`; gone already is fine.
    pub(super) async fn leave(&self, now: Timestamp) -> Result<(), Failed> {
        let answer = self.call("DELETE", "device/v1/device", (None, now)).await?;
        if code(&answer) == Some(Code::UnknownDevice) {
            return Ok(());
        }
        expect(&answer, "remove this phone").map(|_answer| ())
    }

    /// The stream of what happens in the inbox.
    pub(crate) async fn events(&self, now: Timestamp) -> Result<Events, Failed> {
        let path = "device/v1/events";
        let url = below(&self.server, path)?;
        let signed = self.proof(("GET", url.as_str()), (b"", now))?;
        self.https.events(&url, &[(proof::HEADER, signed.as_str())]).await
    }

    /// A proof of a call.
    fn proof(
        &self,
        (method, url): (&str, &str),
        (body, moment): (&[u8], Timestamp),
    ) -> Result<String, Failed> {
        let jti = Entropy::system().hex::<16>();
        let claims = Proof { method, url, jti: &jti, issued_at: moment.seconds(), body }.claims();
        self.key.sign(&proof::header(self.key.algorithm(), &self.enrollment()?.id), &claims)
    }

    /// Whether it has an inbox: it speaks our own dialect.
    pub(crate) fn has_inbox(&self) -> bool {
        self.own().is_some()
    }

    /// What makes it a device of our own dialect.
    pub(super) fn own(&self) -> Option<&Own> {
        self.state.enrollment.as_ref()?.own.as_ref()
    }
}

/// Guardian's words in ours: `hack` is "this wasn't me" (decision 17).
fn said(decision: Decision<'_>) -> Said {
    match decision {
        Decision::Accepted => Said::Approve,
        Decision::Rejected { reason: None } => Said::Deny(None),
        Decision::Rejected { reason: Some("hack") } => Said::Deny(Some(Reason::Suspicious)),
        Decision::Rejected { reason: Some(text) } => {
            Said::Deny(Some(Reason::from_name(text).unwrap_or(Reason::Other)))
        }
    }
}

fn code(answer: &Answer) -> Option<Code> {
    if answer.is_success() {
        return None;
    }
    Refusal::parse(&answer.json()).map(|refusal| refusal.code)
}

fn is_over(answer: &Answer) -> bool {
    matches!(code(answer), Some(Code::Decided | Code::Withdrawn | Code::Expired | Code::NotFound))
}
