//! Pending polls where many nodes share the database: those of a client that arrive while a
//! statement is under way share the next one (architecture 4).

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use domain::ciba::pacing::{Pace, Pacing, PacingRules};
use domain::{ClientId, Fingerprint, TenantId, Timestamp};
use store::polls::{BATCH_LIMIT, Polled, exchange};
use store::{Database, Error};
use tokio::sync::oneshot;

use crate::open::Glance;

/// Polls of one client that may wait; one more is told to come back.
const WAITING: usize = 20_000;

type Client = (TenantId, ClientId);
type Answer = Result<Option<Polled>, Error>;

/// The polls that wait, by client. A client that has an entry has a statement under way.
#[derive(Clone, Debug, Default)]
pub(crate) struct Polls {
    waiting: Arc<Mutex<HashMap<Client, Vec<Waiting>>>>,
}

#[derive(Debug)]
struct Waiting {
    auth_req_hash: Fingerprint,
    now: Timestamp,
    answer: oneshot::Sender<Answer>,
}

impl Polls {
    /// Takes a poll; on all nodes together a request is polled in time once in its interval.
    pub(crate) async fn poll(
        &self,
        database: &Database,
        (tenant, client): (&TenantId, &ClientId),
        auth_req_hash: Fingerprint,
        (rules, now): (&PacingRules, Timestamp),
    ) -> Result<Glance, Error> {
        let (answer, answered) = oneshot::channel();
        let client = (tenant.clone(), client.clone());
        self.add(database, client, Waiting { auth_req_hash, now, answer })?;
        let answer = answered.await.map_err(|_gone| too_many())??;
        Ok(answer.map_or(Glance::AskDatabase, |polled| glance(polled, rules, now)))
    }

    fn add(&self, database: &Database, client: Client, poll: Waiting) -> Result<(), Error> {
        let mut all = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(waiting) = all.get_mut(&client) {
            if waiting.len() >= WAITING {
                return Err(too_many());
            }
            waiting.push(poll);
            return Ok(());
        }
        all.insert(client.clone(), vec![poll]);
        drop(all);
        tokio::spawn(self.clone().work(database.clone(), client));
        Ok(())
    }

    /// Answers the polls of a client until none waits.
    async fn work(self, database: Database, client: Client) {
        while let Some((batch, now)) = self.next_batch(&client) {
            let hashes: Vec<Fingerprint> = batch.iter().map(|poll| poll.auth_req_hash).collect();
            let found = exchange(&database, (&client.0, &client.1), &hashes, now).await;
            for poll in batch {
                let answer = found
                    .as_ref()
                    .map(|found| found.get(&poll.auth_req_hash).copied())
                    .map_err(Clone::clone);
                // Whoever asked may have gone.
                drop(poll.answer.send(answer));
            }
        }
    }

    /// What the next statement answers, each request once, and the moment it is asked at.
    fn next_batch(&self, client: &Client) -> Option<(Vec<Waiting>, Timestamp)> {
        let mut all = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let waiting = all.get_mut(client)?;
        let (mut seen, mut left) = (HashSet::new(), Vec::new());
        let mut batch = Vec::with_capacity(waiting.len().min(BATCH_LIMIT));
        for poll in waiting.drain(..) {
            if batch.len() < BATCH_LIMIT && seen.insert(poll.auth_req_hash) {
                batch.push(poll);
            } else {
                left.push(poll);
            }
        }
        *waiting = left;
        let now = batch.iter().map(|poll| poll.now).max();
        if now.is_none() {
            all.remove(client);
        }
        now.map(|now| (batch, now))
    }
}

/// What the poll is, if the exchange found the request undecided.
fn glance(polled: Polled, rules: &PacingRules, now: Timestamp) -> Glance {
    let Polled { pacing, is_noted } = polled;
    if is_noted {
        return Glance::NotYet(pacing);
    }
    let as_found = match pacing.poll(rules, now) {
        // Another poll came first, in this very moment.
        Pace::InTime(_) => {
            Pacing::resumed(pacing.interval_s(), Some(now), pacing.slowed_at()).poll(rules, now)
        }
        too_fast @ Pace::TooFast(_) => too_fast,
    };
    match as_found {
        Pace::InTime(pacing) => Glance::NotYet(pacing),
        Pace::TooFast(grown) => Glance::TooFast { pacing: grown, has_grown: grown != pacing },
    }
}

fn too_many() -> Error {
    Error::Unavailable(String::from("too many polls wait for an answer"))
}
