//! A stand-in for a browser's push service, by RFC 8030 and RFC 8292: it looks at every header, at
//! the signature and at the key that the subscription is bound to. What it took can be read as its
//! receiver would.

use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::agreement::{ECDH_P256, PrivateKey, UnparsedPublicKey, agree};
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use domain::jose::{Algorithm, PublicKey, Unverified};
use http::{Method, Response};
use http_body_util::Full;
use serde_json::{Value, json};
use server::listen::DevCa;
use server::outside::Clock;

use super::line::{self, Bound, Exchange};
use super::wire::{Act, Asked, Book, Received, Reply, json as answer, listen, megabyte, redirect};

/// Where subscriptions are.
const PATH: &str = "/wpush/v2/";
/// Longest message.
const MESSAGE_BYTES: usize = 4096;
/// A signature is good for a day at most.
const SIGNATURE_LIVES_S: i64 = 24 * 3600;

/// A subscription, with what only its owner has.
#[derive(Clone, Debug)]
pub struct Subscribed {
    /// The last part of its address.
    pub token: String,
    /// Its address.
    pub endpoint: String,
    /// The receiver's public key.
    pub p256dh: String,
    /// The receiver's secret.
    pub auth: String,
    /// The receiver's private key.
    pub private: [u8; 32],
}

/// The service.
#[derive(Debug)]
pub struct WebPush {
    address: SocketAddr,
    book: Arc<Book>,
    bound: Bound,
    exchange: Arc<Exchange>,
    /// What time it is for the service.
    pub clock: Arc<Clock>,
}

struct Rules {
    book: Arc<Book>,
    bound: Bound,
    exchange: Arc<Exchange>,
    clock: Arc<Clock>,
    port: Mutex<u16>,
}

impl WebPush {
    pub(super) async fn start(ca: &DevCa, clock: Clock) -> Self {
        let (book, clock) = (Arc::new(Book::default()), Arc::new(clock));
        let (bound, exchange) = (Bound::default(), Arc::<Exchange>::default());
        let rules = Arc::new(Rules {
            book: Arc::clone(&book),
            bound: Arc::clone(&bound),
            exchange: Arc::clone(&exchange),
            clock: Arc::clone(&clock),
            port: Mutex::new(0),
        });
        let judging = Arc::clone(&rules);
        let judge = Arc::new(move |asked: &Asked| judging.act(asked));
        let address = listen(ca, Arc::clone(&book), judge).await;
        *rules.port.lock().unwrap() = address.port();
        Self { address, book, bound, exchange, clock }
    }

    /// Where it is.
    pub fn url(&self) -> String {
        format!("https://localhost:{}/", self.address.port())
    }

    /// A new subscription, bound to a key or, as some of `UnifiedPush` are, to none.
    pub fn subscribes(&self, key: Option<&str>) -> Subscribed {
        let mut bound = self.bound.lock().unwrap();
        let number = u8::try_from(bound.len()).unwrap() + 1;
        let token = format!("gAAAA-{number}");
        bound.insert(token.clone(), key.map(str::to_owned));
        let private = [number; 32];
        let pair = PrivateKey::from_private_key(&ECDH_P256, &private).unwrap();
        let point = pair.compute_public_key().unwrap();
        Subscribed {
            endpoint: format!("{}wpush/v2/{token}", self.url()),
            token,
            p256dh: URL_SAFE_NO_PAD.encode(point.as_ref()),
            auth: URL_SAFE_NO_PAD.encode([number; 16]),
            private,
        }
    }

    /// Opens a port for browsers (`dom.push.serverURL` of Firefox); where it is.
    pub async fn serves_browsers(&self) -> String {
        let base = format!("{}{}", self.url().trim_end_matches('/'), PATH);
        let (exchange, bound) = (Arc::clone(&self.exchange), Arc::clone(&self.bound));
        format!("ws://{}/", line::listen(exchange, bound, base).await)
    }

