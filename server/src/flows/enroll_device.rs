//! `POST …/api/enroll`: a phone that scanned a QR code becomes a person's device (guardian B1).

use device_protocol::guardian::enroll::{EnrollRequest, Enrolled, Service};
use device_protocol::guardian::errors::Code;
use domain::guardian::{Refused, device_key};
use domain::people::{Device, PushService};
use domain::{Timestamp, UserId};
use serde_json::Value;
use store::Write;

use super::device_log::{self, Refusal};
use super::enrolling::{Enrolling, New, enroll, good_ticket};
use crate::App;
use crate::failure::DeviceFailure;
use crate::meta::Meta;
use crate::tenancy::Context;

/// What a phone sent.
#[derive(Debug)]
pub struct EnrollOrder<'a> {
    /// The ticket of its `Authorization` header.
    pub ticket: Result<&'a str, Refused>,
    /// Its body.
    pub body: Result<Value, Refused>,
    /// Who sent it.
    pub meta: &'a Meta,
}

/// Enrolls a device; a refusal spends nothing (G39) and is told to the log (G43).
pub async fn enroll_device(
    app: &App,
    context: &Context,
    order: EnrollOrder<'_>,
    now: Timestamp,
) -> Result<Enrolled, DeviceFailure> {
    let meta = order.meta;
    let mut user = None;
    let outcome = attempt(app, context, (order, &mut user), now).await;
    let refusal = Refusal {
        kind: "gd_start_enroll_failed",
        description: "A device could not be enrolled",
        user: user.as_ref(),
        meta,
        more: None,
    };
    device_log::told(app, context, outcome, refusal, now).await
}

async fn attempt(
    app: &App,
    context: &Context,
    (order, user): (EnrollOrder<'_>, &mut Option<UserId>),
    now: Timestamp,
) -> Result<Enrolled, DeviceFailure> {
    let ticket = order.ticket?;
    if !context.tenant.settings.push_factor {
        let sentence = "Phones are switched off for this tenant";
        return Err(DeviceFailure::refused(Code::FeatureDisabledByAdmin, sentence));
    }
    let (good, id) = good_ticket(app, context, ticket, now).await?.ok_or_else(dead_ticket)?;
    *user = Some(good.user.clone());
    let request = EnrollRequest::parse(&order.body?).map_err(invalid_body)?;
    let key = device_key(&request.public_key)?;
    let device = Device {
        id,
        user: good.user.clone(),
        identifier: request.identifier,
        name: request.name,
        push_service: service_of(request.push_credentials.service),
        push_token: Some(request.push_credentials.token),
        public_jwk: key.canonical_json().to_owned(),
        base_url: context.base.origin().to_owned(),
        enrolled_at: now,
        last_auth_at: None,
        own: None,
    };
    let token = app.entropy.base64url::<32>();
    let new = New { ticket: &good, device: &device, token: &token, more: &Write::new() };
    match enroll(app, context, (new, order.meta), now).await? {
        Enrolling::Done => {}
        Enrolling::DeadTicket => return Err(dead_ticket()),
        Enrolling::NoRoom => return Err(conflict()),
    }
    tracing::info!(device.id = %device.id, user.id = %device.user, "device enrolled");
    Ok(Enrolled {
        id: device.id.to_string(),
        url: context.base.url("appliance-mfa"),
        issuer: context.tenant.display_name.clone(),
        user_id: device.user.to_string(),
        token,
        totp: None,
    })
}

fn service_of(service: Service) -> PushService {
    match service {
        Service::Apns => PushService::Apns,
        Service::Gcm => PushService::Gcm,
    }
}

fn invalid_body(error: impl std::fmt::Display) -> DeviceFailure {
    DeviceFailure::refused(Code::InvalidBody, error.to_string())
}

fn dead_ticket() -> DeviceFailure {
    let sentence = "This code was used, has expired or never existed. Show a fresh one and scan it";
    DeviceFailure::refused(Code::EnrollmentTransactionNotFound, sentence)
}

fn conflict() -> DeviceFailure {
    let sentence = "This person has a phone already. An administrator can remove it, or send a \
                    link that allows several";
    DeviceFailure::refused(Code::EnrollmentConflict, sentence)
}
