//! A stand-in for Firebase Cloud Messaging, HTTP v1, and the token endpoint in front of it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::jose::{Algorithm, Unverified};
use http::Method;
use serde_json::{Value, json};
use server::listen::DevCa;
use server::outside::Clock;

use super::PROJECT;
use super::wire::{Act, Asked, Book, Received, Reply, json as answer, listen, megabyte, redirect};
use crate::keys::client_key;

const SCOPE: &str = "https://www.googleapis.com/auth/firebase.messaging";
const EMAIL: &str = "push@example-guardian.iam.gserviceaccount.com";
const KEY_ID: &str = "0123456789abcdef0123456789abcdef01234567";
/// What scripts name the token endpoint.
const TOKEN_ENDPOINT: &str = "token";
const PAYLOAD_BYTES: usize = 4096;

/// The service.
#[derive(Debug)]
pub struct Fcm {
    address: SocketAddr,
    book: Arc<Book>,
    tokens: Arc<AtomicUsize>,
    /// What time it is for the service.
    pub clock: Arc<Clock>,
}

struct Rules {
    book: Arc<Book>,
    clock: Arc<Clock>,
    tokens: Arc<AtomicUsize>,
}

/// The JSON of a service account whose token endpoint is at `base`.
pub fn service_account(base: &str) -> String {
    json!({
        "type": "service_account",
        "project_id": PROJECT,
        "private_key_id": KEY_ID,
        "private_key": include_str!("../../keys/client-rsa.pem"),
        "client_email": EMAIL,
        "client_id": "100000000000000000001",
        "token_uri": format!("{base}token"),
        "universe_domain": "googleapis.com",
    })
    .to_string()
}

impl Fcm {
    pub(super) async fn start(ca: &DevCa, clock: Clock) -> Self {
        let (book, clock) = (Arc::new(Book::default()), Arc::new(clock));
        let tokens = Arc::new(AtomicUsize::new(0));
        let rules = Rules {
            book: Arc::clone(&book),
            clock: Arc::clone(&clock),
            tokens: Arc::clone(&tokens),
        };
        let judge = Arc::new(move |asked: &Asked| rules.act(asked));
        let address = listen(ca, Arc::clone(&book), judge).await;
        Self { address, book, tokens, clock }
    }

    /// Where it is.
    pub fn url(&self) -> String {
        format!("https://localhost:{}/", self.address.port())
    }

    /// The one service account that it knows.
    pub fn service_account(&self) -> String {
        service_account(&self.url())
    }

    /// The next push to `token` gets this reply; calls add up.
    pub fn replies(&self, token: &str, reply: Reply) {
        self.book.script(token, reply);
    }

    /// The next call of the token endpoint gets this reply.
    pub fn token_endpoint_replies(&self, reply: Reply) {
        self.book.script(TOKEN_ENDPOINT, reply);
    }

    /// Access tokens given out until now are good no longer.
    pub fn forgets_tokens(&self) {
        self.tokens.fetch_add(1000, Ordering::SeqCst);
    }

    /// How many access tokens were given out.
    pub fn tokens(&self) -> usize {
        self.tokens.load(Ordering::SeqCst) % 1000
    }

    /// What it took, oldest first.
    pub fn received(&self) -> Vec<Received> {
        self.book.received.lock().unwrap().clone()
    }

    /// How many pushes it took.
    pub fn count(&self) -> usize {
        self.book.count.load(Ordering::SeqCst)
    }

    /// From now on pushes are counted and not kept.
    pub fn only_counts(&self) {
        self.book.is_counting.store(true, Ordering::Relaxed);
    }

    /// How many connections were opened to it.
    pub fn connections(&self) -> usize {
        self.book.connections.load(Ordering::SeqCst)
    }
}

impl Rules {
    fn act(&self, asked: &Asked) -> Act {
        let body: Value = serde_json::from_slice(&asked.body).unwrap_or_default();
        let is_token = asked.path == "/token";
        let device = body.pointer("/message/token").and_then(Value::as_str).unwrap_or_default();
        let name = if is_token { TOKEN_ENDPOINT } else { device };
        match self.book.next_reply(name) {
            Reply::Hang => return Act::Hang,
            Reply::Close => return Act::Close,
            Reply::GoAway => return Act::GoAway,
            Reply::Megabyte(status) => return Act::Answer(megabyte(status)),
            Reply::Redirect(to) => return Act::Answer(redirect(&to)),
            Reply::Refuse(status, code, headers) => {
                let mut refused = answer(status, &error(status, code, "scripted"));
                for (name, value) in headers {
                    refused.headers_mut().insert(name, value.parse().unwrap());
                }
                return Act::Answer(refused);
            }
            Reply::Judge => {}
        }
        if asked.method != Method::POST {
            return Act::Answer(answer(405, &error(405, "", "only POST")));
        }
        if is_token {
            return Act::Answer(match self.assertion(asked) {
                Ok(()) => {
                    let number = self.tokens.fetch_add(1, Ordering::SeqCst) + 1;
                    let token = format!("ya29.{number}");
                    let lives = 3599;
                    answer(
                        200,
                        &json!({"access_token": token, "expires_in": lives, "token_type": "Bearer"}),
                    )
                }
                Err(why) => {
                    answer(400, &json!({"error": "invalid_grant", "error_description": why}))
                }
            });
        }
        match self.judged(asked, &body) {
            Ok(()) => {
                self.book.keep(device, asked);
                let number = self.book.count.load(Ordering::SeqCst);
                let name = format!("projects/{PROJECT}/messages/0:{number}");
                Act::Answer(answer(200, &json!({ "name": name })))
            }
            Err((status, code, message)) => {
                Act::Answer(answer(status, &error(status, code, message)))
            }
        }
    }

