//! The client and its users' devices: the requests that they make.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::connection::Connection;
use crate::signing::Key;
use crate::target::{Endpoint, Step, Target};
use crate::template::{self, Names, percent};

const CIBA: &str = "urn:openid:params:grant-type:ciba";
const ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// How often a step is asked again (`until_newer`), and how long to wait between.
const TRIES: u32 = 400;
const PAUSE: Duration = Duration::from_millis(2);

/// Everything that requests are made of.
pub(crate) struct World {
    pub(crate) target: Target,
    pub(crate) address: String,
    users: Vec<Names>,
    client_key: Option<Key>,
    device_key: Option<Key>,
    run: u128,
    counter: Cell<usize>,
    /// Client assertions that were signed before the clock started.
    signed: RefCell<VecDeque<String>>,
}

/// One request on its way: what its templates know, and when it was started.
pub(crate) struct Request {
    pub(crate) names: Names,
    started: String,
}

pub(crate) fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// `2026-11-23T06:54:10.123Z`, so that texts compare as times do.
pub(crate) fn iso_now() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let (seconds, ms) = (since.as_secs(), since.subsec_millis());
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    // Days since 1 March of year 0, in eras of 400 years.
    let day = days + 719_468;
    let (era, of_era) = (day / 146_097, day % 146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{ms:03}Z")
}

impl World {
    pub(crate) fn new(target: Target, presign: u64) -> Result<Self, String> {
        let alg = target.client.alg.as_deref().unwrap_or("ES256");
        let client_key = target.client_key()?.map(|der| Key::read(&der, alg)).transpose()?;
        let device_key = target.device_key()?.map(|der| Key::read(&der, "ES256")).transpose()?;
        let users = target.users()?;
        let address = target.address()?.to_owned();
        let since = SystemTime::now().duration_since(UNIX_EPOCH).map_err(|e| e.to_string())?;
        let world = Self {
            target,
            address,
            users,
            client_key,
            device_key,
            run: since.as_micros(),
            counter: Cell::new(0),
            signed: RefCell::default(),
        };
        for _ in 0..presign {
            let assertion = world.fresh_assertion()?;
            world.signed.borrow_mut().push_back(assertion);
        }
        Ok(world)
    }

    /// A number that no other request of this run has.
    pub(crate) fn next(&self) -> usize {
        self.counter.replace(self.counter.get() + 1)
    }

    /// The next request, for the next user.
    pub(crate) fn request(&self) -> Request {
        let n = self.next();
        let user = n % self.users.len().max(1);
        let mut names = self.users.get(user).cloned().unwrap_or_default();
        names.insert("n".to_owned(), n.to_string());
        names.insert("jti".to_owned(), format!("{:x}-{n:x}", self.run));
        names.insert("base".to_owned(), self.target.base.trim_end_matches('/').to_owned());
        Request { names, started: iso_now() }
    }

    /// How many users requests are spread over.
    pub(crate) fn user_count(&self) -> usize {
        self.users.len().max(1)
    }

    fn assertion(&self) -> Result<String, String> {
        let signed = self.signed.borrow_mut().pop_front();
        signed.map_or_else(|| self.fresh_assertion(), Ok)
    }

    fn fresh_assertion(&self) -> Result<String, String> {
        let (client, iat) = (&self.target.client, now_s());
        let key = self.client_key.as_ref().ok_or("the target has no client.key")?;
        let mut header = json!({"alg": key.alg(), "typ": "JWT"});
        if let Some(kid) = &client.kid {
            header["kid"] = json!(kid);
        }
        let aud = client.aud.as_deref().unwrap_or(&self.target.base);
        let jti = format!("{:x}-{:x}", self.run, self.next());
        key.jws(
            &header,
            &json!({"iss": client.id, "sub": client.id, "aud": aud, "jti": jti,
                "iat": iat, "nbf": iat, "exp": iat + 240}),
        )
    }

    fn post(&self, path: &str, mut form: String) -> Result<Vec<u8>, String> {
        let (client, mut authorization) = (&self.target.client, String::new());
        let secret = client.secret.as_deref().unwrap_or_default();
        let mut add = |name: &str, value: &str| {
            form.push('&');
            form.push_str(name);
            form.push('=');
            percent(value, &mut form);
        };
        match client.method.as_str() {
            "client_secret_basic" => {
                let pair = STANDARD.encode(format!("{}:{secret}", client.id));
                authorization = format!("authorization: Basic {pair}\r\n");
            }
            "client_secret_post" => {
                add("client_id", &client.id);
                add("client_secret", secret);
            }
            "private_key_jwt" => {
                add("client_assertion_type", ASSERTION);
                add("client_assertion", &self.assertion()?);
            }
            _ => add("client_id", &client.id),
        }
        let (host, length) = (&self.address, form.len());
        Ok(format!(
            "POST {path} HTTP/1.1\r\nhost: {host}\r\n{authorization}content-type: \
             application/x-www-form-urlencoded\r\ncontent-length: {length}\r\n\r\n{form}"
        )
        .into_bytes())
    }

