//! The way to the authority: `instant-acme`'s calls through our one window for calls to others.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, Request, Response};
use http_body_util::{BodyExt, Full};
use instant_acme::{BodyWrapper, BytesResponse, Error, HttpClient};
use url::Url;

use crate::outside::{Answer, Call, CallLimits, Lane, Outbound};

/// What a call may cost.
const LIMITS: CallLimits = CallLimits { within: Duration::from_secs(30), answer_bytes: 256 * 1024 };
/// Headers that the window writes itself, from the address and the body.
const ITS_OWN: [HeaderName; 2] = [http::header::HOST, http::header::CONTENT_LENGTH];

/// Carries what is said to an authority.
pub(super) struct Authority(pub(super) Arc<dyn Outbound>);

impl HttpClient for Authority {
    fn request(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        let outbound = Arc::clone(&self.0);
        Box::pin(async move {
            let call = call(request).await?;
            let answer = outbound.call(call).await.map_err(|error| Error::Other(error.into()))?;
            respond(answer)
        })
    }
}

async fn call(request: Request<BodyWrapper<Bytes>>) -> Result<Call, Error> {
    let (head, body) = request.into_parts();
    let url = Url::parse(&head.uri.to_string()).map_err(|error| Error::Other(error.into()))?;
    let named = head.headers.iter().filter(|(name, _)| !ITS_OWN.contains(name));
    let headers = named.map(|(name, value)| (name.clone(), value.clone())).collect();
    let body = body.collect().await.map_err(|error| Error::Other(error.into()))?.to_bytes();
    let lane = Lane { name: String::from("acme"), identity: None, is_http2: false };
    // A request is signed over a nonce that the authority takes once: a second try is a new request.
    let is_repeatable = head.method == http::Method::GET || head.method == http::Method::HEAD;
    Ok(Call { method: head.method, url, headers, body, lane, limits: LIMITS, is_repeatable })
}

fn respond(answer: Answer) -> Result<BytesResponse, Error> {
    if answer.is_too_long {
        return Err(Error::Other("the authority's answer is too long".into()));
    }
    let mut response = Response::new(Full::new(answer.body));
    *response.status_mut() =
        http::StatusCode::from_u16(answer.status).map_err(|error| Error::Other(error.into()))?;
    *response.headers_mut() = answer.headers;
    Ok(BytesResponse::from(response))
}
