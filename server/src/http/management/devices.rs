//! A user's devices (W223, W224, W227, W228) and single enrollments (W251, W252).

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use domain::people::Device;
use domain::shape::text;
use domain::{DeviceId, UserId};
use http::StatusCode;
use serde_json::Value;
use store::{enrollments, tickets, users};

use super::administrator::Administrator;
use super::error::{Error, answer};
use super::page::Page;
use super::request::{Body, List, Named, Query};
use crate::App;
use crate::denied::{Denied, Inexistent};
use crate::flows::administer;

/// In front of a device's id where it is an authentication method.
const METHOD_PREFIX: &str = "push|";

/// `GET /users/{id}/enrollments`.
pub(super) async fn of_user(
    State(app): State<Arc<App>>,
    administrator: Administrator,
    Named(id): Named<String>,
) -> Result<Response, Error> {
    administrator.needs(&["read:users"])?;
    let (tenant, now) = (administrator.tenant(), administrator.now);
    let list = administer::list_enrollments(&app, tenant, &UserId::new(id), now).await?;
    Ok(answer(StatusCode::OK, &Value::Array(list)))
}

/// `GET /users/{id}/authentication-methods`.
pub(super) async fn methods(
    State(app): State<Arc<App>>,
    administrator: Administrator,
    Named(id): Named<String>,
    query: Query,
) -> Result<Response, Error> {
    administrator.needs(&["read:authentication_methods"])?;
    let page = Page::of(&query)?;
    let (database, tenant, user) = (&app.database, administrator.tenant(), UserId::new(id));
    users::one(database, tenant, &user).await?.ok_or(Denied::NoUser)?;
    let devices = enrollments::of_user(database, tenant, &user).await?;
    let mut methods: Vec<_> = devices.iter().map(Device::to_authentication_method).collect();
    let passkeys = administer::list_passkeys(&app, tenant, &user).await?;
    methods.extend(passkeys.iter().map(administer::passkey_method));
    let total = methods.len() as u64;
    let views = page.cut(methods);
    Ok(page.answer("authenticators", views, total))
}

/// `POST /users/{id}/authentication-methods`: a device enrolls itself, nobody else can (W225).
pub(super) async fn create_method(
    administrator: Administrator,
    Body(body): Body,
) -> Result<StatusCode, Error> {
    administrator.needs(&["create:authentication_methods"])?;
    let message = match text(&body, "type") {
        Some("push") => "A push device enrolls itself, with an enrollment ticket",
        Some(_) => "This server has no authentication method of this type",
        None => "Payload validation error: 'Missing required property: type'.",
    };
    Err(Denied::InvalidBody(message.to_owned()).into())
}

/// `GET /users/{id}/authentication-methods/{method_id}`.
pub(super) async fn method(
    State(app): State<Arc<App>>,
    administrator: Administrator,
    Named((user, method)): Named<(String, String)>,
) -> Result<Response, Error> {
    administrator.needs(&["read:authentication_methods"])?;
    if let Some(id) = administer::passkey_of_method(&method) {
        let user = UserId::new(user);
        let passkeys = administer::list_passkeys(&app, administrator.tenant(), &user).await?;
        let found = passkeys.iter().find(|passkey| passkey.id == id).ok_or(Inexistent::Method)?;
        return Ok(answer(StatusCode::OK, &administer::passkey_method(found)));
    }
    let device = found(&app, &administrator, (&user, &method)).await?;
    Ok(answer(StatusCode::OK, &device.to_authentication_method()))
}

/// `PATCH` and `PUT /users/{id}/authentication-methods/{method_id}`: the name of a device.
pub(super) async fn change_method(
    State(app): State<Arc<App>>,
    administrator: Administrator,
    Named((user, method)): Named<(String, String)>,
    Body(body): Body,
) -> Result<Response, Error> {
    administrator.needs(&["update:authentication_methods"])?;
    let device = found(&app, &administrator, (&user, &method)).await?;
    let who = (administrator.tenant(), &administrator.meta);
    let device = administer::rename_device(&app, who, (device, &body), administrator.now).await?;
    Ok(answer(StatusCode::OK, &device.to_authentication_method()))
}

/// `PUT /users/{id}/authentication-methods`: devices can be deleted this way, not made.
pub(super) async fn replace_methods(
    State(app): State<Arc<App>>,
    administrator: Administrator,
    Named(user): Named<String>,
    List(methods): List,
) -> Result<Response, Error> {
    administrator.needs(&["update:authentication_methods"])?;
    if !methods.is_empty() {
        let message = "A device enrolls itself, with an enrollment ticket; only an empty list can \
                       take the place of what there is";
        return Err(Denied::InvalidBody(message.to_owned()).into());
    }
    let _no_content = delete_methods_of(&app, &administrator, &UserId::new(user)).await?;
    Ok(answer(StatusCode::OK, &Value::Array(Vec::new())))
}

