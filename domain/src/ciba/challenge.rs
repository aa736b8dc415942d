//! What was sent to each of a person's devices, and what became of it: part of the transaction.

use serde::{Deserialize, Serialize};

use crate::people::{Device, PushService};
use crate::{DeviceId, Fingerprint, Timestamp};

/// At most so many devices of one person are asked at once.
pub const MAX_DEVICES: usize = 20;
/// At most so many tries to hand over a push are on record.
pub const MAX_ATTEMPTS: usize = 16;

/// What became of a push.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Receipt {
    /// Not sent yet.
    Waiting,
    /// None is sent: nothing wakes the device, it looks into its inbox by itself.
    Unneeded,
    /// The push service took it.
    Sent {
        /// When.
        at: Timestamp,
    },
    /// Given up.
    Failed {
        /// When.
        at: Timestamp,
        /// What the push service said, for the log.
        reason: String,
    },
}

/// One try to hand a push over, for the record (O110).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// When, in Unix milliseconds.
    pub at: i64,
    /// Who was asked: `apns`, `fcm`, `tray`.
    pub provider: String,
    /// The status of its answer; none if there was no answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Its own word for what is wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Its name for the push.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// When to try again at the earliest, in Unix milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<i64>,
    /// Whether the device had been told before.
    #[serde(default, skip_serializing_if = "is_false")]
    pub is_reminder: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks by reference")]
const fn is_false(flag: &bool) -> bool {
    !*flag
}

/// One device that is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    /// Which device.
    pub device: DeviceId,
    /// What its transaction token is recognized by (decision 15).
    pub txtkn: Fingerprint,
    /// What its answer must be about: the `c` of the push, the `sub` of the answer (G69, G86).
    pub challenge: String,
    /// How it is reached.
    pub service: PushService,
    /// What became of the push.
    pub receipt: Receipt,
    /// The newest tries to hand it over, oldest first.
    pub attempts: Vec<Attempt>,
}

impl Receipt {
    /// What becomes of the push to a device before anything has.
    pub fn first_of(device: &Device) -> Self {
        if device.is_woken() { Self::Waiting } else { Self::Unneeded }
    }
}

impl Challenge {
    /// Adds a try to the record, which keeps the newest [`MAX_ATTEMPTS`].
    pub fn record(&mut self, attempt: Attempt) {
        if self.attempts.len() >= MAX_ATTEMPTS {
            self.attempts.remove(0);
        }
        self.attempts.push(attempt);
    }
}

/// A stored text that is no list of challenges.
#[derive(Debug, PartialEq, Eq)]
pub struct NoChallenges;

/// The challenges as the column holds them.
pub fn to_document(challenges: &[Challenge]) -> String {
    let stored: Vec<_> = challenges.iter().map(StoredChallenge::from).collect();
    serde_json::to_string(&stored).unwrap_or_else(|_| "[]".to_owned())
}

/// Reads the column.
pub fn from_document(document: &str) -> Result<Vec<Challenge>, NoChallenges> {
    let stored: Vec<StoredChallenge> = serde_json::from_str(document).ok().ok_or(NoChallenges)?;
    stored.into_iter().map(StoredChallenge::into_challenge).collect()
}

const WAITING: char = 'w';
const UNNEEDED: char = 'n';
const SENT: char = 's';
const FAILED: char = 'f';

/// The wire of the column; short names, for there is one row per request.
#[derive(Serialize, Deserialize)]
struct StoredChallenge {
    d: String,
    t: String,
    c: String,
    s: String,
    /// What became of the push, and when. It is as long before the push as after it, so that the
    /// row keeps its place in its page.
    r: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    tries: Vec<Attempt>,
}

impl From<&Challenge> for StoredChallenge {
    fn from(challenge: &Challenge) -> Self {
        let (became, at_ms, reason) = match &challenge.receipt {
            Receipt::Waiting => (WAITING, 0, None),
            Receipt::Unneeded => (UNNEEDED, 0, None),
            Receipt::Sent { at } => (SENT, at.ms(), None),
            Receipt::Failed { at, reason } => (FAILED, at.ms(), Some(reason.clone())),
        };
        Self {
            d: challenge.device.as_str().to_owned(),
            t: hex(challenge.txtkn.as_bytes()),
            c: challenge.challenge.clone(),
            s: challenge.service.name().to_owned(),
            r: format!("{became}{at_ms:013}"),
            reason,
            tries: challenge.attempts.clone(),
        }
    }
}

