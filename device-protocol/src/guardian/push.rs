//! The push that wakes a device: the FCM `data` map and the APNs JSON.
//!
//! The eight keys are `sh`, `dai`, `txtkn`, `c`, `d`, `txlnkid`, `s` and `l`. Scopes, binding
//! message and transaction details are never among them: the device reads those from the consent.
//!
//! ```
//! use device_protocol::guardian::push::{Location, Named, Push, Source, server_host};
//!
//! let push = Push {
//!     server_host: server_host("https://login.example.com/").unwrap(),
//!     device: "dev_AbCdEfGh01234567".into(),
//!     txtkn: "eyJ…".into(),
//!     challenge: "q1w2e3".into(),
//!     started_at_iso: "2026-11-23T05:00:00.123Z".into(),
//!     consent_id: "cns_AbCdEfGhIjKlMnOpQrStUv".into(),
//!     source: Source { browser: Named::new("Shop"), os: Some(Named::new("unknown")) },
//!     location: Location::unknown(),
//!     title: "Example".into(),
//!     body: "Shop asks for your approval".into(),
//! };
//! assert_eq!(push.fcm_data().unwrap()["sh"], "login.example.com");
//! let apns = push.apns_json().unwrap();
//! assert_eq!(apns["aps"]["category"], "com.auth0.notification.authentication");
//! ```

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Value, json};

use super::url::{InvalidUrl, Parts};

/// Both push services refuse payloads of about 4 KiB: ours stay below.
pub const MAX_PAYLOAD_BYTES: usize = 4096;
/// Names (of the client, the platform, the place) are cut to this many characters.
pub const MAX_NAME_CHARS: usize = 64;
/// Title and body of the visible alert are cut to this many characters.
pub const MAX_ALERT_CHARS: usize = 160;
/// The one category that the iOS SDK does not ignore.
pub const CATEGORY: &str = "com.auth0.notification.authentication";

/// The name of a program or system, and its version where it is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: Option<String>,
}

impl Named {
    /// A name without a version.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), version: None }
    }

    fn to_json(&self) -> Value {
        match &self.version {
            Some(version) => json!({ "n": clipped(&self.name, MAX_NAME_CHARS),
                                     "v": clipped(version, MAX_NAME_CHARS) }),
            None => json!({ "n": clipped(&self.name, MAX_NAME_CHARS) }),
        }
    }
}

/// Where the request came from: a browser, or the client when no browser takes part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The browser, or the client's name.
    pub browser: Named,
    /// The operating system, or the client's library.
    pub os: Option<Named>,
}

impl Source {
    fn to_json(&self) -> Value {
        match &self.os {
            Some(os) => json!({ "b": self.browser.to_json(), "os": os.to_json() }),
            None => json!({ "b": self.browser.to_json() }),
        }
    }
}

/// Where on earth the request came from.
#[derive(Clone, Debug, PartialEq)]
pub struct Location {
    /// The place as text.
    pub name: String,
    /// Latitude and longitude in degrees: both or none.
    pub coordinates: Option<(f64, f64)>,
}

impl Location {
    /// A place nobody knows. The member itself must be there: apps unwrap it unseen.
    pub fn unknown() -> Self {
        Self { name: "unknown".to_owned(), coordinates: None }
    }

    fn to_json(&self) -> Value {
        let name = clipped(&self.name, MAX_NAME_CHARS);
        match self.coordinates {
            Some((latitude, longitude)) if latitude.is_finite() && longitude.is_finite() => {
                json!({ "n": name, "lat": latitude, "long": longitude })
            }
            Some(_) | None => json!({ "n": name }),
        }
    }
}

/// One push to one device.
#[derive(Clone, PartialEq)]
pub struct Push {
    /// `sh`: what [`server_host`] makes of the base URL under which the device enrolled.
    pub server_host: String,
    /// `dai`: the enrollment's id.
    pub device: String,
    /// `txtkn`: the transaction token, a JWT below 1 kB.
    pub txtkn: String,
    /// `c`: the challenge, which comes back as `sub` of the answer.
    pub challenge: String,
    /// `d`: `YYYY-MM-DDTHH:MM:SS.mmmZ`, exactly three fraction digits.
    pub started_at_iso: String,
    /// `txlnkid`: the consent's id.
    pub consent_id: String,
    /// `s`.
    pub source: Source,
    /// `l`.
    pub location: Location,
    /// The title of the alert on iOS: the product.
    pub title: String,
    /// The text of the alert on iOS: the client.
    pub body: String,
}

