//! A local stand-in of an authority (RFC 8555): it keeps nonces, checks signatures, looks at the
//! host by TLS-ALPN-01 as RFC 8737 says, and signs what it is asked to. It can be told to fail.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::jose::PublicKey;
use http::StatusCode;
use rcgen::{CertificateSigningRequestParams, CustomExtension};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, CertificateSigningRequestDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};
use serde_json::{Value, json};
use server::listen::{DevCa, Drain, Limits, serve_connections, server_config_from_pem};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;

use super::authority::Authority;

/// How the authority behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mood {
    Kind,
    /// 429 to every order.
    Busy,
    /// The first nonce of each kind is refused, as RFC 8555 6.5 allows.
    Forgetful,
    /// Certificates for another host.
    Confused,
    /// An order stays invalid.
    Stern,
    /// Answers that are no JSON.
    Broken,
}

pub(crate) struct StandIn {
    pub(crate) directory: String,
    pub(crate) ca_file: PathBuf,
    pub(crate) state: Arc<Shared>,
    drain: Drain,
    _folder: tempfile::TempDir,
}

impl Drop for StandIn {
    fn drop(&mut self) {
        self.drain.begin();
    }
}

pub(crate) struct Shared {
    base: String,
    issuer: Authority,
    inner: Mutex<Inner>,
}

struct Inner {
    mood: Mood,
    /// Where hosts are looked for, whatever they are called.
    hosts_at: SocketAddr,
    nonces: HashSet<String>,
    next: u64,
    accounts: Vec<Value>,
    orders: Vec<Order>,
    has_forgotten: bool,
}

struct Order {
    host: String,
    status: &'static str,
    problem: Option<String>,
    chain: String,
}

impl Shared {
    pub(crate) fn set(&self, mood: Mood, hosts_at: SocketAddr) {
        let mut inner = self.inner.lock().unwrap();
        (inner.mood, inner.hosts_at) = (mood, hosts_at);
    }

    pub(crate) fn accounts(&self) -> usize {
        self.inner.lock().unwrap().accounts.len()
    }

    pub(crate) fn orders(&self) -> usize {
        self.inner.lock().unwrap().orders.len()
    }

    fn nonce(&self) -> String {
        let mut inner = self.inner.lock().unwrap();
        inner.next += 1;
        let nonce = format!("nonce-{}", inner.next);
        inner.nonces.insert(nonce.clone());
        nonce
    }

    fn answer(&self, status: StatusCode, location: &str, body: &Value) -> Response {
        let headers = [
            ("replay-nonce", self.nonce()),
            ("location", location.to_owned()),
            ("content-type", String::from("application/json")),
        ];
        (status, headers, body.to_string()).into_response()
    }

    fn problem(&self, status: u16, kind: &str, detail: &str) -> Response {
        let kind = format!("urn:ietf:params:acme:error:{kind}");
        let body = json!({ "type": kind, "detail": detail, "status": status });
        self.answer(StatusCode::from_u16(status).unwrap(), "", &body)
    }

    fn bad_nonce(&self) -> Response {
        self.problem(400, "badNonce", "another nonce, please")
    }

    /// The payload of a signed request to `path`, and the account's number; `None` if the nonce is
    /// not one of ours.
    fn open(&self, path: &str, body: &[u8]) -> Option<(Value, usize)> {
        let request: Value = serde_json::from_slice(body).unwrap();
        let part = |name: &str| request[name].as_str().unwrap().to_owned();
        let decoded = |text: &str| URL_SAFE_NO_PAD.decode(text).unwrap();
        let header: Value = serde_json::from_slice(&decoded(&part("protected"))).unwrap();
        assert_eq!(header["alg"], "ES256");
        assert_eq!(header["url"], format!("{}{path}", self.base), "signed for another address");
        let mut inner = self.inner.lock().unwrap();
        let is_known = inner.nonces.remove(header["nonce"].as_str().unwrap());
        let forgets = inner.mood == Mood::Forgetful && !inner.has_forgotten;
        if !is_known || forgets {
            inner.has_forgotten = true;
            return None;
        }
        let account = header["kid"].as_str().map(|kid| {
            kid.rsplit('/').next().and_then(|number| number.parse::<usize>().ok()).unwrap()
        });
        let jwk = match account {
            Some(number) => inner.accounts[number].clone(),
            None => header["jwk"].clone(),
        };
        let (x, y) = (jwk["x"].as_str().unwrap(), jwk["y"].as_str().unwrap());
        let point = [vec![4], decoded(x), decoded(y)].concat();
        let signed = format!("{}.{}", part("protected"), part("payload"));
        let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point);
        let verified = key.verify(signed.as_bytes(), &decoded(&part("signature")));
        assert!(verified.is_ok(), "a forged signature");
        let account = account.or_else(|| inner.accounts.iter().position(|one| *one == jwk));
        let account = account.unwrap_or_else(|| {
            inner.accounts.push(jwk.clone());
            inner.accounts.len() - 1
        });
        let payload = decoded(&part("payload"));
        Some((serde_json::from_slice(&payload).unwrap_or(Value::Null), account))
    }

    fn order(&self, number: usize) -> Value {
        let inner = self.inner.lock().unwrap();
        let (order, base) = (&inner.orders[number], &self.base);
        let mut body = json!({
            "status": order.status,
            "identifiers": [{"type": "dns", "value": order.host}],
            "authorizations": [format!("{base}authorization/{number}")],
            "finalize": format!("{base}finalize/{number}"),
        });
        if order.status == "valid" {
            body["certificate"] = format!("{base}certificate/{number}").into();
        }
        body
    }
}

