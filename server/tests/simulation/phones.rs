//! What phones do, and the worker that sends them pushes.

use device_protocol::guardian::resolve::Decision;
use testkit::{Phone, Push};

use crate::model::{Checked, Known};
use crate::script::{CLIENTS, PEOPLE, Run, phones};

impl Run<'_> {
    /// The request that a push is about, if its consent can (still) be read.
    pub(super) async fn request_of(&mut self, phone: &Phone<'_>, push: &Push) -> Option<usize> {
        if !self.messages.contains_key(&push.consent_id) {
            let consent = phone.reads(push).await;
            let shown = (consent.status == 200).then(|| consent.json())?;
            let message = shown["requested_details"]["binding_message"].as_str()?.to_owned();
            self.messages.insert(push.consent_id.clone(), message);
        }
        let message = &self.messages[&push.consent_id];
        self.model.requests.iter().position(|request| request.message == *message)
    }

    /// A phone, one of its newest pushes, and the request it is about.
    pub(super) async fn some_push(&mut self) -> Option<(usize, usize, Push)> {
        let world = self.world;
        let phones = phones(world);
        let which = self.random.below(phones.len());
        if self.random.happens(60) {
            let (push, index) = self.open_push(&phones[which]).await?;
            return Some((which, index, push));
        }
        let inbox = phones[which].inbox();
        if inbox.is_empty() {
            return None;
        }
        let at = if self.random.happens(80) {
            self.random.below(3)
        } else {
            self.random.below(inbox.len())
        };
        let push = inbox[at.min(inbox.len() - 1)].clone();
        let index = self.request_of(&phones[which], &push).await?;
        Some((which, index, push))
    }

    /// A push of this phone about something undecided, if there is one; else any.
    pub(super) async fn open_push(&mut self, phone: &Phone<'_>) -> Option<(Push, usize)> {
        let mut any = None;
        for push in phone.inbox().into_iter().take(8) {
            let Some(index) = self.request_of(phone, &push).await else { continue };
            let request = &self.model.requests[index];
            if request.is_undecided() && request.expires_at > self.now() {
                return Some((push, index));
            }
            any.get_or_insert((push, index));
        }
        any
    }

    pub(super) async fn answers(&mut self) -> Checked {
        let Some((which, index, push)) = self.some_push().await else { return Ok(()) };
        let says_yes = self.random.happens(70);
        let answer = phones(self.world)[which].answers(&push, decision(says_yes)).await;
        self.counted(if says_yes { "approval" } else { "denial" });
        self.is_no_fault_of_ours(&answer)?;
        let now = self.now();
        self.model.answered(index, (&which.to_string(), says_yes), &answer, now)
    }

    /// Alice's two phones say yes and no at the same moment.
    pub(super) async fn two_phones_answer_at_once(&mut self) -> Checked {
        let world = self.world;
        let (first, second) = (world.phone_of("alice"), world.second_phone_of("alice"));
        let Some((push, index)) = self.open_push(&first).await else { return Ok(()) };
        let twin = second.inbox().into_iter().find(|twin| twin.consent_id == push.consent_id);
        let Some(twin) = twin else { return Ok(()) };
        let (one, two) = tokio::join!(
            first.answers(&push, decision(true)),
            second.answers(&twin, decision(false))
        );
        self.counted("two phones at once");
        let last = (PEOPLE.len()).to_string();
        let mut answers = [(one, "0", true), (two, last.as_str(), false)];
        answers.sort_by_key(|(answer, _, _)| answer.status);
        let now = self.now();
        for (answer, phone, says_yes) in answers {
            self.is_no_fault_of_ours(&answer)?;
            self.model.answered(index, (phone, says_yes), &answer, now)?;
        }
        Ok(())
    }

    /// Alice's phone says yes at the moment at which the client takes its request back.
    pub(super) async fn cancels_while_the_phone_answers(&mut self) -> Checked {
        let world = self.world;
        let phone = world.phone_of("alice");
        let Some((push, index)) = self.open_push(&phone).await else { return Ok(()) };
        let request = &self.model.requests[index];
        let client = world.registered(CLIENTS[request.client]);
        let cancels = client.cancels(&request.id);
        let answers = phone.answers(&push, decision(true));
        let (taken_back, answer) = if self.random.happens(50) {
            tokio::join!(cancels, answers)
        } else {
            let (answer, taken_back) = tokio::join!(answers, cancels);
            (taken_back, answer)
        };
        self.counted("cancellation during an answer");
        self.is_no_fault_of_ours(&taken_back)?;
        self.is_no_fault_of_ours(&answer)?;
        let now = self.now();
        if taken_back.status == 204 {
            self.model.cancelled(index, &taken_back, now)?;
            self.model.answered(index, ("0", true), &answer, now)
        } else {
            self.model.answered(index, ("0", true), &answer, now)?;
            self.model.cancelled(index, &taken_back, now)
        }
    }

    /// The worker runs: now every live request has been pushed to every phone of its person.
    pub(super) async fn worker_runs(&mut self) -> Checked {
        self.world.run_worker().await;
        self.counted("worker");
        if self.faults.has_stopped() {
            return Ok(());
        }
        // What a crash left behind is taken up again once its lease is over.
        let unseen = |run: &Self| {
            let now = run.now();
            let live = run.model.requests.iter().enumerate().filter(move |(_, request)| {
                !request.push_seen
                    && request.expires_at > now
                    && request.decided_by.is_none()
                    && request.withdrawn == Known::No
                    && request.failed == Known::No
            });
            live.map(|(index, _)| index).collect::<Vec<_>>()
        };
        self.look_for_pushes(&unseen(self)).await;
        if !unseen(self).is_empty() {
            self.world.advance_ms(61_000);
            self.world.run_worker().await;
            self.look_for_pushes(&unseen(self)).await;
        }
        if self.faults.has_stopped() {
            return Ok(());
        }
        match unseen(self)
            .iter()
            .find(|index| !self.model.blocked.contains(&self.model.requests[**index].person))
        {
            Some(index) => Err(format!("no push was sent for {:?}", self.model.requests[*index])),
            None => Ok(()),
        }
    }

    pub(super) async fn look_for_pushes(&mut self, unseen: &[usize]) {
        if unseen.is_empty() {
            return;
        }
        for phone in phones(self.world) {
            for push in phone.inbox().into_iter().take(20) {
                if let Some(index) = self.request_of(&phone, &push).await {
                    self.model.requests[index].push_seen = true;
                }
            }
        }
    }
}

const fn decision(says_yes: bool) -> Decision<'static> {
    if says_yes { Decision::Accepted } else { Decision::Rejected { reason: None } }
}
