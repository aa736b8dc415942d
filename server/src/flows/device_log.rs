//! What the log is told of devices: facts in their own commit, refusals in a write of their own.

use device_protocol::guardian::errors::Code;
use domain::{Timestamp, UserId};
use serde_json::{Value, json};

use super::log::{self, Entry};
use crate::App;
use crate::failure::{DeviceCode, DeviceFailure};
use crate::meta::Meta;
use crate::tenancy::Context;

/// A type of entry for refusals, with its sentence and what it tells beside the error.
pub(super) struct Refusal<'a> {
    pub(super) kind: &'static str,
    pub(super) description: &'static str,
    pub(super) user: Option<&'a UserId>,
    pub(super) meta: &'a Meta,
    pub(super) more: Option<(&'static str, Value)>,
}

/// Passes `outcome` on; a refusal is told to the log first.
pub(super) async fn told<T, C: DeviceCode>(
    app: &App,
    context: &Context,
    outcome: Result<T, DeviceFailure<C>>,
    refusal: Refusal<'_>,
    now: Timestamp,
) -> Result<T, DeviceFailure<C>> {
    if let Err(DeviceFailure::Refused(code, sentence)) = &outcome {
        let mut details = json!({ "error": { "message": sentence, "code": code.name() } });
        if let (Some((name, value)), Some(members)) = (refusal.more, details.as_object_mut()) {
            members.insert(name.to_owned(), value);
        }
        let entry =
            Entry { user: refusal.user, ..Entry::new(refusal.kind, refusal.description, details) };
        log::tell(app, (&context.tenant.id, refusal.meta), entry, now).await?;
    }
    outcome
}

/// A refusal of a credential.
pub(super) fn invalid_token(sentence: &str) -> DeviceFailure {
    DeviceFailure::refused(Code::InvalidToken, sentence)
}
