//! Who carries a push to a phone. In `dev` the tray takes it, in `serve` the push services.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Mutex, PoisonError};

use domain::Timestamp;
use serde_json::Value;

use super::Services;
use crate::push::Accounts;
use crate::push::web_push::WebWay;

/// The tray keeps this many pushes of a token (decision 20).
const PUSHES_A_TOKEN: usize = 20;
/// The tray knows this many tokens; beyond it, the one filled longest ago is forgotten.
const TOKENS: usize = 2_000;

/// One push, ready to be handed to its service.
#[derive(Clone)]
pub struct Parcel {
    /// `GCM` or `APNS`, as devices name them (G32), or `WEB`.
    pub service: &'static str,
    /// The device's token at that service, or its address.
    pub token: String,
    /// The `data` map for FCM, the whole JSON for APNs.
    pub payload: Value,
    /// When the push service may drop it.
    pub expires_at: Timestamp,
    /// Pushes of the same request replace each other on the phone (APNs collapse id, `Topic`).
    pub collapse_id: String,
    /// How it gets there.
    pub way: Way,
}

/// How a parcel gets to its device.
#[derive(Clone, Debug)]
pub enum Way {
    /// Through the app of the tenant's account.
    App,
    /// Through another app of the account's team, by its bundle id.
    Topic(String),
    /// To an address that the device chose.
    Web(Box<WebWay>),
}

impl fmt::Debug for Parcel {
    /// Without token and payload, which holds the transaction token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parcel").field("service", &self.service).finish_non_exhaustive()
    }
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

/// What came of one try to hand a push over: for its record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// What follows from it.
    pub receipt: Receipt,
    /// Who was asked: `apns`, `fcm`, `web_push`, `unified_push`, `tray`.
    pub provider: &'static str,
    /// The status of its answer; none if there was no answer.
    pub status: Option<u16>,
    /// Its own word for it.
    pub reason: Option<String>,
    /// Its name for the push: `apns-id`, or the message's name.
    pub id: Option<String>,
    /// When it wants to be asked again.
    pub retry_at: Option<Timestamp>,
    /// Since when it holds the token for gone.
    pub gone_since: Option<Timestamp>,
}

impl Delivery {
    /// A receipt and who gave it, nothing more.
    pub const fn of(provider: &'static str, receipt: Receipt) -> Self {
        Self {
            receipt,
            provider,
            status: None,
            reason: None,
            id: None,
            retry_at: None,
            gone_since: None,
        }
    }
}

/// Carries parcels.
#[derive(Debug)]
pub enum Courier {
    /// The development tray: every push is taken and can be read again; those to browsers go out, too.
    Tray(Tray),
    /// Apple's and Google's services.
    Services(Services),
}

impl Courier {
    /// Hands one parcel over and waits for the receipt.
    pub async fn deliver(&self, parcel: Parcel, accounts: &Accounts, now: Timestamp) -> Delivery {
        match self {
            Self::Tray(tray) => {
                let receipt = tray.receipt_for(&parcel.token);
                let sent = match &tray.web {
                    Some(web) if matches!(parcel.way, Way::Web(_)) => {
                        Some(web.deliver(&parcel, accounts, now).await)
                    }
                    Some(_) | None => None,
                };
                if receipt == Receipt::Accepted {
                    tray.put(parcel, now);
                }
                sent.unwrap_or_else(|| Delivery::of("tray", receipt))
            }
            Self::Services(services) => services.deliver(&parcel, accounts, now).await,
        }
    }

    /// The tray, where there is one.
    pub const fn tray(&self) -> Option<&Tray> {
        match self {
            Self::Tray(tray) => Some(tray),
            Self::Services(_) => None,
        }
    }
}

/// The newest pushes of every device token.
#[derive(Default)]
pub struct Tray {
    shelves: Mutex<Shelves>,
    receipts: Mutex<HashMap<String, Receipt>>,
    /// Browsers are woken in earnest: theirs is an address that needs no account.
    web: Option<Box<Services>>,
}

impl fmt::Debug for Tray {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tray(…)")
    }
}

#[derive(Default)]
struct Shelves {
    by_token: HashMap<String, VecDeque<TrayEntry>>,
    oldest_first: VecDeque<String>,
}

/// A push as the tray keeps it.
#[derive(Clone)]
pub struct TrayEntry {
    /// `GCM` or `APNS`.
    pub service: &'static str,
    /// What was sent.
    pub payload: Value,
    /// When.
    pub sent_at: Timestamp,
}

impl fmt::Debug for TrayEntry {
    /// Without the payload, which holds the transaction token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TrayEntry").field("service", &self.service).finish_non_exhaustive()
    }
}

impl Tray {
    /// A tray beside which Web Push goes out.
    pub fn with_web(services: Services) -> Self {
        Self { web: Some(Box::new(services)), ..Self::default() }
    }

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
