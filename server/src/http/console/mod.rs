//! The console: pages for operators, made here and complete without a program in the browser. Only
//! a passkey needs one, because browsers have no other way to it.
//!
//! Every page is in the operator's language (`words`), every change is a form with the session's
//! own token and comes from one of our own pages (`visitor`, `form`).

mod error;
mod form;
mod frame;
mod page;
mod passkeys;
mod sign_in;
mod throttle;
mod user;
mod users;
mod visitor;
mod when;
mod words;

use std::sync::Arc;

use axum::Router;
use axum::routing::{any, get, post};

use crate::App;

pub(crate) use form::Fields;
pub use throttle::Throttle;

/// Every path of the console.
pub(crate) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/assets/console.css", get(page::styles))
        .route("/assets/passkey.js", get(page::passkey_program))
        .route("/console", get(sign_in::home))
        .route("/console/", get(sign_in::home))
        .route("/console/sign-in", get(sign_in::show).post(sign_in::by_link))
        .route("/console/sign-in/challenge", post(passkeys::challenge_to_sign_in))
        .route("/console/sign-in/passkey", post(passkeys::sign_in))
        .route("/console/sign-out", post(sign_in::sign_out))
        .route("/console/language", post(sign_in::language))
        .route("/console/passkeys", get(passkeys::list).post(passkeys::add))
        .route("/console/passkeys/challenge", post(passkeys::challenge_to_add))
        .route("/console/passkeys/{id}/remove", post(passkeys::remove))
        .route("/console/users", get(users::list))
        .route("/console/users/{id}", get(user::show))
        .route("/console/users/{id}/ticket", post(user::ticket))
        .route("/console/users/{id}/block", post(user::block))
        .route("/console/users/{id}/unblock", post(user::unblock))
        .route("/console/users/{id}/devices/{device}/remove", post(user::remove_device))
        .route("/console/users/{id}/passkeys/{passkey}/remove", post(user::remove_passkey))
        .route("/console/{*rest}", any(error::nowhere))
        .method_not_allowed_fallback(error::nowhere)
}
