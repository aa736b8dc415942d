//! Web Push (RFC 8030, 8291, 8292), which `UnifiedPush` speaks too: what is sent to the address that a
//! device chose, and what the answers mean. Nothing here calls anybody.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use domain::jose::web_push::{RANDOM_BYTES, Receiver};
use domain::{Fingerprint, Timestamp};
use http::{HeaderName, HeaderValue, Method, header};
use serde_json::json;
use url::Url;

use super::answer::{retry_at, told};
use super::limits::PUSH_LIMITS;
use crate::failure::Broken;
use crate::issuer_keys::IssuerKey;
use crate::outside::{Answer, Call, Delivery, Lane, Parcel, Receipt};

/// Push services take a signature for a day at most (RFC 8292 2); ours are good for half of one.
const SIGNATURE_LIVES_S: i64 = 12 * 3600;
/// A signature is shown no more in the last hour of its life, since clocks differ.
pub const SIGNATURE_IS_SHOWN_S: i64 = SIGNATURE_LIVES_S - 3600;
/// Services may refuse a `Topic` that is longer (RFC 8030 5.4).
const TOPIC_CHARS: usize = 32;

/// The address that a device chose, and with which keys it is written to.
#[derive(Clone)]
pub struct WebWay {
    /// The name in records: `web_push` or `unified_push`.
    pub kind: &'static str,
    /// Who alone can read the message.
    pub receiver: Receiver,
    /// The tenant's key, which the subscription is bound to.
    pub key: Arc<IssuerKey>,
    /// Whom a push service may write to about us: `mailto:` or `https:`.
    pub contact: String,
    /// What is random about the message.
    pub random: [u8; RANDOM_BYTES],
}

impl fmt::Debug for WebWay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebWay").field("kind", &self.kind).finish_non_exhaustive()
    }
}

impl WebWay {
    /// What a signature for `origin` is kept under.
    pub fn signed_as(&self, origin: &str) -> Fingerprint {
        let point = self.key.point().unwrap_or_default();
        Fingerprint::of(format!("{point}\n{}\n{origin}", self.contact).as_bytes())
    }

    /// Says to the push service at `origin` who writes (RFC 8292 2).
    pub fn signature(&self, origin: &str, now: Timestamp) -> Result<String, Broken> {
        let claims = json!({
            "aud": origin,
            "exp": now.seconds() + SIGNATURE_LIVES_S,
            "sub": self.contact,
        });
        self.key.sign_nameless("JWT", &claims)
    }
}

/// An endpoint as it may be called: https, no credentials, nothing behind a `#`.
pub fn endpoint(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| format!("it is no address: {error}"))?;
    if url.scheme() != "https" || url.host().is_none() {
        return Err(String::from("it is no https address"));
    }
    if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
        return Err(String::from("it holds credentials or a fragment"));
    }
    Ok(url)
}

/// Whether the operator's list lets this endpoint be called: names, and `*.` for all names below one.
pub fn is_listed(hosts: &[String], endpoint: &Url) -> bool {
    let host = endpoint.host_str().unwrap_or_default().trim_end_matches('.');
    let covers = |listed: &String| match listed.strip_prefix("*.") {
        Some(above) => host.strip_suffix(above).is_some_and(|below| below.ends_with('.')),
        None => listed.eq_ignore_ascii_case(host),
    };
    hosts.is_empty() || hosts.iter().any(covers)
}

