//! The small HTTPS client behind `phone`, `ask` and `demo`: HTTP/1.1 and 2, one set of roots, a
//! time limit and a size limit on every answer.
//!
//! It trusts the certificate authorities it is given and nothing else. Plain HTTP is spoken to this
//! machine only.

use std::error::Error;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde_json::Value;
use url::{Host, Url};

use crate::terminal::{Failed, shown};

/// An answer must be there within this time.
const ANSWER_WITHIN: Duration = Duration::from_secs(20);
/// A stream that is silent for longer is over: servers remark that they are there.
const EVENT_WITHIN: Duration = Duration::from_secs(50);
/// No event may be larger.
const EVENT_BYTES: usize = 64 * 1024;
/// No answer may be larger.
const ANSWER_BYTES: usize = 1024 * 1024;
/// No file of certificate authorities may be larger.
const CA_FILE_BYTES: u64 = 2 * 1024 * 1024;

/// A client that trusts one set of certificate authorities.
#[derive(Clone, Debug)]
pub(crate) struct Https {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    has_roots: bool,
}

/// What a server said.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The status code.
    pub(crate) status: u16,
    /// Its headers.
    pub(crate) headers: HeaderMap,
    /// Its body.
    pub(crate) body: Bytes,
}

/// Extra request headers.
pub(crate) type Headers<'a> = &'a [(&'a str, &'a str)];

