//! Up the tenant's ladder: when each device is told of a request, and when a mail goes out (D10).

use domain::Timestamp;
use domain::ciba::challenge::{Challenge, Receipt};
use domain::ciba::ladder::{EMAIL, Ladder};
use store::Write;

use super::mails;
use crate::App;
use crate::push::Outgoing;

/// A request on the ladder.
#[derive(Clone, Copy, Debug)]
pub(super) struct Climb<'a> {
    pub(super) ladder: &'a Ladder,
    pub(super) outgoing: &'a Outgoing,
}

impl Climb<'_> {
    /// Takes out whom no step names, and whose step is not needed any more: somebody has opened the
    /// request.
    pub(super) fn leave_out(self, challenges: &mut [Challenge]) {
        for challenge in challenges.iter_mut().filter(|one| one.receipt == Receipt::Waiting) {
            let is_first = self.wait_ms(challenge) == Some(0);
            let is_named = self.wait_ms(challenge).is_some();
            if !is_named || (self.is_opened() && !is_first && challenge.attempts.is_empty()) {
                challenge.receipt = Receipt::Unneeded;
            }
        }
    }

    /// When the device is told, told again after a failure, or reminded; `None`: not any more.
    pub(super) fn due_at(self, challenge: &Challenge) -> Option<Timestamp> {
        let facts = &self.outgoing.facts;
        match &challenge.receipt {
            Receipt::Waiting => {
                let step = facts.created_at.plus_ms(self.wait_ms(challenge)?);
                let again = challenge.attempts.last().and_then(|last| last.not_before);
                Some(step.max(again.map_or(step, Timestamp::from_ms)))
            }
            Receipt::Sent { at } => {
                let (most, every_ms) = self.ladder.reminders()?;
                let device = self.outgoing.device(&challenge.device)?;
                let reminded = challenge.attempts.iter().filter(|one| one.is_reminder).count();
                let is_left = u32::try_from(reminded).is_ok_and(|reminded| reminded < most);
                (device.own.is_some() && is_left && !self.is_opened()).then(|| at.plus_ms(every_ms))
            }
            Receipt::Unneeded | Receipt::Failed { .. } => None,
        }
    }

    /// How long after the beginning this device's step is; Guardian phones have no inbox to look
    /// into, and are told at once.
    fn wait_ms(self, challenge: &Challenge) -> Option<i64> {
        let own = self.outgoing.device(&challenge.device).and_then(|device| device.own.as_ref());
        own.map_or(Some(0), |own| self.ladder.wait_ms(own.channel.kind()))
    }

    /// The sign of life: a device fetched the words.
    const fn is_opened(self) -> bool {
        self.outgoing.facts.consent_read_at.is_some()
    }

    /// The mail of the ladder, once, for whom has a device that looks into its inbox.
    pub(super) fn mail(self, app: &App, attempts: i64) -> Write {
        let facts = &self.outgoing.facts;
        let has_own = self.outgoing.devices.iter().any(|device| device.own.is_some());
        match self.ladder.wait_ms(EMAIL) {
            Some(wait_ms) if attempts == 0 && has_own => {
                let due_at = facts.created_at.plus_ms(wait_ms);
                mails::wake_later(app, &self.outgoing.tenant, facts, due_at)
            }
            Some(_) | None => Write::new(),
        }
    }
}
