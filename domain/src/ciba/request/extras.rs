//! What a start may say beyond what it must: `acr_values` (C25), `claims` (OpenID Connect Core 5.5)
//! and `request_context` (C83, F10).

use serde_json::{Map, Value};

use crate::json;
use crate::oauth::client::Client;
use crate::oauth::parameters::Parameters;
use crate::oauth::refusal::{Reason, Refusal};

/// The authentication context class that every approval reaches: the person approved on an enrolled device, which
/// proved the key it was enrolled with.
pub const DEVICE_ACR: &str = "urn:aizuchi:acr:device";

/// The class above it: beside that, a passkey has verified the person (D14).
pub const PASSKEY_ACR: &str = "urn:aizuchi:acr:passkey";

/// `acr_values` are not longer.
const MAX_ACR_VALUES_BYTES: usize = 1024;
/// `claims` are not longer.
const MAX_CLAIMS_BYTES: usize = 4 * 1024;
/// A `request_context` is not longer.
const MAX_CONTEXT_BYTES: usize = 4 * 1024;

/// How much it is wanted that the person confirms by a passkey.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum PasskeyWish {
    /// Not at all.
    #[default]
    None,
    /// If they have one.
    Preferred,
    /// Nobody else can approve.
    Required,
}

/// What was said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Extras {
    /// The class that the ID token names, if one was asked for.
    pub(super) acr: Option<String>,
    /// The JSON object, as it was sent.
    pub(super) context: Option<String>,
    /// The claims that were asked for one by one.
    pub(super) claims: WantedClaims,
    /// Whether the request asks that the person enters its number (C57).
    pub(super) wants_match: bool,
    /// Whether the person is to confirm by a passkey.
    pub(super) passkey: PasskeyWish,
    /// Whether the class of a device is essential, and no other will do.
    pub(super) is_device_essential: bool,
    /// Whom the client says it means, by the claim `sub`.
    pub(super) subject: Option<String>,
}

/// The claims about a person that can be asked for one by one.
pub const CLAIMS: [&str; 9] = [
    "name",
    "nickname",
    "given_name",
    "family_name",
    "picture",
    "updated_at",
    "email",
    "email_verified",
    "phone_number",
];

/// Claims that were asked for one by one, each by its name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WantedClaims {
    /// In the ID token.
    pub id_token: Vec<&'static str>,
    /// From `/userinfo`.
    pub userinfo: Vec<&'static str>,
}

impl WantedClaims {
    /// Whether none was asked for.
    pub const fn is_empty(&self) -> bool {
        self.id_token.is_empty() && self.userinfo.is_empty()
    }

    /// The names out of `names` that can be asked for, each once.
    pub fn known(names: impl IntoIterator<Item = impl AsRef<str>>) -> Vec<&'static str> {
        let mut known = [false; CLAIMS.len()];
        for name in names {
            let place = CLAIMS.iter().position(|claim| *claim == name.as_ref());
            if let Some(known) = place.and_then(|place| known.get_mut(place)) {
                *known = true;
            }
        }
        CLAIMS
            .into_iter()
            .zip(known)
            .filter(|(_, is_named)| *is_named)
            .map(|(one, _)| one)
            .collect()
    }
}

/// Reads them where the client's profile does.
pub(super) fn extras(parameters: &Parameters, client: &Client) -> Result<Extras, Refusal> {
    if !client.profile.rules().reads_extras {
        return Ok(Extras::default());
    }
    let preferred = acr(parameters)?;
    let Asked { acr, claims, subject } = claims(parameters)?;
    let context = request_context(parameters, client)?;
    let wants_match = wants_match(parameters)?;
    let classes = [preferred, acr].into_iter().flatten();
    let passkey = classes.clone().map(|class| class.passkey).max().unwrap_or_default();
    let is_device_essential = classes.clone().any(|class| class.is_device_essential);
    let mut classes = classes;
    let acr = classes.next().map(|_| DEVICE_ACR.to_owned());
    Ok(Extras { acr, context, claims, wants_match, passkey, is_device_essential, subject })
}

/// C57: `match` is `true` or `false`.
fn wants_match(parameters: &Parameters) -> Result<bool, Refusal> {
    match parameters.optional_bare("match")? {
        None | Some("false") => Ok(false),
        Some("true") => Ok(true),
        Some(_) => Err(Refusal::because(Reason::BadParameter, "match must be true or false")),
    }
}

