//! Decision 27: each fuzz target on its kept corpus, and on ten thousand cases of its own: bytes out
//! of nowhere, and what stands in the corpus, bent. What a longer run by hand finds
//! (`cargo fuzz run TARGET` in `fuzz`) is kept in `fuzz/corpus` and runs here ever after.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what cannot be read fails the test that reads it"
)]

#[path = "../../fuzz/src/targets.rs"]
mod targets;

use std::fs;
use std::path::PathBuf;

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

/// Cases of each target.
const CASES: u32 = 10_000;
/// A seed is bent in so many places at most.
const MOST_BENDS: usize = 8;

/// What parsers stumble over.
const WORDS: [&[u8]; 24] = [
    b"\0",
    b"\"",
    b"\\",
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b".",
    b"%",
    b"%00",
    b"&",
    b"=",
    b"-1",
    b"1e999",
    b"18446744073709551616",
    b"null",
    b"true",
    b"\"exp\":",
    b"\"alg\":\"none\"",
    b"\xff\xfe",
    b"\xe2\x80\xae",
    b"AAAAAAAAAAAAAAAAAAAAAAAA",
];

/// The kept inputs of a target, by name.
fn corpus(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(target);
    let mut kept: Vec<_> = fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.display().to_string(), fs::read(&path).unwrap()))
        .collect();
    kept.sort();
    kept
}

/// One change: where, what kind, with which word or byte.
type Bend = (prop::sample::Index, u8, prop::sample::Index, u8);

fn bent(seed: &[u8], bends: &[Bend]) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for (place, kind, word, byte) in bends {
        let at = place.index(bytes.len() + 1);
        let word = WORDS[word.index(WORDS.len())];
        match kind % 6 {
            0 if at < bytes.len() => bytes[at] = *byte,
            1 if at < bytes.len() => bytes[at] ^= 1 << (byte % 8),
            2 => bytes.truncate(at),
            3 => drop(bytes.splice(at..at, word.iter().copied())),
            4 => {
                let end = (at + usize::from(*byte)).min(bytes.len());
                drop(bytes.drain(at..end));
            }
            _ => {
                let end = (at + usize::from(*byte)).min(bytes.len());
                let piece = bytes[at..end].to_vec();
                bytes.extend_from_slice(&piece);
            }
        }
    }
    bytes
}

/// Runs the corpus and the cases of one target; the same cases each time.
fn holds(name: &str) {
    let kept = corpus(name);
    assert!(kept.len() > 4, "the corpus of {name} is nearly empty");
    for (path, bytes) in &kept {
        let ran = std::panic::catch_unwind(|| targets::run(name, bytes));
        assert!(ran.is_ok(), "{path}");
    }
    let config = Config { cases: CASES, failure_persistence: None, ..Config::default() };
    let seed: [u8; 32] = std::array::from_fn(|at| name.as_bytes()[at % name.len()]);
    let random = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
    let any_bytes = prop::collection::vec(any::<u8>(), 0..200);
    let bends = prop::collection::vec(any::<Bend>(), 0..MOST_BENDS);
    let from_corpus = (0..kept.len(), bends).prop_map(move |(at, bends)| bent(&kept[at].1, &bends));
    let cases = prop_oneof![1 => any_bytes, 4 => from_corpus];
    let mut runner = TestRunner::new_with_rng(config, random);
    let ran = runner.run(&cases, |bytes| {
        targets::run(name, &bytes);
        Ok(())
    });
    ran.unwrap_or_else(|error| panic!("{name}: {error}"));
}

/// O361: forms and JSON bodies.
#[test]
fn any_form_is_read_or_refused() {
    holds("form");
}

/// O361, A22: JWTs and client assertions.
#[test]
fn any_jwt_is_read_or_refused() {
    holds("jwt");
}

/// O361: key sets.
#[test]
fn any_key_set_is_read_or_refused() {
    holds("jwks");
}

/// O361: proofs of possession.
#[test]
fn any_proof_is_read_or_refused() {
    holds("dpop");
}

/// O361: hints that are tokens.
#[test]
fn any_hint_token_is_read_or_refused() {
    holds("hint_token");
}

/// O361: signed requests.
#[test]
fn any_signed_request_is_read_or_refused() {
    holds("signed_request");
}

/// O361: what is to be authorized.
#[test]
fn any_details_are_read_or_refused() {
    holds("authorization_details");
}

/// O361: names of people.
#[test]
fn any_login_hint_is_read_or_refused() {
    holds("login_hint");
}

/// O361: certificates and their subjects.
#[test]
fn any_certificate_is_read_or_refused() {
    holds("certificate");
}

#[test]
fn every_target_runs_here() {
    let this = include_str!("fuzz.rs");
    for (name, _) in targets::TARGETS {
        assert!(this.contains(&format!("holds(\"{name}\");")), "{name}");
    }
}
