//! The A lines: what attackers try, and what stands against it. A mitigation that another suite
//! proves (hints, pushes, addresses) names its attack there.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "an answer of another shape fails the test that reads it"
)]

mod a12_replay;
mod a13_confusion;
mod a14_people;
mod a16_privacy;
mod a19_exhaustion;
mod a1_fatigue;
mod a22_secrets;
mod a5_words;

use testkit::World;

/// A World whose clients are of profile `ciba`, where alice has a phone.
async fn world() -> World {
    let world = World::builder().profile("ciba").start().await;
    world.phone_of("alice").is_ready().await;
    world
}
