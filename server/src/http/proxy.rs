//! What a trusted proxy says of a request it passes on: the client's address, the host it asked
//! for, its certificate. From anybody else these headers count for nothing. The proxy in front of
//! a custom domain with certificates of its own is trusted by the key it was given.
//!
//! Only the family of headers that is configured is read: a proxy that writes one family passes the
//! other on as the client sent it.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::{ConnectInfo, Request};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::oauth::certificate::Certificate;
use http::header::{FORWARDED, HOST};
use http::request::Parts;
use http::{HeaderMap, HeaderValue};
use percent_encoding::percent_decode_str;
use store::custom_domains;

use crate::App;
use crate::config::{CertificateHeaders, ForwardedHeaders};
use crate::failure::Failure;
use crate::http::context;
use crate::listen::{MAX_CHAIN, PeerCertificates};
use crate::meta;
use crate::presented::{Assurance, Presented};
use crate::tenancy::host_name;

/// W45: a longer `client-certificate` is not read.
const CERTIFICATE_HEADER_BYTES: usize = 4096;
/// Longest value of the other headers.
const HEADER_BYTES: usize = 16 * 1024;
/// Most addresses that are looked at, from the nearest on.
const HOPS: usize = 32;
/// How a verified certificate begins in `client-certificate-ca-verified` (W42).
const VERIFIED: &str = "SUCCESS";
/// How another begins (W43).
const UNVERIFIED: &str = "FAILED";

/// Puts what a trusted proxy says in place of what the connection shows.
pub(crate) fn apply(app: &App, request: &mut Request) {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0);
    let proxy = &app.config.proxy;
    let is_trusted = |ip: IpAddr| proxy.trusted.iter().any(|network| network.contains(ip));
    if let Some(peer) = peer.filter(|peer| is_trusted(peer.ip())) {
        let said = match proxy.headers {
            ForwardedHeaders::None => Said::default(),
            ForwardedHeaders::XForwarded => x_forwarded(request.headers()),
            ForwardedHeaders::Forwarded => forwarded(request.headers()),
        };
        if let Some(ip) = client_of(&said.addresses, is_trusted) {
            request.extensions_mut().insert(ConnectInfo(SocketAddr::new(ip, peer.port())));
        }
        if let Some(host) = said.host.and_then(|host| HeaderValue::try_from(host).ok()) {
            request.headers_mut().insert(HOST, host);
        }
        let presented = match proxy.client_certificate {
            CertificateHeaders::None => None,
            CertificateHeaders::Plain => plain(request.headers()),
            CertificateHeaders::Rfc9440 => rfc9440(request.headers()),
        };
        if let Some(presented) = presented {
            request.extensions_mut().insert(Arc::new(presented));
        }
    }
    if request.extensions().get::<Arc<Presented>>().is_none()
        && let Some(PeerCertificates(ders)) = request.extensions().get::<PeerCertificates>()
        && let Some(presented) = Presented::read(ders, Assurance::Ours)
    {
        request.extensions_mut().insert(Arc::new(presented));
    }
}

/// The certificate in the headers of the proxy in front of a custom domain, which shows the key of
/// that domain (W42 to W44).
pub(crate) async fn apply_edge(app: &App, parts: &mut Parts) -> Result<(), Failure> {
    let Some(key) = only(&parts.headers, "cname-api-key") else { return Ok(()) };
    let Some(presented) = plain(&parts.headers) else { return Ok(()) };
    let Some(context) = context::resolve(parts, app).await? else { return Ok(()) };
    let host = host_name(meta::host(parts)).to_ascii_lowercase();
    let domain = custom_domains::by_domain(&app.database, &context.tenant.id, &host).await?;
    let hash = domain.and_then(|domain| domain.api_key_hash);
    if hash.is_some_and(|hash| hash.matches(key.as_bytes())) {
        parts.extensions.insert(Arc::new(presented));
    }
    Ok(())
}

/// What the headers of one request say.
#[derive(Debug, Default, PartialEq, Eq)]
struct Said {
    /// The addresses it came through, the nearest last; `None` where one cannot be read.
    addresses: Vec<Option<IpAddr>>,
    host: Option<String>,
}

/// The nearest address that is none of our proxies: what stands before it is hearsay.
fn client_of(addresses: &[Option<IpAddr>], is_trusted: impl Fn(IpAddr) -> bool) -> Option<IpAddr> {
    let mut last = None;
    for address in addresses.iter().rev().take(HOPS) {
        last = Some((*address)?);
        if !address.is_some_and(&is_trusted) {
            break;
        }
    }
    last
}

fn x_forwarded(headers: &HeaderMap) -> Said {
    let addresses = values(headers, "x-forwarded-for")
        .flat_map(|value| value.split(','))
        .map(address)
        .collect();
    // One proxy appends to what another wrote: the nearest word is the last one.
    let host = values(headers, "x-forwarded-host")
        .flat_map(|value| value.split(','))
        .last()
        .map(|host| host.trim().to_owned())
        .filter(|host| !host.is_empty());
    Said { addresses, host }
}

