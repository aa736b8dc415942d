//! A request while it waits for a person, and what becomes of it (architecture 2).
//!
//! Each state is a type with only its legal steps, and [`Stored::at`] is the only way to look, so
//! that expiry cannot be forgotten. The database has the last word: each step here becomes one
//! guarded UPDATE in `store`.

use crate::ciba::challenge::{Challenge, MAX_DEVICES};
use crate::ciba::pacing::{Pace, Pacing, PacingRules};
use crate::ciba::request::Asked;
use crate::oauth::refusal::Reason;
use crate::{ClientId, ConsentId, DeviceId, Fingerprint, Timestamp, TransactionId, UserId};

/// Why a transaction failed: the person was deleted.
pub const USER_DELETED: &str = "user_deleted";
/// Why a transaction failed: the person was blocked.
pub const USER_BLOCKED: &str = "user_blocked";

/// What stays the same in every state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// The row's key: SHA-256 of the `auth_req_id`.
    pub auth_req_hash: Fingerprint,
    /// The public name.
    pub txn: TransactionId,
    /// The version of the key that makes `auth_req_id` out of `txn`.
    pub name_version: i64,
    /// The name that devices know.
    pub consent_id: ConsentId,
    /// Who asked.
    pub client_id: ClientId,
    /// What was asked, and of whom.
    pub asked: Asked,
    /// The devices that are asked.
    pub challenges: Vec<Challenge>,
    /// When it began.
    pub created_at: Timestamp,
    /// From when on it is too late, for the person and for the client (W138).
    pub expires_at: Timestamp,
    /// When a device read what it is about.
    pub consent_read_at: Option<Timestamp>,
    /// The refusals of an exchange that were logged, each between spaces (W286).
    pub logged_refusal: Option<String>,
}

impl Facts {
    /// The person who is asked.
    pub const fn user_id(&self) -> &UserId {
        &self.asked.user_id
    }

    /// What `device` was sent; `None` if it is not asked.
    pub fn challenge_of(&self, device: &DeviceId) -> Option<&Challenge> {
        self.challenges.iter().find(|challenge| challenge.device == *device)
    }

    /// What is recognized by this fingerprint of a transaction token.
    pub fn challenge_by(&self, txtkn: &Fingerprint) -> Option<&Challenge> {
        self.challenges.iter().find(|challenge| challenge.txtkn == *txtkn)
    }

    /// Whether the time is up at `now`.
    pub fn is_late(&self, now: Timestamp) -> bool {
        now >= self.expires_at
    }

    /// W286: whether a refusal of this name was logged before.
    pub fn has_logged(&self, refusal: &str) -> bool {
        let logged = self.logged_refusal.as_deref().unwrap_or_default();
        logged.split(' ').any(|word| word == refusal)
    }

    fn is_of(&self, client: &ClientId) -> bool {
        self.client_id == *client
    }
}

/// A device's decision and its moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// When.
    pub at: Timestamp,
    /// Which device; every decided state keeps it (decision 2).
    pub device: DeviceId,
}

/// A transaction that is about to be stored for the first time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Begun {
    facts: Box<Facts>,
    interval_s: i64,
}

/// The names of a new transaction.
#[derive(Clone, Debug)]
pub struct Names {
    /// SHA-256 of its `auth_req_id`.
    pub auth_req_hash: Fingerprint,
    /// Its public name.
    pub txn: TransactionId,
    /// The version of the key that makes one out of the other.
    pub name_version: i64,
    /// The name for devices.
    pub consent_id: ConsentId,
}

impl Begun {
    /// Begins; devices beyond [`MAX_DEVICES`] are not asked.
    pub fn new(
        names: Names,
        client_id: ClientId,
        asked: Asked,
        mut challenges: Vec<Challenge>,
        interval_s: i64,
        now: Timestamp,
    ) -> Self {
        challenges.truncate(MAX_DEVICES);
        let facts = Box::new(Facts {
            auth_req_hash: names.auth_req_hash,
            txn: names.txn,
            name_version: names.name_version,
            consent_id: names.consent_id,
            client_id,
            created_at: now,
            expires_at: now.plus_seconds(asked.expires_in_s),
            asked,
            challenges,
            consent_read_at: None,
            logged_refusal: None,
        });
        Self { facts, interval_s }
    }

    /// What will be stored.
    pub const fn facts(&self) -> &Facts {
        &self.facts
    }