/// Starts one; hosts are looked for at `hosts_at`.
pub(crate) async fn start(hosts_at: SocketAddr) -> StandIn {
    let folder = tempfile::tempdir().unwrap();
    let ca = DevCa::open(folder.path()).unwrap();
    let (chain, key) = ca.issue(&["localhost"]).unwrap();
    let tls = server_config_from_pem(chain.as_bytes(), key.as_bytes()).unwrap();
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("https://localhost:{}/", socket.local_addr().unwrap().port());
    let inner = Inner {
        mood: Mood::Kind,
        hosts_at,
        nonces: HashSet::new(),
        next: 0,
        accounts: Vec::new(),
        orders: Vec::new(),
        has_forgotten: false,
    };
    let issuer = Authority::root("stand-in");
    let state = Arc::new(Shared { base: base.clone(), issuer, inner: Mutex::new(inner) });
    let router = Router::new()
        .route("/directory", get(directory))
        .route("/nonce", get(nonce))
        .route("/account", post(account))
        .route("/order", post(new_order))
        .route("/order/{number}", post(show_order))
        .route("/authorization/{number}", post(authorization))
        .route("/challenge/{number}", post(challenge))
        .route("/finalize/{number}", post(finalize))
        .route("/certificate/{number}", post(certificate))
        .with_state(Arc::clone(&state));
    let drain = Drain::default();
    tokio::spawn(serve_connections(
        socket,
        Some(tls.into()),
        router,
        Limits::DEFAULT,
        drain.clone(),
    ));
    let ca_file = ca.file().to_path_buf();
    StandIn { directory: format!("{base}directory"), ca_file, state, drain, _folder: folder }
}

type At = State<Arc<Shared>>;

async fn directory(State(at): At) -> Response {
    if at.inner.lock().unwrap().mood == Mood::Broken {
        return "<html>".into_response();
    }
    let base = &at.base;
    let body = json!({
        "newNonce": format!("{base}nonce"), "newAccount": format!("{base}account"),
        "newOrder": format!("{base}order"),
    });
    at.answer(StatusCode::OK, "", &body)
}

async fn nonce(State(at): At) -> Response {
    at.answer(StatusCode::OK, "", &Value::Null)
}

async fn account(State(at): At, body: Bytes) -> Response {
    let Some((payload, number)) = at.open("account", &body) else { return at.bad_nonce() };
    assert_eq!(payload["termsOfServiceAgreed"], true);
    let url = format!("{}account/{}", at.base, number);
    at.answer(StatusCode::CREATED, &url, &json!({ "status": "valid" }))
}

async fn new_order(State(at): At, body: Bytes) -> Response {
    let Some((payload, _)) = at.open("order", &body) else { return at.bad_nonce() };
    if at.inner.lock().unwrap().mood == Mood::Busy {
        return at.problem(429, "rateLimited", "too many orders, come back tomorrow");
    }
    let host = payload["identifiers"][0]["value"].as_str().unwrap().to_owned();
    let number = {
        let mut inner = at.inner.lock().unwrap();
        let order = Order { host, status: "pending", problem: None, chain: String::new() };
        inner.orders.push(order);
        inner.orders.len() - 1
    };
    at.answer(StatusCode::CREATED, &format!("{}order/{number}", at.base), &at.order(number))
}

async fn show_order(State(at): At, Path(number): Path<usize>, body: Bytes) -> Response {
    if at.open(&format!("order/{number}"), &body).is_none() {
        return at.bad_nonce();
    }
    at.answer(StatusCode::OK, "", &at.order(number))
}

async fn authorization(State(at): At, Path(number): Path<usize>, body: Bytes) -> Response {
    if at.open(&format!("authorization/{number}"), &body).is_none() {
        return at.bad_nonce();
    }
    let body = {
        let inner = at.inner.lock().unwrap();
        let order = &inner.orders[number];
        let status = if order.status == "ready" { "valid" } else { order.status };
        let mut challenge = json!({
            "type": "tls-alpn-01", "url": format!("{}challenge/{number}", at.base),
            "token": format!("token-{number}"), "status": status,
        });
        if let Some(problem) = &order.problem {
            challenge["error"] = json!({
                "type": "urn:ietf:params:acme:error:connection", "detail": problem, "status": 400,
            });
        }
        json!({
            "identifier": {"type": "dns", "value": order.host}, "status": status,
            "challenges": [challenge],
        })
    };
    at.answer(StatusCode::OK, "", &body)
}

