//! Seeded scripts of clients, phones, clock jumps, restarts and crashes between any two writes.
//! After each step the invariants of `simulation/model.rs` hold. A seed that breaks one is printed;
//! `SIMULATION_SEED=n` runs that one alone.
//!
//! The second test takes guards away one by one: each time an invariant must break, or the
//! simulation would not have seen it.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "an answer of another shape fails the test that reads it"
)]

#[path = "simulation/clients.rs"]
mod clients;
#[path = "simulation/model.rs"]
mod model;
#[path = "simulation/phones.rs"]
mod phones;
#[path = "simulation/random.rs"]
mod random;
#[path = "simulation/script.rs"]
mod script;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use store::Guard;

const SEEDS: u64 = 200;
const STEPS: usize = 220;
/// A removed guard must be noticed within so many seeds.
const SEEDS_PER_GUARD: u64 = 60;

type Counts = BTreeMap<&'static str, u64>;

/// Runs seeds on every core until one breaks an invariant; how often each operation happened.
fn run(seeds: u64, sabotage: Option<Guard>) -> (Counts, Option<String>) {
    let next = Arc::new(AtomicU64::new(0));
    let found = Arc::new(Mutex::new((Counts::new(), None::<String>)));
    let cores = std::thread::available_parallelism().map_or(2, usize::from).min(8);
    let workers: Vec<_> = (0..cores)
        .map(|_| {
            let (next, found) = (Arc::clone(&next), Arc::clone(&found));
            std::thread::spawn(move || {
                let runtime =
                    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                loop {
                    let seed = next.fetch_add(1, Ordering::SeqCst);
                    if seed >= seeds || found.lock().unwrap().1.is_some() {
                        return;
                    }
                    let (counts, outcome) = runtime.block_on(script::run(seed, STEPS, sabotage));
                    let mut found = found.lock().unwrap();
                    for (name, count) in counts {
                        *found.0.entry(name).or_default() += count;
                    }
                    if let Err(violation) = outcome {
                        found.1.get_or_insert(format!("seed {seed}, {violation}"));
                    }
                }
            })
        })
        .collect();
    for worker in workers {
        worker.join().unwrap();
    }
    let found = Arc::try_unwrap(found).unwrap().into_inner().unwrap();
    (found.0, found.1)
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a person asks for one seed")]
fn two_hundred_seeds_break_no_invariant() {
    if let Ok(seed) = std::env::var("SIMULATION_SEED") {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (counts, outcome) = runtime.block_on(script::run(seed.parse().unwrap(), STEPS, None));
        println!("{counts:?}");
        outcome.unwrap();
        return;
    }
    let (counts, violation) = run(SEEDS, None);
    for (name, count) in &counts {
        println!("{count:>7} {name}");
    }
    assert_eq!(violation, None);
    for (name, count) in counts {
        assert!(count > SEEDS, "{name} happened {count} times only");
    }
}

#[test]
fn every_removed_guard_is_noticed() {
    for guard in Guard::ALL {
        let (_, violation) = run(SEEDS_PER_GUARD, Some(guard));
        println!("{guard:?}: {}", violation.as_deref().unwrap_or("not noticed"));
        assert!(violation.is_some(), "without {guard:?} no invariant broke");
    }
}
