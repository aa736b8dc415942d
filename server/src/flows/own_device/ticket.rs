//! `POST /device/v1/tickets`: a person's device makes the link by which another takes the place of
//! one that was lost (D6).

use device_protocol::aizuchi::errors::{Code, Refusal};
use domain::{DeviceId, Timestamp};
use serde_json::{Value, json};
use store::{Write, Written, enrollments, log_events};

use super::{Call, invalid_body, known_device};
use crate::App;
use crate::failure::{Broken, OwnFailure};
use crate::flows::create_ticket::{Wanted, new_ticket};
use crate::flows::log::{self, Entry};
use crate::flows::{DECIDE_TRIES, NewTicket};
use crate::tenancy::Context;

/// Makes a ticket that replaces the named device of the same person.
pub async fn make_ticket(
    app: &App,
    context: &Context,
    (call, body): (Call<'_>, Result<Value, Refusal>),
    now: Timestamp,
) -> Result<NewTicket, OwnFailure> {
    let known = known_device(app, context, call, now).await?;
    let body = body?;
    let lost = body.get("replaces").and_then(Value::as_str).filter(|id| !id.contains('\0'));
    let lost = DeviceId::new(lost.ok_or_else(|| invalid_body("replaces must be a device's id"))?);
    let tenant = &context.tenant.id;
    let user = &known.device.user;
    let found = enrollments::one(&app.database, tenant, &lost).await?;
    if found.is_none_or(|(found, _)| found.user != *user) {
        let sentence = "This person has no such device";
        return Err(OwnFailure::refused(Code::NotFound, sentence));
    }
    let details = json!({ "device_id": known.device.id.as_str(), "replaces": lost.as_str() });
    let entry = Entry::new("gd_start_enroll", "A device made a link to replace another", details);
    // The person has the device that calls, so the new one is a further one.
    for _ in 0..DECIDE_TRIES {
        let replaces = Some(lost.clone());
        let wanted = Wanted { user, allow_multiple: true, replaces, is_of_device: true };
        let (ticket, made) = new_ticket(app, context, wanted, now);
        let event = log::event(app, call.meta, entry.clone().of_user(user), now);
        let write = Write::new().and(made).and(known.used_up(tenant, now));
        match app.database.run(log_events::append(write, tenant, &event)).await? {
            Written::Done => return Ok(ticket),
            Written::Overtaken => known.check_unused(app, tenant).await?,
        }
    }
    Err(Broken::because("a ticket's name is taken again and again").into())
}