    /// The interval at which the client may poll, in seconds.
    pub const fn interval_s(&self) -> i64 {
        self.interval_s
    }

    /// The transaction as it will be found in storage.
    pub fn into_stored(self) -> Stored {
        let progress = Progress::Pending(Pacing::fresh(self.interval_s));
        Stored { facts: self.facts, progress }
    }
}

/// What storage holds: everything but the clock. There is no `Expired` here: expiry is a reading of
/// the clock, not a fact to store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    facts: Box<Facts>,
    progress: Progress,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Progress {
    Pending(Pacing),
    Approved(Decision),
    Denied(Decision, Option<String>),
    Withdrawn(Timestamp),
    Failed { at: Timestamp, device: Option<DeviceId>, reason: Option<String> },
    Redeemed(Decision, Timestamp),
}

/// The columns that tell how far a transaction is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProgressColumns<'a> {
    /// `state`.
    pub state: &'a str,
    /// `interval_s`, `last_poll_at`, `slowed_at`.
    pub pacing: Pacing,
    /// `decided_at`.
    pub decided_at: Option<Timestamp>,
    /// `decided_by`.
    pub decided_by: Option<DeviceId>,
    /// `reason`.
    pub reason: Option<String>,
    /// `redeemed_at`.
    pub redeemed_at: Option<Timestamp>,
}

/// Columns that contradict each other.
#[derive(Debug, PartialEq, Eq)]
pub struct ImpossibleRow;

impl Stored {
    /// Puts a row together; the only place where columns become states.
    pub fn from_columns(facts: Facts, columns: ProgressColumns<'_>) -> Result<Self, ImpossibleRow> {
        let ProgressColumns { state, pacing, decided_at, decided_by, reason, redeemed_at } =
            columns;
        let progress = match (state, decided_at, decided_by, redeemed_at) {
            ("pending", None, None, None) => Progress::Pending(pacing),
            ("approved", Some(at), Some(device), None) => {
                Progress::Approved(Decision { at, device })
            }
            ("denied", Some(at), Some(device), None) => {
                Progress::Denied(Decision { at, device }, reason)
            }
            ("withdrawn", Some(at), None, None) => Progress::Withdrawn(at),
            ("failed", Some(at), device, None) => Progress::Failed { at, device, reason },
            ("redeemed", Some(at), Some(device), Some(redeemed_at)) => {
                Progress::Redeemed(Decision { at, device }, redeemed_at)
            }
            _ => return Err(ImpossibleRow),
        };
        Ok(Self { facts: Box::new(facts), progress })
    }

    /// The only door: nobody looks at a transaction without saying what time it is.
    pub fn at(self, now: Timestamp) -> Transaction {
        let Self { facts, progress } = self;
        let is_late = facts.is_late(now);
        match progress {
            Progress::Pending(_) | Progress::Approved(_) if is_late => {
                Transaction::Expired(Expired { facts })
            }
            Progress::Pending(pacing) => Transaction::Pending(Pending { facts, pacing }),
            Progress::Approved(decision) => Transaction::Approved(Approved { facts, decision }),
            Progress::Denied(decision, reason) => {
                Transaction::Denied(Denied { facts, decision, reason })
            }
            Progress::Withdrawn(at) => Transaction::Withdrawn(Withdrawn { facts, at }),
            Progress::Failed { at, device, reason } => {
                Transaction::Failed(Failed { facts, at, device, reason })
            }
            Progress::Redeemed(decision, at) => {
                Transaction::Redeemed(Redeemed { facts, decision, at })
            }
        }
    }
}

/// A transaction as of one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transaction {
    /// The person has not answered.
    Pending(Pending),
    /// The person said yes and the client has not collected it.
    Approved(Approved),
    /// The person said no.
    Denied(Denied),
    /// The client, or "this wasn't me", took it back.
    Withdrawn(Withdrawn),
    /// It could not be completed.
    Failed(Failed),
    /// The time ran out, undecided or uncollected.
    Expired(Expired),
    /// The client has its tokens.
    Redeemed(Redeemed),
}

/// See [`Transaction::Pending`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending {
    facts: Box<Facts>,
    pacing: Pacing,
}

/// See [`Transaction::Approved`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approved {
    facts: Box<Facts>,
    decision: Decision,
}

/// See [`Transaction::Denied`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denied {
    facts: Box<Facts>,
    decision: Decision,
    reason: Option<String>,
}

