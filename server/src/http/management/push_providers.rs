//! `/api/v2/guardian/factors/push-notification`: who sends pushes, with which credentials (W256 to
//! W260).

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use domain::shape::{Kind, Object, checked, member, required, text};
use http::StatusCode;
use serde_json::{Value, json};

use super::administrator::Administrator;
use super::error::{Error, answer};
use super::request::{Body, Named};
use crate::App;
use crate::denied::Denied;
use crate::flows::administer;
use crate::push::settings::Provider;

/// What may be selected.
const SELECTABLE: &[&str] = &["guardian", "sns", "direct"];

/// `GET …/selected-provider`.
pub(super) async fn selected(administrator: Administrator) -> Result<Response, Error> {
    administrator.needs(&["read:guardian_factors"])?;
    let selected = &administrator.context.tenant.settings.push_provider;
    Ok(answer(StatusCode::OK, &json!({ "provider": selected })))
}

/// `PUT …/selected-provider`.
pub(super) async fn select(
    State(app): State<Arc<App>>,
    administrator: Administrator,
    Body(body): Body,
) -> Result<Response, Error> {
    administrator.needs(&["update:guardian_factors"])?;
    required(&body, &["provider"])?;
    let body = checked(&[member("provider", Kind::OneOf(SELECTABLE))], &body)?;
    let provider = text(&body, "provider").unwrap_or_default();
    administer::select_push_provider(&app, administrator.tenant(), provider).await?;
    Ok(answer(StatusCode::OK, &json!({ "provider": provider })))
}

/// `GET …/providers/{provider}`: Auth0 has it for those of which something may be shown.
pub(super) async fn read(
    State(app): State<Arc<App>>,
    administrator: Administrator,
    Named(name): Named<String>,
) -> Result<Response, Error> {
    administrator.needs(&["read:guardian_factors"])?;
    let provider = match provider(&name)? {
        provider @ (Provider::Apns | Provider::Sns) => provider,
        Provider::Fcm | Provider::FcmV1 => return Err(Denied::MethodNotAllowed.into()),
    };
    let shown = administer::show_push_provider(&app, administrator.tenant(), provider).await?;
    Ok(answer(StatusCode::OK, &shown))
}

/// `PUT …/providers/{provider}`.
pub(super) async fn set(
    State(app): State<Arc<App>>,
    administrator: Administrator,
    Named(name): Named<String>,
    Body(body): Body,
) -> Result<Response, Error> {
    administrator.needs(&["update:guardian_factors"])?;
    let provider = provider(&name)?;
    let whose = (administrator.tenant(), provider);
    let shown = administer::set_push_provider(&app, whose, &body, administrator.now).await?;
    Ok(answer(StatusCode::OK, &changed(provider, shown, &body)))
}

/// `PATCH …/providers/{provider}`.
pub(super) async fn change(
    State(app): State<Arc<App>>,
    administrator: Administrator,
    Named(name): Named<String>,
    Body(body): Body,
) -> Result<Response, Error> {
    administrator.needs(&["update:guardian_factors"])?;
    let provider = provider(&name)?;
    let whose = (administrator.tenant(), provider);
    let shown = administer::change_push_provider(&app, whose, &body, administrator.now).await?;
    Ok(answer(StatusCode::OK, &changed(provider, shown, &body)))
}

fn provider(name: &str) -> Result<Provider, Denied> {
    Provider::named(name).ok_or(Denied::NoSuchPath)
}

/// What a change answers: as `GET`, but without `enabled` for Apple, and with the secret that the
/// caller just sent for Amazon.
fn changed(provider: Provider, mut shown: Value, body: &Object) -> Value {
    if let Some(members) = shown.as_object_mut() {
        members.remove("enabled");
        let secret = "aws_secret_access_key";
        if let (Provider::Sns, Some(value)) = (provider, body.get(secret)) {
            members.insert(secret.to_owned(), value.clone());
        }
    }
    shown
}