/// What is asked for where a class is.
#[derive(Clone, Copy)]
struct Class {
    passkey: PasskeyWish,
    is_device_essential: bool,
}

/// What the parameter `claims` asks for.
#[derive(Default)]
struct Asked {
    acr: Option<Class>,
    claims: WantedClaims,
    subject: Option<String>,
}

/// OpenID Connect Core 5.5: unknown members and claims mean nothing; an essential `acr` that cannot
/// be reached is a refusal (5.5.1.1), and so is another `sub` than the hint's.
fn claims(parameters: &Parameters) -> Result<Asked, Refusal> {
    let Some(text) = parameters.optional_structure("claims")? else { return Ok(Asked::default()) };
    let bad = |what: &str| Refusal::because(Reason::BadParameter, format!("claims {what}"));
    if text.len() > MAX_CLAIMS_BYTES {
        return Err(bad(&format!("must not exceed {MAX_CLAIMS_BYTES} bytes")));
    }
    let claims = json::parse(text.as_bytes()).map_err(|fault| bad(&fault.to_string()))?;
    let claims = claims.as_object().ok_or_else(|| bad("must be a JSON object"))?;
    let nothing = Map::new();
    let member = |name: &str| match claims.get(name) {
        None | Some(Value::Null) => Ok(&nothing),
        Some(member) => member.as_object().ok_or_else(|| bad(&format!("{name} must be an object"))),
    };
    let (id_token, userinfo) = (member("id_token")?, member("userinfo")?);
    for (name, wish) in id_token.iter().chain(userinfo) {
        if !(wish.is_null() || wish.is_object()) {
            return Err(bad(&format!("{name} must be null or an object")));
        }
    }
    let names = |of: &Map<String, Value>| WantedClaims::known(of.keys());
    let acr = id_token.get("acr").map(reachable).transpose()?;
    let mut subjects =
        [id_token, userinfo].into_iter().filter_map(|of| of.get("sub")?.get("value"));
    Ok(Asked {
        acr,
        subject: subjects.find_map(Value::as_str).map(str::to_owned),
        claims: WantedClaims { id_token: names(id_token), userinfo: names(userinfo) },
    })
}

/// What the claim `acr` asks for, where we reach a class that will do.
fn reachable(wish: &Value) -> Result<Class, Refusal> {
    let values = wish.get("values").and_then(Value::as_array);
    let named = values.into_iter().flatten().chain(wish.get("value")).filter_map(Value::as_str);
    let named: Vec<&str> = named.collect();
    let is_essential = wish.get("essential").and_then(Value::as_bool).unwrap_or(false);
    let passkey = preference(&named);
    if !is_essential || named.is_empty() {
        return Ok(Class { passkey, is_device_essential: false });
    }
    match (named.contains(&DEVICE_ACR), named.contains(&PASSKEY_ACR)) {
        (true, true) => Ok(Class { passkey, is_device_essential: false }),
        (true, false) => Ok(Class { passkey: PasskeyWish::None, is_device_essential: true }),
        (false, true) => Ok(Class { passkey: PasskeyWish::Required, is_device_essential: false }),
        (false, false) => {
            let text = format!("The acr that can be reached are {DEVICE_ACR} and {PASSKEY_ACR}");
            Err(Refusal::because(Reason::UnmetClaim, text))
        }
    }
}

/// Of the classes in their order, the first that we reach is meant.
fn preference(named: &[&str]) -> PasskeyWish {
    match named.iter().find(|name| [DEVICE_ACR, PASSKEY_ACR].contains(*name)) {
        Some(&PASSKEY_ACR) => PasskeyWish::Preferred,
        Some(_) | None => PasskeyWish::None,
    }
}

/// C25: any value is voluntary; what is reached is told, whether it was among them or not.
fn acr(parameters: &Parameters) -> Result<Option<Class>, Refusal> {
    let Some(values) = parameters.optional("acr_values")? else { return Ok(None) };
    let is_good = values.len() <= MAX_ACR_VALUES_BYTES && !values.chars().any(char::is_control);
    if !is_good || values.split(' ').all(str::is_empty) {
        let text = "acr_values must be names with a space between, at most 1024 bytes";
        return Err(Refusal::because(Reason::BadParameter, text));
    }
    let named: Vec<&str> = values.split(' ').collect();
    Ok(Some(Class { passkey: preference(&named), is_device_essential: false }))
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
