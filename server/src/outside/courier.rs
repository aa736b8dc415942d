//! Who carries a push to a phone. In `dev` the tray takes it; the senders to APNs and FCM come
//! behind the same seam.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use domain::Timestamp;
use serde_json::Value;

/// The tray keeps this many pushes of a token (decision 20).
const PUSHES_A_TOKEN: usize = 20;
/// The tray knows this many tokens; beyond it, the one filled longest ago is forgotten.
const TOKENS: usize = 2_000;

/// One push, ready to be handed to its service.
#[derive(Clone, Debug)]
pub struct Parcel {
    /// `GCM` or `APNS`, as devices name them (G32).
    pub service: &'static str,
    /// The device's token at that service.
    pub token: String,
    /// The `data` map for FCM, the whole JSON for APNs.
    pub payload: Value,
    /// When the push service may drop it.
    pub expires_at: Timestamp,
    /// Pushes of the same request replace each other on the phone (APNs collapse id).
    pub collapse_id: String,
}

/// What the push service said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Receipt {
    /// It took the push.
    Accepted,
    /// It will never take this one, and why.
    Refused(String),
    /// The token is no longer anyone's.
    Gone(String),
    /// Not now: try again later, and why.
    Later(String),
}

/// Carries parcels.
#[derive(Debug)]
pub enum Courier {
    /// The development tray: every push is taken and can be read again.
    Tray(Tray),
    /// No push service is configured: every push is refused, and the log says so.
    Unconfigured,
}

impl Courier {
    /// Hands one parcel over and waits for the receipt.
    pub fn deliver(&self, parcel: Parcel, now: Timestamp) -> Receipt {
        match self {
            Self::Tray(tray) => match tray.receipt_for(&parcel.token) {
                Receipt::Accepted => {
                    tray.put(parcel, now);
                    Receipt::Accepted
                }
                other @ (Receipt::Refused(_) | Receipt::Gone(_) | Receipt::Later(_)) => other,
            },
            Self::Unconfigured => Receipt::Refused(String::from("no push service is configured")),
        }
    }

    /// The tray, where there is one.
    pub const fn tray(&self) -> Option<&Tray> {
        match self {
            Self::Tray(tray) => Some(tray),
            Self::Unconfigured => None,
        }
    }
}

/// The newest pushes of every device token.
#[derive(Debug, Default)]
pub struct Tray {
    shelves: Mutex<Shelves>,
    receipts: Mutex<HashMap<String, Receipt>>,
}

#[derive(Debug, Default)]
struct Shelves {
    by_token: HashMap<String, VecDeque<TrayEntry>>,
    oldest_first: VecDeque<String>,
}

/// A push as the tray keeps it.
#[derive(Clone, Debug)]
pub struct TrayEntry {
    /// `GCM` or `APNS`.
    pub service: &'static str,
    /// What was sent.
    pub payload: Value,
    /// When.
    pub sent_at: Timestamp,
}

impl Tray {
    fn put(&self, parcel: Parcel, now: Timestamp) {
        let mut shelves = self.shelves.lock().unwrap_or_else(PoisonError::into_inner);
        if !shelves.by_token.contains_key(&parcel.token) {
            if shelves.oldest_first.len() >= TOKENS
                && let Some(oldest) = shelves.oldest_first.pop_front()
            {
                shelves.by_token.remove(&oldest);
            }
            shelves.oldest_first.push_back(parcel.token.clone());
        }
        let pushes = shelves.by_token.entry(parcel.token).or_default();
        pushes.truncate(PUSHES_A_TOKEN - 1);
        pushes.push_front(TrayEntry {
            service: parcel.service,
            payload: parcel.payload,
            sent_at: now,
        });
    }

    /// From now on pushes to `token` get this receipt; so tests play a push service that is down.
    pub fn answer_with(&self, token: &str, receipt: Receipt) {
        let mut receipts = self.receipts.lock().unwrap_or_else(PoisonError::into_inner);
        receipts.insert(token.to_owned(), receipt);
    }

    fn receipt_for(&self, token: &str) -> Receipt {
        let receipts = self.receipts.lock().unwrap_or_else(PoisonError::into_inner);
        receipts.get(token).cloned().unwrap_or(Receipt::Accepted)
    }

    /// The pushes sent to `token`, newest first.
    pub fn pushes_to(&self, token: &str) -> Vec<TrayEntry> {
        let shelves = self.shelves.lock().unwrap_or_else(PoisonError::into_inner);
        shelves
            .by_token
            .get(token)
            .map(|pushes| pushes.iter().cloned().collect())
            .unwrap_or_default()
    }
}