/// The device of this user that an authentication method's id names.
async fn found(
    app: &App,
    administrator: &Administrator,
    (user, method): (&str, &str),
) -> Result<Device, Error> {
    let id = DeviceId::new(method.strip_prefix(METHOD_PREFIX).ok_or(Inexistent::Method)?);
    let found = enrollments::one(&app.database, administrator.tenant(), &id).await?;
    let device = found.map(|(device, _)| device).filter(|device| device.user.as_str() == user);
    Ok(device.ok_or(Inexistent::Method)?)
}

/// `DELETE /users/{id}/authentication-methods/{method_id}`.
pub(super) async fn delete_method(
    State(app): State<Arc<App>>,
    administrator: Administrator,
    Named((user, method)): Named<(String, String)>,
) -> Result<StatusCode, Error> {
    administrator.needs(&["delete:authentication_methods"])?;
    let who = (administrator.tenant(), &administrator.meta);
    if let Some(id) = administer::passkey_of_method(&method) {
        let user = UserId::new(user);
        administer::remove_passkey(&app, who, (&user, &id), administrator.now).await?;
        return Ok(StatusCode::NO_CONTENT);
    }
    let id = method.strip_prefix(METHOD_PREFIX).ok_or(Denied::NoEnrollment)?;
    let (database, tenant, id) = (&app.database, administrator.tenant(), DeviceId::new(id));
    let found = enrollments::one(database, tenant, &id).await?;
    found.filter(|(device, _)| device.user.as_str() == user).ok_or(Denied::NoEnrollment)?;
    administer::unenroll(&app, who, &id, administrator.now).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /users/{id}/authentication-methods`.
pub(super) async fn delete_methods(
    State(app): State<Arc<App>>,
    administrator: Administrator,
    Named(user): Named<String>,
) -> Result<StatusCode, Error> {
    administrator.needs(&["delete:authentication_methods"])?;
    delete_methods_of(&app, &administrator, &UserId::new(user)).await
}

/// `DELETE /users/{id}/authenticators`.
pub(super) async fn delete_authenticators(
    State(app): State<Arc<App>>,
    administrator: Administrator,
    Named(user): Named<String>,
) -> Result<StatusCode, Error> {
    administrator.needs(&["delete:guardian_enrollments"])?;
    delete_all(&app, &administrator, &UserId::new(user)).await
}

/// `DELETE /users/{id}/multifactor/{provider}`.
pub(super) async fn delete_multifactor(
    State(app): State<Arc<App>>,
    administrator: Administrator,
    Named((user, provider)): Named<(String, String)>,
) -> Result<StatusCode, Error> {
    administrator.needs(&["update:users"])?;
    let (tenant, user) = (administrator.tenant(), UserId::new(user));
    match provider.as_str() {
        "guardian" => delete_all(&app, &administrator, &user).await,
        "duo" => {
            users::one(&app.database, tenant, &user).await?.ok_or(Denied::NoUser)?;
            Ok(StatusCode::NO_CONTENT)
        }
        _ => {
            let message = String::from("The provider must be guardian or duo");
            Err(Denied::InvalidPath(message).into())
        }
    }
}

/// Devices and passkeys.
async fn delete_methods_of(
    app: &App,
    administrator: &Administrator,
    user: &UserId,
) -> Result<StatusCode, Error> {
    let done = delete_all(app, administrator, user).await?;
    let who = (administrator.tenant(), &administrator.meta);
    administer::remove_passkeys(app, who, user, administrator.now).await?;
    Ok(done)
}

async fn delete_all(
    app: &App,
    administrator: &Administrator,
    user: &UserId,
) -> Result<StatusCode, Error> {
    let who = (administrator.tenant(), &administrator.meta);
    administer::unenroll_all(app, who, user, administrator.now).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /guardian/enrollments/{id}`.
pub(super) async fn read(
    State(app): State<Arc<App>>,
    administrator: Administrator,
    Named(id): Named<String>,
) -> Result<Response, Error> {
    administrator.needs(&["read:guardian_enrollments"])?;
    let (database, tenant, id) = (&app.database, administrator.tenant(), DeviceId::new(id));
    if let Some((device, _)) = enrollments::one(database, tenant, &id).await? {
        return Ok(answer(StatusCode::OK, &device.to_guardian_enrollment()));
    }
    let ticket = tickets::find_by_enrollment(database, tenant, &id).await?;
    match ticket.filter(|ticket| ticket.is_good_at(administrator.now)) {
        Some(_) => Ok(answer(StatusCode::OK, &administer::pending_enrollment(&id))),
        None => Err(Denied::NoEnrollment.into()),
    }
}

/// `DELETE /guardian/enrollments/{id}`.
pub(super) async fn delete(
    State(app): State<Arc<App>>,
    administrator: Administrator,
    Named(id): Named<String>,
) -> Result<StatusCode, Error> {
    administrator.needs(&["delete:guardian_enrollments"])?;
    let who = (administrator.tenant(), &administrator.meta);
    administer::unenroll(&app, who, &DeviceId::new(id), administrator.now).await?;
    Ok(StatusCode::NO_CONTENT)
}
