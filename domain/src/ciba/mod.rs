//! CIBA: asking a person on a device of theirs, in three accents.

pub mod pacing;
pub mod profile;