/// See [`Transaction::Withdrawn`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Withdrawn {
    facts: Box<Facts>,
    at: Timestamp,
}

/// See [`Transaction::Failed`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed {
    facts: Box<Facts>,
    at: Timestamp,
    device: Option<DeviceId>,
    reason: Option<String>,
}

/// See [`Transaction::Expired`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expired {
    facts: Box<Facts>,
}

/// See [`Transaction::Redeemed`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redeemed {
    facts: Box<Facts>,
    decision: Decision,
    at: Timestamp,
}

/// The answer to one poll: one value, so that nothing can fall through.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum PollAnswer {
    /// Tokens, if the client is the first to collect them.
    Ready(Approved),
    /// Not yet; the pacing may be kept in memory.
    NotYet(Pacing),
    /// Not yet, and too early; a grown pacing must be stored.
    TooFast(Pacing),
    /// There is nothing to wait for.
    Over(Reason),
}

/// What a person answers on a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Yes.
    Approve,
    /// No.
    Deny {
        /// Why, in the device's words (G77).
        reason: Option<String>,
    },
}

/// What an answer brings about.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Answered {
    /// Yes, to be stored.
    Approved(Approved),
    /// No, to be stored.
    Denied(Denied),
    /// The same device said the same before (G95).
    Repeated,
    /// There is nothing (any more) to answer (G94, G96, G97).
    NotFound,
}

/// What a client's cancelling brings about (decision 3).
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Cancelled {
    /// To be stored.
    Withdrawn(Withdrawn),
    /// It was withdrawn before.
    Repeated,
    /// It is another's, unknown, or no longer pending.
    Refused(Reason),
}

impl Transaction {
    /// What stays the same in every state.
    pub const fn facts(&self) -> &Facts {
        match self {
            Self::Pending(Pending { facts, .. })
            | Self::Approved(Approved { facts, .. })
            | Self::Denied(Denied { facts, .. })
            | Self::Withdrawn(Withdrawn { facts, .. })
            | Self::Failed(Failed { facts, .. })
            | Self::Expired(Expired { facts })
            | Self::Redeemed(Redeemed { facts, .. }) => facts,
        }
    }

    /// Answers a poll of `client` at `now`. Another client's transaction is unknown (W142); too
    /// fast counts only while undecided (W134).
    pub fn poll(self, client: &ClientId, rules: &PacingRules, now: Timestamp) -> PollAnswer {
        if !self.facts().is_of(client) {
            return PollAnswer::Over(Reason::UnknownRequest);
        }
        match self {
            Self::Pending(pending) => match pending.pacing.poll(rules, now) {
                Pace::InTime(pacing) => PollAnswer::NotYet(pacing),
                Pace::TooFast(pacing) => PollAnswer::TooFast(pacing),
            },
            Self::Approved(approved) => PollAnswer::Ready(approved),
            // C66: a denial is told until the request would have expired.
            Self::Denied(denied) if denied.facts.is_late(now) => PollAnswer::Over(Reason::Late),
            Self::Denied(_) => PollAnswer::Over(Reason::Denied),
            Self::Withdrawn(_) => PollAnswer::Over(Reason::Withdrawn),
            Self::Failed(failed) => PollAnswer::Over(failed.told()),
            Self::Expired(_) => PollAnswer::Over(Reason::Late),
            Self::Redeemed(_) => PollAnswer::Over(Reason::UnknownRequest),
        }
    }

    /// Takes the answer of `device` at `now`; its signature was verified before.
    pub fn answer(self, device: &DeviceId, answer: Answer, now: Timestamp) -> Answered {
        if self.facts().is_late(now) || self.facts().challenge_of(device).is_none() {
            return Answered::NotFound;
        }
        let says_yes = matches!(answer, Answer::Approve);
        let before = |approved: bool, decided_by: &DeviceId| {
            if approved == says_yes && decided_by == device {
                Answered::Repeated
            } else {
                Answered::NotFound
            }
        };
        match self {
            Self::Pending(pending) => pending.answer(device.clone(), answer, now),
            Self::Approved(Approved { decision, .. })
            | Self::Redeemed(Redeemed { decision, .. }) => before(true, &decision.device),
            Self::Denied(Denied { decision, .. }) => before(false, &decision.device),
            Self::Failed(Failed { device: Some(decided_by), .. }) => before(true, &decided_by),
            Self::Failed(Failed { device: None, .. }) | Self::Withdrawn(_) | Self::Expired(_) => {
                Answered::NotFound
            }
        }
    }