impl Https {
    /// A client that trusts the certificates in `ca_pem`; none: it speaks to this machine's plain
    /// HTTP only.
    pub(crate) fn trusting(ca_pem: Option<&str>) -> Result<Self, Failed> {
        let mut roots = rustls::RootCertStore::empty();
        if let Some(pem) = ca_pem {
            for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
                let certificate = certificate.map_err(|error| {
                    Failed::because(format!("--ca: the file is no PEM text: {error}"))
                })?;
                // A bundle may hold roots that rustls cannot use; the others count all the same.
                roots.add_parsable_certificates([certificate]);
            }
            if roots.is_empty() {
                return Err(Failed::because(
                    "--ca: the file holds no usable certificate; name a PEM file with CERTIFICATE blocks",
                ));
            }
        }
        let has_roots = !roots.is_empty();
        let provider = std::sync::Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| Failed::because(format!("TLS cannot be set up: {error}")))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_all_versions()
            .build();
        Ok(Self { client: Client::builder(TokioExecutor::new()).build(connector), has_roots })
    }

    /// `GET url`.
    pub(crate) async fn get(&self, url: &Url, headers: Headers<'_>) -> Result<Answer, Failed> {
        self.send(Method::GET, url, headers, Bytes::new()).await
    }

    /// `POST url` with a form.
    pub(crate) async fn post_form(
        &self,
        url: &Url,
        headers: Headers<'_>,
        fields: &[(&str, &str)],
    ) -> Result<Answer, Failed> {
        let body =
            url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let mut all = vec![(CONTENT_TYPE.as_str(), "application/x-www-form-urlencoded")];
        all.extend_from_slice(headers);
        self.send(Method::POST, url, &all, Bytes::from(body)).await
    }

    /// `POST url` with a JSON document.
    pub(crate) async fn post_json(
        &self,
        url: &Url,
        headers: Headers<'_>,
        document: &Value,
    ) -> Result<Answer, Failed> {
        let mut all = vec![(CONTENT_TYPE.as_str(), "application/json")];
        all.extend_from_slice(headers);
        self.send(Method::POST, url, &all, Bytes::from(document.to_string())).await
    }

    /// `DELETE url`.
    pub(crate) async fn delete(&self, url: &Url, headers: Headers<'_>) -> Result<Answer, Failed> {
        self.send(Method::DELETE, url, headers, Bytes::new()).await
    }

    async fn send(
        &self,
        method: Method,
        url: &Url,
        headers: Headers<'_>,
        body: Bytes,
    ) -> Result<Answer, Failed> {
        let request = self.request(method, url, headers, body)?;
        match tokio::time::timeout(ANSWER_WITHIN, self.exchange(url, request)).await {
            Ok(answer) => answer,
            Err(_elapsed) => Err(Failed::because(format!(
                "{} gave no answer within {} seconds; look at the server's log",
                origin(url),
                ANSWER_WITHIN.as_secs()
            ))),
        }
    }

    fn request(
        &self,
        method: Method,
        url: &Url,
        headers: Headers<'_>,
        body: Bytes,
    ) -> Result<Request<Full<Bytes>>, Failed> {
        self.check(url)?;
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = method;
        *request.uri_mut() = url
            .as_str()
            .parse()
            .map_err(|error| Failed::usage(format!("{url} cannot be requested: {error}")))?;
        request.headers_mut().insert(ACCEPT, HeaderValue::from_static("application/json"));
        for (name, value) in headers {
            let pair =
                HeaderName::from_bytes(name.as_bytes()).ok().zip(HeaderValue::from_str(value).ok());
            let Some((name, value)) = pair else {
                return Err(Failed::usage(format!(
                    "the value for {name} has a character that a header cannot carry"
                )));
            };
            request.headers_mut().insert(name, value);
        }
        Ok(request)
    }

    /// `GET url` of a stream of server-sent events.
    pub(crate) async fn events(&self, url: &Url, headers: Headers<'_>) -> Result<Events, Failed> {
        let request = self.request(Method::GET, url, headers, Bytes::new())?;
        let lost = |why: String| Failed::because(format!("{}: {why}", origin(url)));
        let response = tokio::time::timeout(ANSWER_WITHIN, self.client.request(request)).await;
        let response = response.map_err(|_elapsed| lost(String::from("gave no answer")))?;
        let response = response.map_err(|error| unreachable_server(url, &error))?;
        if !response.status().is_success() {
            return Err(lost(format!("gave no events: {}", response.status())));
        }
        Ok(Events { body: response.into_body(), held: Vec::new() })
    }

    async fn exchange(&self, url: &Url, request: Request<Full<Bytes>>) -> Result<Answer, Failed> {
        let response =
            self.client.request(request).await.map_err(|error| unreachable_server(url, &error))?;
        let (head, body) = response.into_parts();
        let body = Limited::new(body, ANSWER_BYTES).collect().await.map_err(|error| {
            Failed::because(format!("the answer of {} cannot be read: {error}", origin(url)))
        })?;
        Ok(Answer { status: head.status.as_u16(), headers: head.headers, body: body.to_bytes() })
    }

    fn check(&self, url: &Url) -> Result<(), Failed> {
        match url.scheme() {
            "https" if self.has_roots => Ok(()),
            "https" => Err(Failed::usage(format!(
                "no certificate authority to check {} with; name one with --ca FILE (`aizuchi dev` shows its own as ca_file)",
                origin(url)
            ))),
            "http" if is_this_machine(url) => Ok(()),
            "http" => Err(Failed::usage(format!(
                "{} is plain HTTP to another machine; use its https address",
                origin(url)
            ))),
            other => {
                Err(Failed::usage(format!("{other}: is no address of a server; use https://…")))
            }
        }
    }
}

/// A stream of server-sent events.
pub(crate) struct Events {
    body: Incoming,
    held: Vec<u8>,
}

impl Events {
    /// Waits for the next event or remark; `false`: the stream is over.
    pub(crate) async fn next(&mut self) -> bool {
        loop {
            if let Some(end) = self.held.windows(2).position(|two| two == b"\n\n") {
                self.held.drain(..end + 2);
                return true;
            }
            let frame = tokio::time::timeout(EVENT_WITHIN, self.body.frame()).await;
            let Ok(Some(Ok(frame))) = frame else { return false };
            let data = frame.into_data().unwrap_or_default();
            self.held.extend_from_slice(&data);
            if self.held.len() > EVENT_BYTES {
                return false;
            }
        }
    }
}

impl Answer {
    /// Whether the status is 2xx.
    pub(crate) const fn is_success(&self) -> bool {
        self.status >= 200 && self.status < 300
    }

