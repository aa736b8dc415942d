//! Names of requests for logs: unlike any other process's, and never a secret.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::outside::Entropy;

/// Gives each request a name of 32 hexadecimal digits (W3C Trace Context 3.2.2.3): half of them are
/// this process's, drawn at start, half are counted.
#[derive(Debug)]
pub(crate) struct Traces {
    process: u64,
    count: AtomicU64,
}

impl Traces {
    pub(crate) fn new(entropy: &Entropy) -> Self {
        let process = u64::from_be_bytes(entropy.bytes());
        Self { process: process.max(1), count: AtomicU64::default() }
    }

    /// The next name.
    pub(crate) fn next(&self) -> String {
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        format!("{:016x}{count:016x}", self.process)
    }
}
