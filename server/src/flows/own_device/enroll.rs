//! `POST /device/v1/enrollments`: a device of our own dialect becomes a person's (D1 to D3).

use device_protocol::aizuchi::enroll::{EnrollRequest, Enrolled};
use device_protocol::aizuchi::errors::{Code, Refusal};
use domain::aizuchi::{check_ticket_proof, device_key};
use domain::people::{Device, Own, PushService};
use domain::{Timestamp, UserId};
use serde_json::Value;
use store::issuer_keys::Purpose;

use super::{invalid_body, passkeys};
use crate::App;
use crate::failure::OwnFailure;
use crate::flows::enrolling::{self, Enrolling, New, good_ticket};
use crate::flows::{device_log, wake};
use crate::meta::Meta;
use crate::tenancy::Context;

/// What a device sent.
#[derive(Debug)]
pub struct Order<'a> {
    /// Its body.
    pub body: Result<Value, Refusal>,
    /// Who sent it.
    pub meta: &'a Meta,
}

/// Enrolls a device; a refusal spends nothing and is told to the log.
pub async fn enroll(
    app: &App,
    context: &Context,
    order: Order<'_>,
    now: Timestamp,
) -> Result<Enrolled, OwnFailure> {
    let meta = order.meta;
    let mut user = None;
    let outcome = attempt(app, context, (order, &mut user), now).await;
    let refusal = device_log::Refusal {
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
    (order, user): (Order<'_>, &mut Option<UserId>),
    now: Timestamp,
) -> Result<Enrolled, OwnFailure> {
    if !context.tenant.settings.push_factor {
        let sentence = "Devices are switched off for this tenant";
        return Err(OwnFailure::refused(Code::Disabled, sentence));
    }
    let request = EnrollRequest::parse(&order.body?).map_err(invalid_body)?;
    let found = good_ticket(app, context, &request.ticket, now).await?;
    let (ticket, id) = found.ok_or_else(dead_ticket)?;
    *user = Some(ticket.user.clone());
    let key = device_key(&request.key)?;
    let subject = (request.ticket.as_str(), context.base.all.as_slice());
    check_ticket_proof(&request.proof, &key, subject, now)?;
    if let Some(fault) = wake::fault(app, &request.channel) {
        return Err(invalid_body(fault).into());
    }
    let beside = (request.passkey.as_ref(), &ticket, id.as_str(), order.meta);
    let more = passkeys::with_enrollment(app, context, beside, now).await?;
    let server_key = app.issuer_key(&context.tenant.id, Purpose::Content, now).await?;
    let device = Device {
        identifier: id.to_string(),
        id,
        user: ticket.user.clone(),
        name: request.name,
        push_service: PushService::Inbox,
        push_token: None,
        public_jwk: key.canonical_json().to_owned(),
        base_url: context.base.origin().to_owned(),
        enrolled_at: now,
        last_auth_at: None,
        own: Some(Own { channel: request.channel, locale: request.locale, lost: None }),
    };
    // It has no opaque token: what nobody knows opens nothing.
    let token = app.entropy.base64url::<32>();
    let new = New { ticket: &ticket, device: &device, token: &token, more: &more };
    match enrolling::enroll(app, context, (new, order.meta), now).await? {
        Enrolling::Done => {}
        Enrolling::DeadTicket => return Err(dead_ticket()),
        Enrolling::NoRoom => {
            let sentence = "This person has a device already. An administrator can remove it, or \
                            send a link that allows several or replaces it";
            return Err(OwnFailure::refused(Code::Enrolled, sentence));
        }
    }
    tracing::info!(device.id = %device.id, user.id = %device.user, "device enrolled");
    Ok(Enrolled {
        device: device.id.to_string(),
        user: device.user.to_string(),
        issuer_url: context.base.issuer.clone(),
        name: context.tenant.display_name.clone(),
        server_key: server_key.public_jwk().clone(),
    })
}

pub(super) fn dead_ticket() -> OwnFailure {
    let sentence = "This code was used, has expired or never existed. Show a fresh one";
    OwnFailure::refused(Code::NotFound, sentence)
}