    /// What browsers said of messages that they were handed, oldest first.
    pub fn said_by_browsers(&self) -> Vec<Value> {
        self.exchange.said()
    }

    /// The subscription is gone from now on.
    pub fn forgets(&self, token: &str) {
        self.bound.lock().unwrap().remove(token);
    }

    /// The next push to `token` gets this reply; calls add up.
    pub fn replies(&self, token: &str, reply: Reply) {
        self.book.script(token, reply);
    }

    /// What it took, oldest first.
    pub fn received(&self) -> Vec<Received> {
        self.book.received.lock().unwrap().clone()
    }

    /// How many pushes it took.
    pub fn count(&self) -> usize {
        self.book.count.load(Ordering::SeqCst)
    }
}

impl Subscribed {
    /// The channel that a device enrolls with.
    pub fn channel(&self, kind: &str) -> Value {
        json!({
            "kind": kind, "endpoint": self.endpoint, "p256dh": self.p256dh, "auth": self.auth,
        })
    }

    /// The message as its receiver reads it (RFC 8291).
    pub fn reads(&self, body: &[u8]) -> Value {
        let (salt, rest) = body.split_at(16);
        let (head, rest) = rest.split_at(5);
        assert_eq!(head, [0, 0, 16, 0, 65]);
        let (point, sealed) = rest.split_at(65);
        let private = PrivateKey::from_private_key(&ECDH_P256, &self.private).unwrap();
        let peer = UnparsedPublicKey::new(&ECDH_P256, point);
        let shared = agree(&private, peer, (), |secret| Ok(secret.to_vec())).unwrap();
        let own = URL_SAFE_NO_PAD.decode(&self.p256dh).unwrap();
        let auth = URL_SAFE_NO_PAD.decode(&self.auth).unwrap();
        let info = [b"WebPush: info\0".as_slice(), &own, point].concat();
        let material = expand(&auth, &shared, &info, 32);
        let key = expand(salt, &material, b"Content-Encoding: aes128gcm\0", 16);
        let nonce = expand(salt, &material, b"Content-Encoding: nonce\0", 12);
        let key = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &key).unwrap());
        let nonce = Nonce::try_assume_unique_for_key(&nonce).unwrap();
        let mut record = sealed.to_vec();
        let plain = key.open_in_place(nonce, Aad::empty(), &mut record).unwrap();
        let (last, plain) = plain.split_last().unwrap();
        assert_eq!(*last, 2);
        serde_json::from_slice(plain).unwrap()
    }
}

struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

fn expand(salt: &[u8], material: &[u8], info: &[u8], length: usize) -> Vec<u8> {
    let mut out = vec![0; length];
    let info = [info];
    let extracted = Salt::new(HKDF_SHA256, salt).extract(material);
    extracted.expand(&info, Length(length)).unwrap().fill(&mut out).unwrap();
    out
}

impl Rules {
    fn act(&self, asked: &Asked) -> Act {
        let token = asked.path.strip_prefix(PATH).unwrap_or_default().to_owned();
        match self.book.next_reply(&token) {
            Reply::Hang => return Act::Hang,
            Reply::Close => return Act::Close,
            Reply::GoAway => return Act::GoAway,
            Reply::Megabyte(status) => return Act::Answer(megabyte(status)),
            Reply::Redirect(to) => return Act::Answer(redirect(&to)),
            Reply::Refuse(status, reason, headers) => {
                let mut refused = refusal(status, reason);
                for (name, value) in headers {
                    refused.headers_mut().insert(name, value.parse().unwrap());
                }
                return Act::Answer(refused);
            }
            Reply::Judge => {}
        }
        if let Err((status, reason)) = self.judged(asked, &token) {
            return Act::Answer(refusal(status, reason));
        }
        self.book.keep(&token, asked);
        let number = self.book.count.load(Ordering::SeqCst);
        self.exchange.hand_on(&token, number, &asked.body);
        let mut accepted = Response::new(Full::new(Bytes::new()));
        *accepted.status_mut() = http::StatusCode::CREATED;
        let place = format!("/m/{number}");
        accepted.headers_mut().insert("location", place.parse().unwrap());
        Act::Answer(accepted)
    }

