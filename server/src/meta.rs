//! What a request tells about its sender, for the log: address, program, SDK.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::ConnectInfo;
use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use http::{HeaderMap, header, request::Parts};
use serde_json::Value;
use store::operators::Operator;

use crate::presented::Presented;

/// Header values longer than this are not kept.
const HEADER_BYTES: usize = 512;

/// The sender of one request, as it says and as we see it.
#[derive(Clone, Debug, Default)]
pub struct Meta {
    /// The client's address: the peer's, or what a trusted proxy says.
    pub ip: Option<IpAddr>,
    /// `User-Agent`.
    pub user_agent: Option<String>,
    /// `Host`.
    pub hostname: String,
    /// `Auth0-Client`, decoded; absent if it cannot be (G10).
    pub auth0_client: Option<Value>,
    /// The client certificate it came with.
    pub certificate: Option<Arc<Presented>>,
    /// `DPoP`; several headers are one text that is no proof.
    pub proof: Option<String>,
    /// Who acts, where a person does it in the console.
    pub operator: Option<Operator>,
}

impl Meta {
    /// The same request, as one of this operator.
    #[must_use]
    pub fn by(&self, operator: &Operator) -> Self {
        Self { operator: Some(operator.clone()), ..self.clone() }
    }

    /// Reads what `parts` tells.
    pub(crate) fn of(parts: &Parts) -> Self {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        Self {
            ip: peer.map(|ConnectInfo(address)| address.ip()),
            user_agent: text(&parts.headers, header::USER_AGENT.as_str()),
            hostname: host(parts).to_owned(),
            auth0_client: text(&parts.headers, "auth0-client").and_then(|text| decode(&text)),
            certificate: parts.extensions.get::<Arc<Presented>>().cloned(),
            proof: proof(&parts.headers),
            operator: None,
        }
    }
}

/// The proofs of all `DPoP` headers, of which there may be one (RFC 9449 4.3).
fn proof(headers: &HeaderMap) -> Option<String> {
    let proofs: Vec<_> = headers.get_all("dpop").iter().collect();
    let texts = proofs.iter().map(|proof| proof.to_str().unwrap_or_default());
    (!proofs.is_empty()).then(|| texts.collect::<Vec<_>>().join(","))
}

/// The host that the request names: `Host`, or HTTP/2's `:authority`.
pub(crate) fn host(parts: &Parts) -> &str {
    parts
        .headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
        .or_else(|| parts.uri.authority().map(http::uri::Authority::as_str))
        .unwrap_or_default()
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    let text = headers.get(name)?.to_str().ok()?;
    (text.len() <= HEADER_BYTES).then(|| text.to_owned())
}

/// SDKs write it in the standard or the URL alphabet, with or without padding.
fn decode(text: &str) -> Option<Value> {
    const LENIENT: GeneralPurposeConfig =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let bytes = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT)
        .decode(text)
        .or_else(|_not_url_safe| GeneralPurpose::new(&alphabet::STANDARD, LENIENT).decode(text))
        .ok()?;
    serde_json::from_slice::<Value>(&bytes).ok().filter(Value::is_object)
}

#[cfg(test)]
mod tests {
    use super::decode;

    #[test]
    fn both_alphabets_are_read_and_anything_else_is_no_reason_to_fail() {
        let android = "eyJuYW1lIjoiR3VhcmRpYW4uQW5kcm9pZCIsInZlcnNpb24iOiIwLjExLjAifQ";
        assert_eq!(decode(android).unwrap()["name"], "Guardian.Android");
        assert_eq!(decode(&format!("{android}==")).unwrap()["version"], "0.11.0");
        assert_eq!(decode("plain-client-id"), None);
        assert_eq!(decode("bnVsbA"), None);
    }
}