async fn challenge(State(at): At, Path(number): Path<usize>, body: Bytes) -> Response {
    let Some((_, account)) = at.open(&format!("challenge/{number}"), &body) else {
        return at.bad_nonce();
    };
    let (host, hosts_at, jwk, mood) = {
        let inner = at.inner.lock().unwrap();
        let jwk = inner.accounts[account].clone();
        (inner.orders[number].host.clone(), inner.hosts_at, jwk, inner.mood)
    };
    let thumbprint = PublicKey::from_jwk(&jwk).unwrap().thumbprint();
    let expected = digest(&SHA256, format!("token-{number}.{thumbprint}").as_bytes());
    let looked = match mood {
        Mood::Stern => Err(String::from("no host of yours")),
        Mood::Kind | Mood::Busy | Mood::Forgetful | Mood::Confused | Mood::Broken => {
            look(&host, hosts_at, expected.as_ref()).await
        }
    };
    {
        let mut inner = at.inner.lock().unwrap();
        let order = &mut inner.orders[number];
        order.status = if looked.is_ok() { "ready" } else { "invalid" };
        order.problem = looked.err();
    }
    let body = json!({
        "type": "tls-alpn-01", "url": format!("{}challenge/{number}", at.base),
        "token": format!("token-{number}"), "status": "processing",
    });
    at.answer(StatusCode::OK, "", &body)
}

async fn finalize(State(at): At, Path(number): Path<usize>, body: Bytes) -> Response {
    let Some((payload, _)) = at.open(&format!("finalize/{number}"), &body) else {
        return at.bad_nonce();
    };
    let csr = URL_SAFE_NO_PAD.decode(payload["csr"].as_str().unwrap()).unwrap();
    let csr = CertificateSigningRequestDer::from(csr);
    let mut request = CertificateSigningRequestParams::from_der(&csr).unwrap();
    let host = at.inner.lock().unwrap().orders[number].host.clone();
    let names = &request.params.subject_alt_names;
    assert_eq!(names, &[rcgen::SanType::DnsName(host.as_str().try_into().unwrap())]);
    if at.inner.lock().unwrap().mood == Mood::Confused {
        let other = rcgen::SanType::DnsName("other.example".try_into().unwrap());
        request.params.subject_alt_names = vec![other];
    }
    request.params.not_before = rcgen::date_time_ymd(2026, 11, 1);
    request.params.not_after = rcgen::date_time_ymd(2027, 1, 30);
    let chain = at.issuer.signs(&request);
    {
        let mut inner = at.inner.lock().unwrap();
        let order = &mut inner.orders[number];
        (order.status, order.chain) = ("valid", chain);
    }
    at.answer(StatusCode::OK, &format!("{}order/{number}", at.base), &at.order(number))
}

async fn certificate(State(at): At, Path(number): Path<usize>, body: Bytes) -> Response {
    if at.open(&format!("certificate/{number}"), &body).is_none() {
        return at.bad_nonce();
    }
    let chain = at.inner.lock().unwrap().orders[number].chain.clone();
    let headers = [("replay-nonce", at.nonce())];
    (headers, chain).into_response()
}

/// Looks at the host as RFC 8737 3 says: by name, with the one protocol, at the one extension.
async fn look(host: &str, at: SocketAddr, expected: &[u8]) -> Result<(), String> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anything(provider)))
        .with_no_client_auth();
    config.alpn_protocols = vec![b"acme-tls/1".to_vec()];
    let socket = TcpStream::connect(at).await.map_err(|error| error.to_string())?;
    let name = ServerName::try_from(host.to_owned()).unwrap();
    let stream = TlsConnector::from(Arc::new(config)).connect(name, socket).await;
    let stream = stream.map_err(|error| error.to_string())?;
    let connection = stream.get_ref().1;
    if connection.alpn_protocol() != Some(b"acme-tls/1") {
        return Err(String::from("another protocol"));
    }
    let shown = connection.peer_certificates().ok_or("no certificate")?[0].clone();
    let extension = CustomExtension::new_acme_identifier(expected);
    let content = extension.content();
    let has_it = shown.windows(content.len()).any(|window| window == content);
    let read = domain::oauth::certificate::Certificate::from_der(&shown).unwrap();
    if has_it && read.dns_names() == [host] { Ok(()) } else { Err(String::from("not yours")) }
}

/// Takes any certificate.
#[derive(Debug)]
pub(crate) struct Anything(pub(crate) Arc<CryptoProvider>);

impl ServerCertVerifier for Anything {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    // The verifiers of rustls refuse the critical extension of RFC 8737 before they look at this.
    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
