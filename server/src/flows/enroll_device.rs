//! `POST …/api/enroll`: a phone that scanned a QR code becomes a person's device (guardian B1).

use device_protocol::guardian::enroll::{EnrollRequest, Enrolled, Service};
use device_protocol::guardian::errors::Code;
use domain::guardian::{Refused, device_key};
use domain::people::{Device, PushService, Ticket, TicketKind};
use domain::{DeviceId, Fingerprint, Timestamp, UserId};
use serde_json::{Value, json};
use store::{Written, enrollments, log_events, tickets};

use super::DECIDE_TRIES;
use super::device_log::{self, Refusal};
use super::log::{self, Entry};
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
    let (good, id) = good_ticket(app, context, ticket, now).await?;
    *user = Some(good.user.clone());
    let request = EnrollRequest::parse(&order.body?).map_err(invalid_body)?;
    let key = device_key(&request.public_key)?;
    check_room(app, context, (&good, &request.identifier)).await?;
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
    };
    let token = app.entropy.base64url::<32>();
    for attempt in 1..=DECIDE_TRIES {
        let write = (&good, &device, token.as_str(), order.meta);
        if store(app, context, write, now).await? == Written::Done {
            break;
        }
        // Of two phones that scanned at the same moment, the other may have been first.
        good_ticket(app, context, ticket, now).await?;
        check_room(app, context, (&good, &device.identifier)).await?;
        // Its link was used in between, through another code.
        if attempt == DECIDE_TRIES {
            return Err(dead_ticket());
        }
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

/// The ticket of a QR code that is unused and in time; a web ticket is none (G35, G36).
async fn good_ticket(
    app: &App,
    context: &Context,
    ticket: &str,
    now: Timestamp,
) -> Result<(Ticket, DeviceId), DeviceFailure> {
    let fingerprint = Fingerprint::of(ticket.as_bytes());
    let found = tickets::find(&app.database, &context.tenant.id, &fingerprint).await?;
    let good = found.filter(|ticket| ticket.is_good_at(now));
    match good.map(|ticket| (ticket.kind.clone(), ticket)) {
        Some((TicketKind::Tx { enrollment, .. }, ticket)) => Ok((ticket, enrollment)),
        Some((TicketKind::Web, _)) | None => Err(dead_ticket()),
    }
}

/// Whether the person may have one more device: the first, or a further one where the ticket says
/// so (G41, G42). Virtual phones do not count (decision 19).
async fn check_room(
    app: &App,
    context: &Context,
    (ticket, identifier): (&Ticket, &str),
) -> Result<(), DeviceFailure> {
    let devices = enrollments::of_user(&app.database, &context.tenant.id, &ticket.user).await?;
    let replaces = devices.iter().any(|device| device.identifier == identifier);
    let is_full = devices.len() >= usize::try_from(enrollments::DEVICE_LIMIT).unwrap_or(usize::MAX);
    let has_phone = devices.iter().any(|device| device.push_service != PushService::Virtual);
    if (has_phone && !ticket.allow_multiple) || (is_full && !replaces) {
        return Err(conflict());
    }
    Ok(())
}

/// One write: the tickets are spent, the device is there, the log says so.
async fn store(
    app: &App,
    context: &Context,
    (ticket, device, token, meta): (&Ticket, &Device, &str, &Meta),
    now: Timestamp,
) -> Result<Written, DeviceFailure> {
    let tenant = &context.tenant.id;
    let details = json!({
        "device_id": device.id.as_str(),
        "device_name": device.name,
        "service": device.push_service.name(),
    });
    let entry = Entry::new("gd_enrollment_complete", "A device was enrolled", details);
    let event = log::event(app, meta, entry.of_user(&device.user), now);
    let mut write = tickets::spend_for_enrollment(tenant, ticket, &device.identifier, now);
    if ticket.allow_multiple {
        let same = enrollments::delete_by_identifier(tenant, &device.user, &device.identifier);
        write = write.and(same);
    }
    let write = write.and(enrollments::insert(tenant, device, Fingerprint::of(token.as_bytes())));
    Ok(app.database.run(log_events::append(write, tenant, &event)).await?)
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