/// The call that hands one push over to `url`, with the signature for its origin; why there is none.
pub fn call(
    parcel: &Parcel,
    (url, way, signed): (Url, &WebWay, &str),
    now: Timestamp,
) -> Result<Call, String> {
    let point = way.key.point().ok_or("the tenant's Web Push key is no P-256 key")?;
    let plain = parcel.payload.to_string();
    let sealed = way.receiver.seal(plain.as_bytes(), &way.random);
    let body = sealed.map_err(|error| error.to_string())?;
    let lives_s = (parcel.expires_at.ms_since(now) / 1000).max(0);
    let topic: String = parcel.collapse_id.chars().take(TOPIC_CHARS).collect();
    let text = |text: &str| HeaderValue::from_str(text).map_err(|error| error.to_string());
    let mut authorization = text(&format!("vapid t={signed}, k={point}"))?;
    authorization.set_sensitive(true);
    let name = HeaderName::from_static;
    Ok(Call {
        method: Method::POST,
        url,
        headers: vec![
            (header::AUTHORIZATION, authorization),
            (header::CONTENT_ENCODING, HeaderValue::from_static("aes128gcm")),
            (header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream")),
            (name("ttl"), HeaderValue::from(lives_s)),
            (name("urgency"), HeaderValue::from_static("high")),
            (name("topic"), text(&topic)?),
        ],
        body: Bytes::from(body),
        lane: Lane { name: String::from("web-push"), identity: None, is_http2: false },
        limits: PUSH_LIMITS,
        // A second message of one topic takes the first one's place.
        is_repeatable: true,
    })
}

/// Reads the answer to a push.
pub fn read(kind: &'static str, answer: &Answer, now: Timestamp) -> Delivery {
    let status = Some(answer.status);
    if matches!(answer.status, 200 | 201 | 202 | 204) {
        let accepted = Delivery::of(kind, Receipt::Accepted);
        // The message's own address stays out: whoever knows it can take the message back.
        return Delivery { status, ..accepted };
    }
    let said = String::from_utf8_lossy(&answer.body);
    let reason = told(&said);
    let why = format!("Web Push: {} {reason}{}", answer.status, advice(answer.status));
    let (receipt, retry_at) = match answer.status {
        404 | 410 => (Receipt::Gone(why), None),
        408 | 429 | 500..=599 => (Receipt::Later(why), retry_at(answer, now)),
        _ => (Receipt::Refused(why), None),
    };
    let reason = Some(reason).filter(|reason| !reason.is_empty());
    Delivery { status, reason, retry_at, ..Delivery::of(kind, receipt) }
}

/// What to do about a refusal.
const fn advice(status: u16) -> &'static str {
    match status {
        300..=399 => "; redirects are not followed",
        401 | 403 => {
            "; the push service does not take the signature: this machine's clock is wrong, or the \
             device subscribed with another key than this tenant's"
        }
        404 | 410 => "; the subscription is gone",
        413 => "; the message is longer than the service takes",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_an_https_address_and_nothing_else() {
        assert!(endpoint("https://push.example/a?b").is_ok());
        for text in [
            "http://push.example/",
            "https://u:p@push.example/",
            "https://push.example/#a",
            "push",
            "https://",
            "data:text/plain,a",
            "https://u@push.example/",
        ] {
            assert!(endpoint(text).is_err(), "{text}");
        }
    }

    /// O443: the operator's list.
    #[test]
    fn a_list_covers_names_and_those_below_them() {
        let hosts = ["fcm.googleapis.com", "*.push.apple.com"].map(String::from);
        let is_covered = |text: &str| is_listed(&hosts, &endpoint(text).unwrap());
        assert!(is_covered("https://fcm.googleapis.com/fcm/send/1"));
        assert!(is_covered("https://web.push.apple.com/1"));
        assert!(is_covered("https://FCM.googleapis.com:8443/1"));
        assert!(!is_covered("https://push.apple.com/1"));
        assert!(!is_covered("https://evilpush.apple.com/1"));
        assert!(!is_covered("https://fcm.googleapis.com.evil.example/1"));
        assert!(is_listed(&[], &endpoint("https://any.example/").unwrap()));
    }

    #[test]
    fn answers_mean_what_the_protocols_say() {
        let now = Timestamp::from_ms(0);
        let read = |status| {
            let mut answer = Answer { status, ..Answer::default() };
            answer.headers.insert("retry-after", HeaderValue::from_static("7"));
            read("web_push", &answer, now)
        };
        for status in [200, 201, 202, 204] {
            assert_eq!(read(status).receipt, Receipt::Accepted, "{status}");
        }
        for status in [404, 410] {
            assert!(matches!(read(status).receipt, Receipt::Gone(_)), "{status}");
        }
        for status in [429, 500, 503] {
            assert!(matches!(read(status).receipt, Receipt::Later(_)), "{status}");
            assert_eq!(read(status).retry_at, Some(now.plus_seconds(7)));
        }
        for status in [301, 307, 400, 401, 403, 413] {
            assert!(matches!(read(status).receipt, Receipt::Refused(_)), "{status}");
        }
    }
}
