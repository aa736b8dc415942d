//! The Management API, `/api/v2/`: what a program needs to set a tenant up, in Auth0's shapes.
//!
//! Handlers read and render; what changes anything is a flow in `flows/administer`.

mod administrator;
mod apis;
mod appearance;
mod clients;
mod credentials;
mod devices;
mod domains;
mod error;
mod grants;
mod guardian;
mod initial_tokens;
mod keys;
mod logs;
mod mail_provider;
mod neighbours;
mod page;
mod prompts;
mod push_providers;
mod receipts;
mod refresh_tokens;
mod refused_clients;
mod request;
mod stats;
mod tenant;
mod users;

use std::sync::Arc;

use axum::Router;
use axum::routing::{any, delete, get, post, put};

pub(crate) use self::administrator::Administrator;
pub(crate) use self::error::Error;
pub(crate) use self::receipts::receipt;
use crate::App;
use crate::denied::Denied;

/// Every path of the Management API.
pub(crate) fn routes() -> Router<Arc<App>> {
    Router::new().nest("/api/v2", below()).route("/api/v2/", any(unknown))
}

fn below() -> Router<Arc<App>> {
    Router::new()
        .route("/users", get(users::list).post(users::create))
        .route("/users-by-email", get(users::by_email))
        .route("/users/{id}", get(users::read).patch(users::change).delete(users::delete))
        .route("/users/{id}/enrollments", get(devices::of_user))
        .route("/users/{id}/user-code", put(users::set_code).delete(users::remove_code))
        .route(
            "/users/{id}/authentication-methods",
            get(devices::methods)
                .post(devices::create_method)
                .put(devices::replace_methods)
                .delete(devices::delete_methods),
        )
        .route(
            "/users/{id}/authentication-methods/{method}",
            get(devices::method)
                .patch(devices::change_method)
                .put(devices::change_method)
                .delete(devices::delete_method),
        )
        .route("/users/{id}/logs", get(logs::of_user))
        .route(
            "/users/{id}/refresh-tokens",
            get(refresh_tokens::of_user).delete(refresh_tokens::delete_of_user),
        )
        .route("/users/{id}/revoke-access", post(refresh_tokens::revoke_access))
        .route("/users/{id}/refused-clients", get(refused_clients::list))
        .route("/users/{id}/refused-clients/{client}", delete(refused_clients::lift))
        .route("/users/{id}/authenticators", delete(devices::delete_authenticators))
        .route("/users/{id}/multifactor/{provider}", delete(devices::delete_multifactor))
        .route("/logs", get(logs::list))
        .route("/logs/{id}", get(logs::read))
        .route("/guardian/enrollments/ticket", post(guardian::create_ticket))
        .route("/guardian/enrollments/{id}", get(devices::read).delete(devices::delete))
        .route("/guardian/policies", get(guardian::policies).put(guardian::change_policies))
        .route("/guardian/factors", get(guardian::factors))
        .route("/guardian/factors/{name}", put(guardian::change_factor))
        .route(
            "/guardian/factors/push-notification/selected-provider",
            get(push_providers::selected).put(push_providers::select),
        )
        .route(
            "/guardian/factors/push-notification/providers/{provider}",
            get(push_providers::read).put(push_providers::set).patch(push_providers::change),
        )
        .route("/clients", get(clients::list).post(clients::create))
        .route("/clients/{id}", get(clients::read).patch(clients::change).delete(clients::delete))
        .route("/clients/{id}/appearance", get(appearance::read))
        .route("/clients/{id}/rotate-secret", post(clients::rotate_secret))
        .route("/clients/{id}/credentials", get(credentials::list).post(credentials::create))
        .route(
            "/clients/{id}/credentials/{credential}",
            get(credentials::read).patch(credentials::change).delete(credentials::delete),
        )
        .route("/initial-access-tokens", get(initial_tokens::list).post(initial_tokens::create))
        .route("/initial-access-tokens/{id}", delete(initial_tokens::delete))
        .route("/resource-servers", get(apis::list).post(apis::create))
        .route("/resource-servers/{id}", get(apis::read).patch(apis::change).delete(apis::delete))
        .route("/client-grants", get(grants::list).post(grants::create))
        .route(
            "/client-grants/{id}",
            get(grants::read).patch(grants::change).delete(grants::delete),
        )
        .merge(of_tenant())
        .method_not_allowed_fallback(async || Error::from(Denied::MethodNotAllowed))
        .route("/{*rest}", any(unknown))
}

fn of_tenant() -> Router<Arc<App>> {
    Router::new()
        .route("/refresh-tokens", get(refresh_tokens::list))
        .route("/refresh-tokens/revoke", post(refresh_tokens::revoke))
        .route(
            "/refresh-tokens/{id}",
            get(refresh_tokens::read).patch(refresh_tokens::change).delete(refresh_tokens::delete),
        )
        .route("/grants", get(refresh_tokens::grants).delete(refresh_tokens::delete_grants))
        .route("/grants/{id}", delete(refresh_tokens::delete_grant))
        .route("/tenants/settings", get(tenant::read).patch(tenant::change))
        .route("/prompts/mfa-push", get(prompts::app).patch(prompts::change_app))
        .route("/keys/signing", get(keys::list))
        .route("/keys/signing/rotate", post(keys::rotate))
        .route("/keys/signing/{kid}", get(keys::read))
        .route("/keys/signing/{kid}/revoke", put(keys::revoke))
        .route("/custom-domains", get(domains::list).post(domains::create))
        .route(
            "/custom-domains/{id}",
            get(domains::read).patch(domains::change).delete(domains::delete),
        )
        .route("/custom-domains/{id}/verify", post(domains::verify))
        .route("/custom-domains/{id}/test", post(domains::test))
        .route("/stats/active-users", get(stats::active_users))
        .route("/stats/daily", get(stats::daily))
        .route("/connections/{id}", get(neighbours::connection))
        .route("/roles/{id}", get(neighbours::role))
        .route("/organizations/{id}", get(neighbours::organization))
        .route("/organizations/name/{name}", get(neighbours::organization))
        .route(
            "/emails/provider",
            get(mail_provider::read)
                .post(mail_provider::create)
                .patch(mail_provider::change)
                .delete(mail_provider::delete),
        )
}

/// A fallback of our own would give way to the device paths' `/api/{*rest}`.
async fn unknown() -> Error {
    Denied::NoSuchPath.into()
}