    fn form(endpoint: &Endpoint, mut form: String, names: &Names) -> String {
        for (name, value) in &endpoint.form {
            if !form.is_empty() {
                form.push('&');
            }
            percent(name, &mut form);
            form.push('=');
            percent(&template::text(value, names), &mut form);
        }
        form
    }

    /// Starts a request; its `auth_req_id` joins the names.
    pub(crate) async fn authorize(
        &self,
        connection: &mut Connection,
        request: &mut Request,
    ) -> Result<(), String> {
        let endpoint = &self.target.authorize;
        let form = Self::form(endpoint, String::new(), &request.names);
        let status = connection.send(&self.post(&endpoint.path, form)?).await?;
        if status != 200 {
            return Err(format!("authorize {status} {}", error_code(&connection.body)));
        }
        let body: Value =
            serde_json::from_slice(&connection.body).map_err(|_| "authorize: not JSON")?;
        let id = body["auth_req_id"].as_str().ok_or("authorize: no auth_req_id")?;
        request.names.insert("auth_req_id".to_owned(), id.to_owned());
        Ok(())
    }

    /// The bytes of a poll.
    pub(crate) fn poll(&self, auth_req_id: &str, names: &Names) -> Result<Vec<u8>, String> {
        let mut first = String::from("grant_type=");
        percent(CIBA, &mut first);
        first.push_str("&auth_req_id=");
        percent(auth_req_id, &mut first);
        let endpoint = &self.target.token;
        self.post(&endpoint.path, Self::form(endpoint, first, names))
    }

    /// Makes the steps that approve a request; when the last of them, the decision, was sent.
    pub(crate) async fn approve(
        &self,
        connection: &mut Connection,
        request: &mut Request,
    ) -> Result<Instant, String> {
        let mut sent = Instant::now();
        for (number, step) in self.target.approve.iter().enumerate() {
            sent = Instant::now();
            self.step(connection, step, &mut request.names, &request.started)
                .await
                .map_err(|why| format!("approve[{number}] {why}"))?;
        }
        Ok(sent)
    }

    /// The bytes of a step, with its JWS signed now.
    pub(crate) fn prepare(&self, step: &Step, names: &mut Names) -> Result<Vec<u8>, String> {
        if let Some(jws) = &step.jws {
            let (now, jwk) = (now_s(), &self.target.device_jwk);
            let key = self.device_key.as_ref().ok_or("the target has no device_key")?;
            let header = template::data(&jws.header, names, now, jwk);
            let signed = key.jws(&header, &template::data(&jws.payload, names, now, jwk))?;
            names.insert("jws".to_owned(), signed);
        }
        Ok(self.bytes(step, names))
    }

    /// Makes one step and captures what the next ones need.
    pub(crate) async fn step(
        &self,
        connection: &mut Connection,
        step: &Step,
        names: &mut Names,
        started: &str,
    ) -> Result<(), String> {
        let bytes = self.prepare(step, names)?;
        let mut tries = 0;
        let body: Value = loop {
            let status = connection.send(&bytes).await?;
            if status != step.expect {
                return Err(format!("{status} {}", error_code(&connection.body)));
            }
            if step.capture.is_empty() && step.until_newer.is_none() {
                return Ok(());
            }
            let body: Value =
                serde_json::from_slice(&connection.body).map_err(|_| "not JSON".to_owned())?;
            let Some(pointer) = &step.until_newer else { break body };
            if body.pointer(pointer).and_then(Value::as_str).is_some_and(|at| at >= started) {
                break body;
            }
            tries += 1;
            if tries > TRIES {
                return Err("what was waited for did not come".to_owned());
            }
            tokio::time::sleep(PAUSE).await;
        };
        for (name, pointer) in &step.capture {
            let found = body.pointer(pointer).ok_or_else(|| format!("no {pointer}"))?;
            let found = found.as_str().map_or_else(|| found.to_string(), str::to_owned);
            names.insert(name.clone(), found);
        }
        Ok(())
    }

    fn bytes(&self, step: &Step, names: &Names) -> Vec<u8> {
        let body = step.body.as_deref().map(|body| template::text(body, names)).unwrap_or_default();
        let mut headers = String::new();
        for (name, value) in &step.headers {
            headers.push_str(&format!("{name}: {}\r\n", template::text(value, names)));
        }
        if let Some(kind) = &step.content_type {
            headers.push_str(&format!("content-type: {kind}\r\n"));
        }
        if step.method != "GET" {
            headers.push_str(&format!("content-length: {}\r\n", body.len()));
        }
        let (method, path, host) = (&step.method, template::text(&step.path, names), &self.address);
        format!("{method} {path} HTTP/1.1\r\nhost: {host}\r\n{headers}\r\n{body}").into_bytes()
    }
}

/// The `error` of an answer, or nothing.
pub(crate) fn error_code(body: &[u8]) -> String {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    ["error", "errorCode"]
        .iter()
        .find_map(|name| body[*name].as_str().map(str::to_owned))
        .unwrap_or_default()
}
