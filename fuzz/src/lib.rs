//! Targets for `cargo fuzz`; the gate runs the same functions in `domain/tests/fuzz.rs`.

pub mod targets;
