//! `/api/v2/guardian`: tickets, factors and policies (W246 to W250, W253 to W255).

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use domain::shape::{InvalidBody, Kind, checked, is_set, member, required};
use http::StatusCode;
use serde_json::{Value, json};
use store::enrollments;

use super::administrator::Administrator;
use super::error::{Error, answer};
use super::request::{Body, List, Named};
use crate::App;
use crate::denied::Denied;
use crate::flows::administer::{self, WantedTicket};
use crate::flows::{self, TicketOrder};

/// All factors that Auth0 has, in its order (W253).
const FACTORS: [&str; 8] =
    ["sms", PUSH, "otp", "email", "duo", "webauthn-roaming", "webauthn-platform", "recovery-code"];
/// The one that this server has.
const PUSH: &str = "push-notification";

/// `POST /guardian/enrollments/ticket`.
pub(super) async fn create_ticket(
    State(app): State<Arc<App>>,
    administrator: Administrator,
    Body(body): Body,
) -> Result<Response, Error> {
    administrator.needs(&["create:guardian_enrollment_tickets"])?;
    let wanted = WantedTicket::from_body(&body)?;
    let (context, now) = (&administrator.context, administrator.now);
    let mailed = if wanted.is_mailed {
        Some(administer::mailed_to(&app, administrator.tenant(), &wanted).await?)
    } else {
        None
    };
    if let Some(device) = &wanted.replaces {
        let found = enrollments::one(&app.database, administrator.tenant(), device).await?;
        found.filter(|(found, _)| found.user == wanted.user).ok_or(Denied::NoEnrollment)?;
    }
    let order = TicketOrder {
        user: &wanted.user,
        allow_multiple: wanted.allow_multiple,
        replaces: wanted.replaces,
        mailed: mailed.as_ref().map(|(to, language)| (to.as_str(), *language)),
    };
    let ticket = flows::create_ticket(&app, context, order, now).await?.ok_or(Denied::NoUser)?;
    let body = json!({ "ticket_id": ticket.ticket_id, "ticket_url": ticket.ticket_url });
    Ok(answer(StatusCode::OK, &body))
}

/// `GET /guardian/factors`.
pub(super) async fn factors(administrator: Administrator) -> Result<Response, Error> {
    administrator.needs(&["read:guardian_factors"])?;
    let is_push_on = administrator.context.tenant.settings.push_factor;
    let factor = |name: &&str| json!({ "name": name, "enabled": *name == PUSH && is_push_on, "trial_expired": false });
    Ok(answer(StatusCode::OK, &FACTORS.iter().map(factor).collect::<Value>()))
}

/// `GET /guardian/policies`.
pub(super) async fn policies(administrator: Administrator) -> Result<Response, Error> {
    administrator.needs(&["read:mfa_policies"])?;
    let policies = &administrator.context.tenant.settings.mfa_policies;
    Ok(answer(StatusCode::OK, &Value::from(policies.as_slice())))
}

/// `PUT /guardian/policies`.
pub(super) async fn change_policies(
    State(app): State<Arc<App>>,
    administrator: Administrator,
    List(policies): List,
) -> Result<Response, Error> {
    administrator.needs(&["update:mfa_policies"])?;
    administer::change_mfa_policies(&app, administrator.tenant(), &policies).await?;
    Ok(answer(StatusCode::OK, &Value::Array(policies)))
}

/// `PUT /guardian/factors/{name}`.
pub(super) async fn change_factor(
    State(app): State<Arc<App>>,
    administrator: Administrator,
    Named(name): Named<String>,
    Body(body): Body,
) -> Result<Response, Error> {
    administrator.needs(&["update:guardian_factors"])?;
    if !FACTORS.contains(&name.as_str()) {
        let message = format!("The factor must be one of {}", FACTORS.join(", "));
        return Err(Denied::InvalidPath(message).into());
    }
    required(&body, &["enabled"])?;
    checked(&[member("enabled", Kind::Flag)], &body)?;
    let is_on = is_set(&body, "enabled");
    if name == PUSH {
        administer::switch_push_factor(&app, administrator.tenant(), is_on).await?;
    } else if is_on {
        return Err(InvalidBody::on("enabled", "This server does not have the factor").into());
    }
    Ok(answer(StatusCode::OK, &json!({ "enabled": is_on })))
}
