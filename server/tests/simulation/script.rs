//! One seed: random actors, one step after the other.

use std::collections::BTreeMap;
use std::collections::HashMap;

use serde_json::json;
use store::{Faults, Guard};
use testkit::{Answer, Client, Phone, World};

use crate::model::{Checked, Model};
use crate::random::Random;

pub(crate) const PEOPLE: [&str; 3] = ["alice", "bob", "carol"];
pub(crate) const CLIENTS: [&str; 3] = ["One", "Two", "Three"];
/// Proves itself by assertions.
pub(crate) const KEY_CLIENT: &str = "Key";

/// Runs one seed; what was done how often, and the first invariant that broke.
pub(crate) async fn run(
    seed: u64,
    steps: usize,
    sabotage: Option<Guard>,
) -> (BTreeMap<&'static str, u64>, Checked) {
    let faults = faults(sabotage);
    let world = World::builder().seed(seed).on_sqlite().faults(faults.clone()).start().await;
    for name in CLIENTS {
        let members = json!({
            "jwt_configuration": {"alg": "ES256"},
            "refresh_token": {"rotation_type": "rotating", "expiration_type": "expiring"},
        });
        world.registers(name, members).await;
    }
    let by_key = json!({
        "token_endpoint_auth_method": "private_key_jwt", "jwt_configuration": {"alg": "ES256"},
    });
    world.registers(KEY_CLIENT, by_key).await;
    for phone in phones(&world) {
        phone.is_ready().await;
    }
    let mut run = Run {
        world: &world,
        random: Random::new(seed),
        model: Model::default(),
        faults,
        sabotage,
        messages: HashMap::new(),
        spent: Vec::new(),
        counts: BTreeMap::new(),
    };
    let mut outcome = Ok(());
    for step in 0..steps {
        outcome = run.step().await.map_err(|violation| format!("step {step}: {violation}"));
        if outcome.is_err() {
            break;
        }
    }
    let counts = run.counts;
    if world.restart_with(None).await.is_ok() {
        world.run_worker().await;
    }
    (counts, outcome)
}

fn faults(sabotage: Option<Guard>) -> Faults {
    sabotage.map_or_else(Faults::new, Faults::without)
}

pub(crate) fn phones(world: &World) -> Vec<Phone<'_>> {
    let firsts = PEOPLE.iter().map(|person| world.phone_of(person));
    firsts.chain([world.second_phone_of("alice")]).collect()
}

pub(crate) struct Run<'w> {
    pub(super) world: &'w World,
    pub(super) random: Random,
    pub(super) model: Model,
    pub(super) faults: Faults,
    pub(super) sabotage: Option<Guard>,
    /// Which binding message a consent shows, once it was read.
    pub(super) messages: HashMap<String, String>,
    /// Starts whose assertions are spent.
    pub(super) spent: Vec<testkit::Form>,
    pub(super) counts: BTreeMap<&'static str, u64>,
}

impl Run<'_> {
    pub(super) fn now(&self) -> i64 {
        self.world.now().ms()
    }

    pub(super) fn client(&self, index: usize) -> Client<'_> {
        self.world.registered(CLIENTS[index])
    }

    pub(super) fn counted(&mut self, name: &'static str) {
        *self.counts.entry(name).or_default() += 1;
    }

    async fn step(&mut self) -> Checked {
        match self.random.below(100) {
            0..13 => self.starts().await,
            13..16 => self.starts_in_a_burst().await,
            16..18 => self.starts_twice_with_one_key().await,
            18..20 => self.starts_twice_with_one_assertion().await,
            20..36 => self.polls().await,
            36..41 => self.polls_twice_at_once().await,
            41..44 => self.polls_as_another_client().await,
            44..61 => self.answers().await,
            61..65 => self.two_phones_answer_at_once().await,
            65..67 => self.cancels().await,
            67..70 => self.cancels_while_the_phone_answers().await,
            70..73 => self.blocks_or_unblocks().await,
            73..78 => self.refreshes().await,
            78..87 => {
                self.time_passes();
                Ok(())
            }
            87..93 => self.worker_runs().await,
            93..95 => self.restarts().await,
            _ => {
                self.a_crash_is_near();
                Ok(())
            }
        }?;
        if self.faults.has_stopped() {
            self.counted("crashed");
            self.restarts().await?;
        }
        Ok(())
    }

    async fn blocks_or_unblocks(&mut self) -> Checked {
        let person = match self.model.blocked.first() {
            Some(person) => *person,
            None => self.random.one_of(&PEOPLE),
        };
        let blocked = !self.model.blocked.contains(&person);
        let path = format!("users/auth0%7C{person}");
        // The token was fetched while enrolling; should it have run out, this is not the test of it.
        let answer = self.world.operator().patches(&path, &json!({"blocked": blocked})).await;
        self.counted("block or unblock");
        self.is_no_fault_of_ours(&answer)?;
        if answer.status != 200 {
            // Unknown which: bring it to a known state after the restart.
            self.restarts().await?;
            let answer = self.world.operator().patches(&path, &json!({"blocked": blocked})).await;
            if answer.status != 200 {
                return Err(format!("a user cannot be changed: {}", answer.text()));
            }
        }
        self.model.blocked = if blocked { vec![person] } else { Vec::new() };
        Ok(())
    }

    fn time_passes(&mut self) {
        let ms = self.random.one_of(&[
            0, 1, 500, 1_000, 2_000, 3_000, 5_000, 5_000, 10_000, 61_000, 61_000, 200_000,
        ]);
        self.world.advance_ms(ms);
        self.counted("time passes");
    }

    async fn restarts(&mut self) -> Checked {
        self.faults = faults(self.sabotage);
        self.counted("restart");
        let restarted = self.world.restart_with(Some(self.faults.clone())).await;
        restarted.map_err(|error| format!("the server does not start again: {error:?}"))
    }

    /// One of the next writes is the last of this process, and is done or not.
    fn a_crash_is_near(&mut self) {
        let at = self.faults.writes() + 1 + u64::try_from(self.random.below(4)).unwrap_or_default();
        if self.random.happens(50) {
            self.faults.stop_before_commit(at);
        } else {
            self.faults.stop_after_commit(at);
        }
        self.counted("a crash is near");
    }

    /// A 5xx is for a database that is away, and only for that.
    pub(super) fn is_no_fault_of_ours(&self, answer: &Answer) -> Checked {
        match answer.status {
            503 if self.faults.has_stopped() => Ok(()),
            500.. => Err(format!("{} {}", answer.status, answer.text())),
            _ => Ok(()),
        }
    }
}