impl StoredChallenge {
    fn into_challenge(self) -> Result<Challenge, NoChallenges> {
        let at =
            |at_ms: &str| at_ms.parse().map(Timestamp::from_ms).map_err(|_no_time| NoChallenges);
        let receipt = match (self.r.strip_prefix(SENT), self.r.strip_prefix(FAILED)) {
            (Some(ms), _) => Receipt::Sent { at: at(ms)? },
            (None, Some(ms)) => {
                Receipt::Failed { at: at(ms)?, reason: self.reason.unwrap_or_default() }
            }
            (None, None) if self.r.starts_with(WAITING) => Receipt::Waiting,
            (None, None) if self.r.starts_with(UNNEEDED) => Receipt::Unneeded,
            (None, None) => return Err(NoChallenges),
        };
        Ok(Challenge {
            device: DeviceId::new(self.d),
            txtkn: unhex(&self.t).map(Fingerprint::new).ok_or(NoChallenges)?,
            challenge: self.c,
            service: PushService::named(&self.s).ok_or(NoChallenges)?,
            receipt,
            attempts: self.tries,
        })
    }
}

fn hex(bytes: &[u8; 32]) -> String {
    let digit = |value: u8| char::from_digit(u32::from(value), 16).unwrap_or('0');
    bytes.iter().fold(String::with_capacity(64), |mut text, byte| {
        text.push(digit(byte >> 4));
        text.push(digit(byte & 15));
        text
    })
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    if text.len() != 64 {
        return None;
    }
    let mut bytes = [0; 32];
    let mut digits = text.chars().map(|c| c.to_digit(16).and_then(|d| u8::try_from(d).ok()));
    for byte in &mut bytes {
        let (high, low) = (digits.next()??, digits.next()??);
        *byte = high << 4 | low;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::{Attempt, Challenge, MAX_ATTEMPTS, Receipt, from_document, to_document};
    use crate::people::PushService;
    use crate::{DeviceId, Fingerprint, Timestamp};

    #[test]
    fn challenges_come_back_as_they_were_stored() {
        let at = Timestamp::from_ms(5);
        let failed = Receipt::Failed { at, reason: "410".into() };
        let receipts = [Receipt::Waiting, Receipt::Sent { at }, failed, Receipt::Unneeded];
        let challenges: Vec<_> = receipts
            .into_iter()
            .zip([PushService::Apns, PushService::Gcm, PushService::Virtual, PushService::Inbox])
            .map(|(receipt, service)| Challenge {
                device: DeviceId::new("dev_1"),
                txtkn: Fingerprint::of(b"txtkn"),
                challenge: "c".into(),
                service,
                receipt,
                attempts: Vec::new(),
            })
            .collect();
        assert_eq!(from_document(&to_document(&challenges)).unwrap(), challenges);
    }

    #[test]
    fn the_record_keeps_the_newest_tries() {
        let mut challenge = Challenge {
            device: DeviceId::new("dev_1"),
            txtkn: Fingerprint::of(b"txtkn"),
            challenge: "c".into(),
            service: PushService::Apns,
            receipt: Receipt::Waiting,
            attempts: Vec::new(),
        };
        for at in 0..20 {
            let (provider, reason) = ("apns".into(), Some("Shutdown".into()));
            let status = Some(503);
            let (not_before, is_reminder) = (Some(at + 1), true);
            let id = None;
            challenge.record(Attempt { at, provider, status, reason, id, not_before, is_reminder });
        }
        assert_eq!(challenge.attempts.len(), MAX_ATTEMPTS);
        assert_eq!(challenge.attempts.last().unwrap().at, 19);
        assert_eq!(from_document(&to_document(&[challenge.clone()])).unwrap(), [challenge]);
    }

    #[test]
    fn texts_that_are_no_challenges_are_refused() {
        for text in ["", "{}", "[{}]", r#"[{"d":"x","t":"00","c":"c","s":"GCM"}]"#] {
            assert!(from_document(text).is_err(), "{text}");
        }
    }
}
