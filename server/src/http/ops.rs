//! Health and metrics, on the operators' own listener.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{HeaderValue, StatusCode, header};
use serde_json::json;

use crate::App;
use crate::metrics::CONTENT_TYPE;

/// The operators' paths.
pub fn router(app: Arc<App>) -> Router {
    Router::new()
        .route("/health/live", get(live))
        .route("/health/ready", get(ready))
        .route("/metrics", get(metrics))
        .with_state(app)
}

/// Counters and histograms in Prometheus' words.
async fn metrics(State(app): State<Arc<App>>) -> Response {
    match app.metrics.render(&app) {
        Ok(page) => ([(header::CONTENT_TYPE, CONTENT_TYPE)], page).into_response(),
        Err(error) => {
            tracing::error!(%error, "the metrics cannot be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// The process runs.
async fn live() -> Response {
    answer(StatusCode::OK, "UP", &[])
}

/// The database takes what we would write, and its schema is the one we know.
async fn ready(State(app): State<Arc<App>>) -> Response {
    if let Err(error) = app.database.health().await {
        tracing::warn!(%error, "not ready: the database does not answer");
        return down(&[("database", "DOWN", error.to_string())]);
    }
    let up = ("database", "UP", String::new());
    let why = match app.database.missing_migrations().await {
        Ok(missing) if missing.is_empty() => {
            return answer(StatusCode::OK, "UP", &[up, ("schema", "UP", String::new())]);
        }
        Ok(missing) => format!("run `aizuchi migrate`; not applied: {}", missing.join(", ")),
        Err(error) => error.to_string(),
    };
    tracing::warn!(why, "not ready: the schema is another");
    down(&[up, ("schema", "DOWN", why)])
}

fn down(checks: &[(&str, &str, String)]) -> Response {
    let mut response = answer(StatusCode::SERVICE_UNAVAILABLE, "DOWN", checks);
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
    response
}

fn answer(status: StatusCode, verdict: &str, checks: &[(&str, &str, String)]) -> Response {
    let checks: Vec<_> = checks
        .iter()
        .map(|(name, status, detail)| {
            if detail.is_empty() {
                json!({ "name": name, "status": status })
            } else {
                json!({ "name": name, "status": status, "detail": detail })
            }
        })
        .collect();
    let body = json!({ "status": verdict, "checks": checks }).to_string();
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (status, headers, body).into_response()
}