    fn judged(&self, asked: &Asked, token: &str) -> Result<(), (u16, &'static str)> {
        if asked.method != Method::POST {
            return Err((405, "only POST"));
        }
        let known = self.bound.lock().unwrap().get(token).cloned();
        let bound = known.ok_or((410, "the subscription is gone"))?;
        let header = |name: &str| asked.headers.get(name).map(|value| value.to_str().unwrap());
        let ttl = header("ttl").ok_or((400, "no TTL"))?;
        ttl.parse::<u32>().map_err(|_no_number| (400, "TTL"))?;
        if header("content-encoding") != Some("aes128gcm") {
            return Err((415, "Content-Encoding"));
        }
        let urgencies = [None, Some("very-low"), Some("low"), Some("normal"), Some("high")];
        if !urgencies.contains(&header("urgency")) {
            return Err((400, "Urgency"));
        }
        let is_safe = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        if header("topic")
            .is_some_and(|it| it.is_empty() || it.len() > 32 || !it.chars().all(is_safe))
        {
            return Err((400, "Topic"));
        }
        if asked.body.len() > MESSAGE_BYTES {
            return Err((413, "too long"));
        }
        if asked.body.len() < 16 + 4 + 1 + 65 + 17 {
            return Err((400, "no aes128gcm"));
        }
        match bound {
            Some(key) => self.signed(header("authorization"), &key),
            None => Ok(()),
        }
    }

    /// RFC 8292 3 and 4: the token, its key, and that it is the one of the subscription.
    fn signed(&self, header: Option<&str>, bound: &str) -> Result<(), (u16, &'static str)> {
        let parameters = header
            .and_then(|text| text.strip_prefix("vapid "))
            .ok_or((401, "no vapid authorization"))?;
        let named = |name: &str| {
            let mut all = parameters.split(',').map(str::trim);
            all.find_map(|one| one.strip_prefix(name)?.strip_prefix('='))
        };
        let (token, key) = (named("t").ok_or((401, "no t"))?, named("k").ok_or((401, "no k"))?);
        if key != bound {
            return Err((403, "another key than the subscription's"));
        }
        let wrong = (403, "the token does not hold");
        let point = URL_SAFE_NO_PAD.decode(key).map_err(|_no_text| wrong)?;
        let (Some(4), Some(x), Some(y)) = (point.first(), point.get(1..33), point.get(33..65))
        else {
            return Err(wrong);
        };
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let jwk = json!({ "kty": "EC", "crv": "P-256", "x": encode(x), "y": encode(y) });
        let key = PublicKey::from_jwk(&jwk).map_err(|_no_key| wrong)?;
        let read = Unverified::parse(token, 4096).map_err(|_refused| wrong)?;
        read.verify(&key, &[Algorithm::Es256]).map_err(|_refused| wrong)?;
        let header: Value = super::fcm::part(token, 0).ok_or(wrong)?;
        let claims: Value = super::fcm::part(token, 1).ok_or(wrong)?;
        let origin = format!("https://localhost:{}", self.port.lock().unwrap());
        if header["typ"] != "JWT" || claims["aud"] != origin.as_str() {
            return Err((403, "aud"));
        }
        let (exp, now) = (claims["exp"].as_i64().ok_or(wrong)?, self.clock.now().seconds());
        if exp <= now || exp > now + SIGNATURE_LIVES_S {
            return Err((403, "exp"));
        }
        let contact = claims["sub"].as_str().unwrap_or_default();
        if !contact.starts_with("mailto:") && !contact.starts_with("https:") {
            return Err((403, "sub"));
        }
        Ok(())
    }
}

fn refusal(status: u16, reason: &str) -> Response<Full<Bytes>> {
    answer(status, &json!({ "code": status, "message": reason }))
}