    /// Takes `client`'s wish to withdraw the request at `now`.
    pub fn cancel(self, client: &ClientId, now: Timestamp) -> Cancelled {
        if !self.facts().is_of(client) {
            return Cancelled::Refused(Reason::UnknownRequest);
        }
        match self {
            Self::Pending(pending) => Cancelled::Withdrawn(pending.withdraw(now)),
            Self::Withdrawn(_) => Cancelled::Repeated,
            Self::Approved(_) | Self::Denied(_) | Self::Failed(_) => {
                Cancelled::Refused(Reason::AlreadyDecided)
            }
            Self::Expired(_) | Self::Redeemed(_) => Cancelled::Refused(Reason::UnknownRequest),
        }
    }
}

impl Pending {
    /// What stays the same.
    pub const fn facts(&self) -> &Facts {
        &self.facts
    }

    /// How fast it may be polled.
    pub const fn pacing(&self) -> Pacing {
        self.pacing
    }

    fn answer(self, device: DeviceId, answer: Answer, now: Timestamp) -> Answered {
        let decision = Decision { at: now, device };
        match answer {
            Answer::Approve => Answered::Approved(Approved { facts: self.facts, decision }),
            Answer::Deny { reason } => {
                Answered::Denied(Denied { facts: self.facts, decision, reason })
            }
        }
    }

    fn withdraw(self, now: Timestamp) -> Withdrawn {
        Withdrawn { facts: self.facts, at: now }
    }

    /// It cannot be completed, before anybody answered.
    pub fn fail(self, reason: String, now: Timestamp) -> Failed {
        Failed { facts: self.facts, at: now, device: None, reason: Some(reason) }
    }
}

impl Approved {
    /// What stays the same.
    pub const fn facts(&self) -> &Facts {
        &self.facts
    }

    /// Who said yes, and when: the `auth_time` of tokens.
    pub const fn decision(&self) -> &Decision {
        &self.decision
    }

    /// The client collects its tokens at `now`.
    pub fn redeem(self, now: Timestamp) -> Redeemed {
        Redeemed { facts: self.facts, decision: self.decision, at: now }
    }

    /// It cannot be completed although the person said yes: the decision keeps its moment.
    pub fn fail(self, reason: String) -> Failed {
        let Decision { at, device } = self.decision;
        Failed { facts: self.facts, at, device: Some(device), reason: Some(reason) }
    }
}

impl Denied {
    /// What stays the same.
    pub const fn facts(&self) -> &Facts {
        &self.facts
    }

    /// Who said no, and when.
    pub const fn decision(&self) -> &Decision {
        &self.decision
    }

    /// Why, in the device's words.
    pub fn reason(&self) -> Option<&str> {
        self.reason.as_deref()
    }
}

impl Withdrawn {
    /// What stays the same.
    pub const fn facts(&self) -> &Facts {
        &self.facts
    }

    /// When.
    pub const fn at(&self) -> Timestamp {
        self.at
    }
}

impl Failed {
    /// What stays the same.
    pub const fn facts(&self) -> &Facts {
        &self.facts
    }

    /// When it was decided: by a device, or by the failure itself.
    pub const fn at(&self) -> Timestamp {
        self.at
    }

    /// The device that had said yes.
    pub const fn device(&self) -> Option<&DeviceId> {
        self.device.as_ref()
    }

    /// What a poll is told: a person who is gone or blocked is told like a refusal (W153).
    fn told(&self) -> Reason {
        match self.reason() {
            Some(USER_DELETED | USER_BLOCKED) => Reason::UserGone,
            Some(_) | None => Reason::Failed,
        }
    }

    /// Why, for the log.
    pub fn reason(&self) -> Option<&str> {
        self.reason.as_deref()
    }
}

impl Expired {
    /// What stays the same.
    pub const fn facts(&self) -> &Facts {
        &self.facts
    }
}

impl Redeemed {
    /// What stays the same.
    pub const fn facts(&self) -> &Facts {
        &self.facts
    }

    /// Who said yes, and when.
    pub const fn decision(&self) -> &Decision {
        &self.decision
    }

    /// When the client collected its tokens.
    pub const fn at(&self) -> Timestamp {
        self.at
    }
}
