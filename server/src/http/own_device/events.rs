//! `GET /device/v1/events`: server-sent events of a device's inbox (D8).

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use http::header;
use tokio::time::timeout;

use super::call::Call;
use super::error::Error;
use crate::flows::own_device::{self as flows, Listener};

/// A stream that says nothing for longer is taken for dead by what is between us.
const REMIND_EVERY: Duration = Duration::from_secs(15);

/// Events as they come, and comments as long as there are none.
pub(super) async fn events(call: Call) -> Result<Response, Error> {
    let listener = flows::listen(&call.app, &call.context, call.signed(), call.now).await;
    let listener = listener.map_err(|failure| Error::at(failure, call.now))?;
    Ok(stream_of(listener))
}

fn stream_of(listener: Listener) -> Response {
    let words = stream::unfold(Some(listener), |listener| async {
        let mut listener = listener?;
        match timeout(REMIND_EVERY, listener.next()).await {
            Err(_elapsed) => Some((Ok(Bytes::from_static(b": waiting\n\n")), Some(listener))),
            Ok(Ok(told)) => {
                let told = told?;
                let text = format!("event: {}\ndata: {}\n\n", told.name, told.data);
                Some((Ok(Bytes::from(text)), Some(listener)))
            }
            Ok(Err(broken)) => {
                tracing::error!(cause = %broken, "a device's stream of events ended early");
                Some((Err(std::io::Error::other("unavailable")), None))
            }
        }
    });
    let headers =
        [(header::CONTENT_TYPE, "text/event-stream"), (header::CACHE_CONTROL, "no-store")];
    (headers, Body::from_stream(words)).into_response()
}
