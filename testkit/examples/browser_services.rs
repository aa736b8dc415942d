//! What browsers and their people have of others, for the browser tests: a push service that a browser
//! subscribes at, and a mail server. Prints one line of JSON that says where they are, and runs until
//! its standard input ends.

#![expect(clippy::unwrap_used, reason = "what does not work here fails the test that uses it")]

use std::io::Write as _;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use serde_json::{Value, json};
use server::outside::Clock;
use testkit::push_services::PushServices;
use testkit::smtp::{SMTP_PASS, SMTP_USER, Smtp};
use tokio::net::TcpListener;

struct Services {
    push: PushServices,
    smtp: Smtp,
}

#[tokio::main]
async fn main() {
    let services =
        Services { push: PushServices::start(Clock::system).await, smtp: Smtp::start().await };
    let folder = tempfile::tempdir().unwrap();
    let ca_file = folder.path().join("ca.pem");
    let authorities = [services.push.ca_file(), services.smtp.ca_file()];
    let both = authorities.map(|file| std::fs::read_to_string(file).unwrap()).join("\n");
    std::fs::write(&ca_file, both).unwrap();
    let asking = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let card = json!({
        "ca_file": ca_file,
        "browsers": services.push.web.serves_browsers().await,
        "push": services.push.web.url(),
        "smtp": {
            "smtp_host": "localhost", "smtp_port": services.smtp.port(), "smtp_user": SMTP_USER,
            "smtp_pass": SMTP_PASS,
        },
        "told": format!("http://{}/", asking.local_addr().unwrap()),
    });
    let routes = Router::new()
        .route("/pushes", get(pushes))
        .route("/mails", get(mails))
        .route("/gone/{token}", post(gone))
        .with_state(Arc::new(services));
    tokio::spawn(async move { axum::serve(asking, routes).await });
    let mut out = std::io::stdout();
    writeln!(out, "{card}").unwrap();
    out.flush().unwrap();
    let wait = || std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
    tokio::task::spawn_blocking(wait).await.unwrap().unwrap();
}

/// What the push service took, and what browsers said of it.
async fn pushes(State(services): State<Arc<Services>>) -> String {
    let taken = services.push.web.received();
    let taken = taken.iter().map(|push| {
        let headers = push.headers.iter();
        let headers = headers.map(|(name, value)| (name.as_str(), value.to_str().unwrap()));
        let headers: serde_json::Map<String, Value> =
            headers.map(|(name, value)| (name.to_owned(), value.into())).collect();
        json!({ "token": push.token, "headers": headers, "bytes": push.raw.len() })
    });
    let taken: Vec<Value> = taken.collect();
    json!({ "taken": taken, "said": services.push.web.said_by_browsers() }).to_string()
}

/// The mails that were taken, as they came.
async fn mails(State(services): State<Arc<Services>>) -> String {
    let taken = services.smtp.taken();
    let taken = taken.iter().map(|mail| json!({ "to": mail.to, "data": mail.data }));
    Value::Array(taken.collect()).to_string()
}

/// The push service knows this subscription no more.
async fn gone(State(services): State<Arc<Services>>, Path(token): Path<String>) -> StatusCode {
    services.push.web.forgets(&token);
    StatusCode::NO_CONTENT
}
