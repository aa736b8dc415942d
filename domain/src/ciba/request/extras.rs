//! What a start may say beyond what it must: `acr_values` (C25) and `request_context` (C83, F10).

use serde_json::Value;

use crate::json;
use crate::oauth::client::Client;
use crate::oauth::parameters::Parameters;
use crate::oauth::refusal::{Reason, Refusal};

/// The one authentication context class we reach: the person approved on an enrolled device, which
/// proved the key it was enrolled with.
pub const DEVICE_ACR: &str = "urn:aizuchi:acr:device";

/// `acr_values` are not longer.
const MAX_ACR_VALUES_BYTES: usize = 1024;
/// A `request_context` is not longer.
const MAX_CONTEXT_BYTES: usize = 4 * 1024;

/// What was said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Extras {
    /// The class that the ID token names, if one was asked for.
    pub(super) acr: Option<String>,
    /// The JSON object, as it was sent.
    pub(super) context: Option<String>,
}

/// Reads them where the client's profile does.
pub(super) fn extras(parameters: &Parameters, client: &Client) -> Result<Extras, Refusal> {
    if !client.profile.rules().reads_extras {
        return Ok(Extras::default());
    }
    Ok(Extras { acr: acr(parameters)?, context: request_context(parameters, client)? })
}

/// C25: any value is voluntary; what is reached is told, whether it was among them or not.
fn acr(parameters: &Parameters) -> Result<Option<String>, Refusal> {
    let Some(values) = parameters.optional("acr_values")? else { return Ok(None) };
    let is_good = values.len() <= MAX_ACR_VALUES_BYTES && !values.chars().any(char::is_control);
    if !is_good || values.split(' ').all(str::is_empty) {
        let text = "acr_values must be names with a space between, at most 1024 bytes";
        return Err(Refusal::because(Reason::BadParameter, text));
    }
    Ok(Some(DEVICE_ACR.to_owned()))
}

/// F10: a JSON object; a client's policy can require it.
fn request_context(parameters: &Parameters, client: &Client) -> Result<Option<String>, Refusal> {
    let Some(text) = parameters.optional_structure("request_context")? else {
        if client.is_request_context_required {
            let text = "request_context is required";
            return Err(Refusal::because(Reason::MissingParameter, text));
        }
        return Ok(None);
    };
    let is_object = text.len() <= MAX_CONTEXT_BYTES
        && json::parse(text.as_bytes()).is_ok_and(|value| matches!(value, Value::Object(_)));
    if is_object {
        return Ok(Some(text.to_owned()));
    }
    let text =
        format!("request_context must be a JSON object of at most {MAX_CONTEXT_BYTES} bytes");
    Err(Refusal::because(Reason::BadParameter, text))
}