    /// RFC 7523 as Google documents it for service accounts.
    fn assertion(&self, asked: &Asked) -> Result<(), &'static str> {
        let form: Vec<(String, String)> =
            url::form_urlencoded::parse(&asked.body).into_owned().collect();
        let member = |name: &str| form.iter().find(|(known, _)| known == name).map(|(_, it)| it);
        if member("grant_type").is_none_or(|it| it != "urn:ietf:params:oauth:grant-type:jwt-bearer")
        {
            return Err("Invalid grant type");
        }
        let token = member("assertion").ok_or("no assertion")?;
        let read = Unverified::parse(token, 8192).map_err(|_refused| "Invalid JWT")?;
        read.verify(client_key().public(), &[Algorithm::Rs256])
            .map_err(|_refused| "Invalid JWT Signature.")?;
        let claims: Value = part(token, 1).ok_or("Invalid JWT")?;
        let now = self.clock.now().seconds();
        let (issued, ends) = (claims["iat"].as_i64(), claims["exp"].as_i64());
        let (issued, ends) = issued.zip(ends).ok_or("no iat or exp")?;
        if claims["iss"] != EMAIL {
            return Err("Invalid grant: account not found");
        }
        if issued > now + 300 || ends < now || ends > issued + 3600 {
            return Err(
                "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe.",
            );
        }
        if !claims["aud"].as_str().is_some_and(|it| it.ends_with("/token")) {
            return Err("Invalid audience");
        }
        let scopes = claims["scope"].as_str().unwrap_or_default();
        scopes.split(' ').any(|scope| scope == SCOPE).then_some(()).ok_or("invalid scope")
    }

    fn judged(&self, asked: &Asked, body: &Value) -> Result<(), (u16, &'static str, &'static str)> {
        let given = asked.headers.get("authorization").and_then(|value| value.to_str().ok());
        let number =
            given.and_then(|text| text.strip_prefix("Bearer ya29.")?.parse::<usize>().ok());
        let newest = self.tokens.load(Ordering::SeqCst);
        let is_good = number.is_some_and(|it| it <= newest && it / 1000 == newest / 1000);
        if !is_good {
            return Err((401, "", "Request had invalid authentication credentials."));
        }
        if asked.path != format!("/v1/projects/{PROJECT}/messages:send") {
            return Err((404, "", "Requested entity was not found."));
        }
        let invalid = |what| Err((400, "INVALID_ARGUMENT", what));
        let message = &body["message"];
        if !message["token"].as_str().is_some_and(|it| it.len() > 4 && !it.contains(' ')) {
            return invalid("The registration token is not a valid FCM registration token");
        }
        if let Some(data) = message.get("data") {
            let is_text =
                |data: &serde_json::Map<String, Value>| data.values().all(Value::is_string);
            if !data.as_object().is_some_and(is_text) {
                return invalid("Invalid value at 'message.data[0].value' (TYPE_STRING)");
            }
            if data.to_string().len() > PAYLOAD_BYTES {
                return invalid("Android message is too big");
            }
        }
        let android = &message["android"];
        if android.get("priority").is_some_and(|it| it != "HIGH" && it != "NORMAL" && it != "high")
        {
            return invalid("Invalid value at 'message.android.priority'");
        }
        let is_ttl = |text: &str| {
            text.strip_suffix('s').is_some_and(|it| it.parse::<f64>().is_ok_and(|s| s >= 0.0))
        };
        match android.get("ttl").map(|ttl| ttl.as_str().is_some_and(is_ttl)) {
            Some(false) => invalid("Invalid value at 'message.android.ttl'"),
            _ => Ok(()),
        }
    }
}

fn error(status: u16, code: &str, message: &str) -> Value {
    let canonical = match status {
        400 => "INVALID_ARGUMENT",
        401 => "UNAUTHENTICATED",
        403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        429 => "RESOURCE_EXHAUSTED",
        503 => "UNAVAILABLE",
        _ => "INTERNAL",
    };
    let mut error = json!({"code": status, "message": message, "status": canonical});
    if !code.is_empty() {
        let kind = "type.googleapis.com/google.firebase.fcm.v1.FcmError";
        error["details"] = json!([{"@type": kind, "errorCode": code}]);
    }
    json!({ "error": error })
}

/// One part of a compact JWT as JSON.
pub(super) fn part(token: &str, number: usize) -> Option<Value> {
    let part = token.split('.').nth(number)?;
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}
