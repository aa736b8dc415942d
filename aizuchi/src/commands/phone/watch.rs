//! `aizuchi phone watch` a line at a time, for programs and for terminals that cannot be drawn on.

use std::io;

use device_protocol::guardian::resolve::Decision;

use super::{Reply, Session, Watch, screen};
use crate::commands::{now, pause};
use crate::phone::{Answered, Device, Push};
use crate::terminal::Failed;

/// How often `watch` looks into the tray.
const LOOK_EVERY_MS: u64 = 1000;
/// `watch` gives up after so many looks in a row that failed.
const FAILED_LOOKS: u32 = 30;

/// What went wrong in a look at what waits.
enum Trouble {
    /// On the way to the server or in it: the next look may do better.
    Passing(Failed),
    /// Here: no other look would do better.
    Final(Failed),
}

impl From<Failed> for Trouble {
    fn from(failed: Failed) -> Self {
        Self::Final(failed)
    }
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self::Final(error.into())
    }
}

impl Session<'_> {
    pub(super) async fn watch(&mut self, watch: &Watch) -> Result<(), Failed> {
        let mut device = self.device()?;
        if watch.is_for_people()
            && !self.json
            && device.has_inbox()
            && self.terminal.is_for_people()
        {
            return screen::run(self, device).await;
        }
        if !self.json {
            self.terminal.note("waiting for requests; Ctrl-C ends")?;
        }
        let mut seen: Vec<String> = device.state().answers.keys().cloned().collect();
        let (mut told, mut failures) = (0_u64, 0_u32);
        loop {
            match self.look(&mut device, &mut seen, (watch, &mut told)).await {
                Ok(()) => failures = 0,
                Err(Trouble::Final(failed)) => return Err(failed),
                Err(Trouble::Passing(failed)) if failures >= FAILED_LOOKS => return Err(failed),
                Err(Trouble::Passing(_)) => failures += 1,
            }
            if watch.count.is_some_and(|count| told >= count) {
                return Ok(());
            }
            pause(LOOK_EVERY_MS).await;
        }
    }

    /// Meets every request that was not seen before, the oldest first.
    async fn look(
        &mut self,
        device: &mut Device,
        seen: &mut Vec<String>,
        (watch, told): (&Watch, &mut u64),
    ) -> Result<(), Trouble> {
        let pushes = device.pushes(now()).await.map_err(Trouble::Passing)?;
        // What is listed is the newest only, so older names need no memory.
        seen.retain(|id| pushes.iter().any(|push| push.consent_id == *id));
        for push in pushes.iter().rev() {
            if seen.contains(&push.consent_id) || watch.count.is_some_and(|count| *told >= count) {
                continue;
            }
            if self.meet(device, push, watch.answer).await? {
                *told += 1;
            }
            seen.push(push.consent_id.clone());
        }
        Ok(())
    }

    /// Shows a new request and answers it, if asked to; `false`: it was over already.
    async fn meet(
        &mut self,
        device: &mut Device,
        push: &Push,
        reply: Option<Reply>,
    ) -> Result<bool, Trouble> {
        let consent = device.open_consent(push, now()).await.map_err(Trouble::Passing)?;
        let Some(consent) = consent else { return Ok(false) };
        if !self.json {
            self.tell(push, &consent)?;
        }
        let decision = match reply {
            Some(Reply::Approve) => Decision::Accepted,
            Some(Reply::Deny) => Decision::Rejected { reason: None },
            None if self.json => {
                self.terminal.json(&consent.0)?;
                return Ok(true);
            }
            None => {
                self.terminal.line("")?;
                return Ok(true);
            }
        };
        match device.answer(push, (decision, None), now()).await.map_err(Trouble::Passing)? {
            Answered::Counts => self.keep(device, (push, &consent), decision)?,
            Answered::WrongNumber(why) => {
                self.terminal.note(&why)?;
                return Ok(false);
            }
            // Somebody else was faster: no reason to miss the next request.
            Answered::TooLate(why) => {
                self.terminal.note(&why.to_string())?;
                return Ok(false);
            }
        }
        Ok(true)
    }
}