impl fmt::Debug for Push {
    /// Without token and challenge.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Push")
            .field("device", &self.device)
            .field("consent_id", &self.consent_id)
            .finish_non_exhaustive()
    }
}

/// Why no payload could be built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unsendable {
    /// It would have this many bytes, which the push services refuse.
    TooLarge(usize),
    /// The start is not of the one form that Android reads rightly.
    Date,
}

impl fmt::Display for Unsendable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge(bytes) => {
                write!(f, "the payload would have {bytes} bytes, {MAX_PAYLOAD_BYTES} are too many")
            }
            Self::Date => f.write_str("the start is not written YYYY-MM-DDTHH:MM:SS.mmmZ"),
        }
    }
}

impl std::error::Error for Unsendable {}

impl Push {
    /// The `data` map of a data-only FCM message: every value a text, `s` and `l` JSON texts.
    pub fn fcm_data(&self) -> Result<BTreeMap<&'static str, String>, Unsendable> {
        self.check_date()?;
        let data = BTreeMap::from([
            ("sh", self.server_host.clone()),
            ("dai", self.device.clone()),
            ("txtkn", self.txtkn.clone()),
            ("c", self.challenge.clone()),
            ("d", self.started_at_iso.clone()),
            ("txlnkid", self.consent_id.clone()),
            ("s", self.source.to_json().to_string()),
            ("l", self.location.to_json().to_string()),
        ]);
        fits(serde_json::to_vec(&data).map_or(0, |bytes| bytes.len()))?;
        Ok(data)
    }

    /// The whole APNs payload: alert and category under `aps`, the eight keys under `mfa`.
    pub fn apns_json(&self) -> Result<Value, Unsendable> {
        self.check_date()?;
        let payload = json!({
            "aps": {
                "alert": {
                    "title": clipped(&self.title, MAX_ALERT_CHARS),
                    "body": clipped(&self.body, MAX_ALERT_CHARS),
                },
                "category": CATEGORY,
                "sound": "default",
            },
            "mfa": {
                "sh": self.server_host,
                "dai": self.device,
                "txtkn": self.txtkn,
                "c": self.challenge,
                "d": self.started_at_iso,
                "txlnkid": self.consent_id,
                "s": self.source.to_json(),
                "l": self.location.to_json(),
            },
        });
        fits(serde_json::to_vec(&payload).map_or(0, |bytes| bytes.len()))?;
        Ok(payload)
    }

    /// Android drops other forms or, worse, reads them as another time.
    fn check_date(&self) -> Result<(), Unsendable> {
        const PATTERN: &[u8] = b"dddd-dd-ddTdd:dd:dd.dddZ";
        let text = self.started_at_iso.as_bytes();
        let fits_pattern = text.len() == PATTERN.len()
            && text.iter().zip(PATTERN).all(|(byte, wanted)| match wanted {
                b'd' => byte.is_ascii_digit(),
                _ => byte == wanted,
            });
        if fits_pattern { Ok(()) } else { Err(Unsendable::Date) }
    }
}

fn fits(bytes: usize) -> Result<(), Unsendable> {
    if bytes < MAX_PAYLOAD_BYTES { Ok(()) } else { Err(Unsendable::TooLarge(bytes)) }
}

/// `text` without control characters, cut to `most` characters.
fn clipped(text: &str, most: usize) -> String {
    text.chars().filter(|c| !c.is_control()).take(most).collect()
}

/// What `sh` says for a public base URL: a bare host where that is enough, else the full URL.
///
/// Android throws at `host:port`, `host/path` and at a bare host whose name begins with `http`.
pub fn server_host(base_url: &str) -> Result<String, InvalidUrl> {
    let parts = Parts::parse(base_url)?;
    let is_plain = parts.is_https
        && parts.port.is_none()
        && parts.path.is_empty()
        && !parts.host.starts_with("http")
        && !parts.host.starts_with('[');
    Ok(if is_plain { parts.host } else { parts.to_string() })
}