    /// The body as JSON; `Null` if it is none.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// The value of a header, if it is text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// What the server says went wrong, in its own words: `400 invalid_request: …`.
    pub(crate) fn complaint(&self) -> String {
        let body = self.json();
        let text = |name: &str| body.get(name).and_then(Value::as_str);
        let code = text("errorCode").or_else(|| text("error")).unwrap_or("no error code");
        let words = text("error_description").or_else(|| text("message")).unwrap_or_default();
        shown(format!("{} {code}: {words}", self.status).trim_end_matches([':', ' ']))
    }
}

/// The text of a PEM file with certificate authorities.
pub(crate) fn read_ca(file: &Path) -> Result<String, Failed> {
    let wrong = |what: String| Failed::because(format!("--ca {}: {what}", file.display()));
    let size = std::fs::metadata(file).map_err(|error| wrong(error.to_string()))?.len();
    if size > CA_FILE_BYTES {
        return Err(wrong(format!("is larger than {CA_FILE_BYTES} bytes; name a PEM file")));
    }
    std::fs::read_to_string(file).map_err(|error| wrong(error.to_string()))
}

/// An address given on the command line: https, or http on this machine; ends with a slash.
pub(crate) fn base(text: &str) -> Result<Url, Failed> {
    let text = if text.contains("://") { text.to_owned() } else { format!("https://{text}") };
    let mut url = Url::parse(&text)
        .map_err(|error| Failed::usage(format!("{text} is no address: {error}")))?;
    let is_web = matches!(url.scheme(), "http" | "https");
    if !is_web || url.query().is_some() || url.fragment().is_some() {
        return Err(Failed::usage(format!(
            "{text}: write an address such as https://localhost:8443/"
        )));
    }
    if !url.path().ends_with('/') {
        let path = format!("{}/", url.path());
        url.set_path(&path);
    }
    Ok(url)
}

/// `path` below a base that ends with a slash.
pub(crate) fn below(base: &Url, path: &str) -> Result<Url, Failed> {
    base.join(path).map_err(|error| Failed::usage(format!("{base}{path} is no address: {error}")))
}

/// Scheme, host and port, for messages.
pub(crate) fn origin(url: &Url) -> String {
    url.origin().ascii_serialization()
}

fn is_this_machine(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

fn unreachable_server(url: &Url, error: &(dyn Error + 'static)) -> Failed {
    let mut deepest = error;
    while let Some(source) = deepest.source() {
        deepest = source;
    }
    let cause = deepest.to_string();
    let advice = if cause.contains("UnknownIssuer") || cause.contains("certificate") {
        "the authority of --ca did not sign its certificate; name the right file (`aizuchi dev` shows its own as ca_file)"
    } else {
        "is the server running there?"
    };
    Failed::because(format!("cannot reach {} ({cause}): {advice}", origin(url)))
}

#[cfg(test)]
mod tests {
    use super::{Https, base, below, is_this_machine};

    #[test]
    fn addresses_are_completed_with_scheme_and_slash() {
        assert_eq!(base("localhost:8443").unwrap().as_str(), "https://localhost:8443/");
        assert_eq!(base("https://h/t/acme").unwrap().as_str(), "https://h/t/acme/");
        assert!(base("https://h/?a=b").is_err());
        assert!(base("mailto://").is_err());
        let acme = base("https://h/t/acme").unwrap();
        assert_eq!(below(&acme, "oauth/token").unwrap().as_str(), "https://h/t/acme/oauth/token");
    }

    #[test]
    fn plain_http_stays_on_this_machine() {
        let client = Https::trusting(None).unwrap();
        assert!(client.check(&base("http://localhost:8080").unwrap()).is_ok());
        assert!(client.check(&base("http://127.0.0.1:8080").unwrap()).is_ok());
        assert!(client.check(&base("http://192.0.2.1:8080").unwrap()).is_err());
        assert!(client.check(&base("https://localhost:8443").unwrap()).is_err(), "no roots");
        assert!(!is_this_machine(&base("https://localhost.example.com").unwrap()));
    }

    #[test]
    fn a_file_without_certificates_is_no_authority() {
        assert!(Https::trusting(Some("hello")).is_err());
    }
}