/// RFC 7239: `for=192.0.2.60;proto=https;host=login.example.com, for="[2001:db8::1]:80"`.
fn forwarded(headers: &HeaderMap) -> Said {
    let mut said = Said::default();
    for element in values(headers, FORWARDED.as_str()).flat_map(|value| value.split(',')) {
        let mut address_here = None;
        for pair in element.split(';') {
            let Some((name, value)) = pair.split_once('=') else { continue };
            let value = value.trim().trim_matches('"');
            if name.trim().eq_ignore_ascii_case("for") {
                address_here = address(value);
            } else if name.trim().eq_ignore_ascii_case("host") && !value.is_empty() {
                said.host = Some(value.to_owned());
            }
        }
        said.addresses.push(address_here);
    }
    said
}

/// The values of a header, as far as they are text and not too long.
fn values<'h>(headers: &'h HeaderMap, name: &str) -> impl Iterator<Item = &'h str> {
    headers
        .get_all(name)
        .into_iter()
        .filter_map(|value| value.to_str().ok())
        .filter(|value| value.len() <= HEADER_BYTES)
}

/// An address with or without port and brackets.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = text.trim_start_matches('[');
    let bare = bare.split_once(']').map_or(bare, |(inside, _)| inside);
    bare.parse()
        .ok()
        .or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()))
        .map(|ip: IpAddr| ip.to_canonical())
}

/// `client-certificate`: a PEM text, percent-encoded; `client-certificate-ca-verified` says what
/// the proxy thinks of it. nginx writes the same as `$ssl_client_escaped_cert` and
/// `$ssl_client_verify`.
fn plain(headers: &HeaderMap) -> Option<Presented> {
    let text = only(headers, "client-certificate")?;
    if text.len() > CERTIFICATE_HEADER_BYTES {
        return None;
    }
    let verified = only(headers, "client-certificate-ca-verified")?;
    let assurance = match verified.split_once(':').map_or(verified, |(word, _)| word).trim() {
        VERIFIED => Assurance::ProxyVouches,
        UNVERIFIED => Assurance::NobodyVouches,
        _ => return None,
    };
    let pem = percent_decode_str(text).decode_utf8().ok()?;
    let certificate = Certificate::from_pem(&pem)?;
    Some(Presented { certificate, chain: Vec::new(), assurance })
}

/// RFC 9440: `Client-Cert` and `Client-Cert-Chain`, byte sequences of RFC 8941.
fn rfc9440(headers: &HeaderMap) -> Option<Presented> {
    let first = bytes(only(headers, "client-cert")?)?;
    let mut ders = vec![first];
    for value in values(headers, "client-cert-chain").flat_map(|value| value.split(',')) {
        if ders.len() >= MAX_CHAIN {
            return None;
        }
        ders.push(bytes(value)?);
    }
    Presented::read(&ders, Assurance::Ours)
}

/// The value of a header that stands there once: of two, one is forged.
fn only<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let mut all = headers.get_all(name).into_iter();
    let (value, None) = (all.next()?, all.next()) else { return None };
    value.to_str().ok().filter(|value| value.len() <= HEADER_BYTES)
}

fn bytes(item: &str) -> Option<Vec<u8>> {
    let inner = item.trim().strip_prefix(':')?.strip_suffix(':')?;
    STANDARD.decode(inner).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn headers(pairs: &[(&'static str, &[u8])]) -> HeaderMap {
        let value = |bytes: &[u8]| HeaderValue::from_bytes(bytes).ok();
        pairs
            .iter()
            .filter_map(|(name, bytes)| Some(((*name).parse().ok()?, value(bytes)?)))
            .collect()
    }

    /// What a proxy might write, and bytes out of nowhere.
    fn value() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            prop::collection::vec(any::<u8>(), 0..120),
            "(SUCCESS|FAILED|NONE)(:[a-z ]{0,9})?".prop_map(String::into_bytes),
            "-----BEGIN(%20| )CERTIFICATE-----(%0A|\n)[A-Za-z0-9+/%]{0,90}(-----END CERTIFICATE-----)?"
                .prop_map(String::into_bytes),
            "(:[A-Za-z0-9+/]{0,60}={0,2}:,? ?){0,12}".prop_map(String::into_bytes),
            "((for|host|proto|by)=\"?[\\[\\]0-9a-f:._]{0,40}\"?[;,] ?){0,9}"
                .prop_map(String::into_bytes),
            "([0-9a-f:.\\[\\]]{0,40}, ?){0,40}".prop_map(String::into_bytes),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(10_000) })]

        /// O361: no header of a proxy does harm, and no certificate comes out of nothing.
        #[test]
        fn any_header_of_a_proxy_is_read_or_ignored(one in value(), two in value()) {
            let all = headers(&[
                ("client-certificate", &one),
                ("client-certificate-ca-verified", &two),
                ("client-cert", &one),
                ("client-cert-chain", &two),
                ("forwarded", &one),
                ("x-forwarded-for", &one),
                ("x-forwarded-host", &two),
            ]);
            prop_assert!(plain(&all).is_none());
            prop_assert!(rfc9440(&all).is_none());
            for said in [x_forwarded(&all), forwarded(&all)] {
                let _nobody = client_of(&said.addresses, |ip| ip.is_loopback());
            }
        }
    }
}
