//! What a tenant's administrator sets for push services: Auth0's members, and ours for token keys.
//!
//! A provider's settings are a document that may be shown and a secret that is sealed before it is
//! kept and never shown.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::shape::{InvalidBody, Kind, Member, Object, checked, clearable, is_set, text};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use serde_json::{Map, Value, json};

use super::apns::ApnsAccount;
use super::fcm::FcmAccount;
use super::p12;
use crate::outside::Identity;

/// Where settings can be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Provider {
    /// Apple.
    Apns,
    /// Google's old interface: kept, and never used, for Google has closed it.
    Fcm,
    /// Google.
    FcmV1,
    /// Amazon: kept, and never used.
    Sns,
}

/// The settings of one provider.
#[derive(Clone, Default, PartialEq)]
pub struct ProviderSettings {
    /// What may be shown.
    pub document: Object,
    /// What may not.
    pub secret: Option<Object>,
}

impl std::fmt::Debug for ProviderSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ProviderSettings").field("document", &self.document).finish_non_exhaustive()
    }
}

const APNS: &[Member] = &[
    clearable("sandbox", Kind::Flag),
    clearable("bundle_id", Kind::Text(1, 255)),
    clearable("p12", Kind::Kept(48 * 1024)),
    clearable("p8", Kind::Kept(4096)),
    clearable("key_id", Kind::Text(10, 10)),
    clearable("team_id", Kind::Text(10, 10)),
];
const FCM: &[Member] = &[clearable("server_key", Kind::Text(1, 1024))];
const FCM_V1: &[Member] = &[clearable("server_credentials", Kind::Kept(20 * 1024))];
const SNS: &[Member] = &[
    clearable("aws_access_key_id", Kind::Text(1, 1024)),
    clearable("aws_secret_access_key", Kind::Text(1, 1024)),
    clearable("aws_region", Kind::Text(1, 1024)),
    clearable("sns_apns_platform_application_arn", Kind::Text(1, 1024)),
    clearable("sns_gcm_platform_application_arn", Kind::Text(1, 1024)),
];

impl Provider {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Apns, Self::Fcm, Self::FcmV1, Self::Sns];

    /// The name in paths and rows.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Apns => "apns",
            Self::Fcm => "fcm",
            Self::FcmV1 => "fcmv1",
            Self::Sns => "sns",
        }
    }

    /// The provider of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|provider| provider.name() == name)
    }

    const fn members(self) -> &'static [Member] {
        match self {
            Self::Apns => APNS,
            Self::Fcm => FCM,
            Self::FcmV1 => FCM_V1,
            Self::Sns => SNS,
        }
    }

    /// Members that are secret as they come.
    const fn secrets(self) -> &'static [&'static str] {
        match self {
            Self::Apns => &["p12", "p8"],
            Self::Fcm => &["server_key"],
            Self::FcmV1 => &["server_credentials"],
            Self::Sns => &["aws_secret_access_key"],
        }
    }
}

impl ProviderSettings {
    /// These settings with those of `body` laid over them. Credentials are tried on: what cannot
    /// work is refused. Not for a thread that others wait for (see [`p12`]).
    pub fn changed(&self, provider: Provider, body: &Object) -> Result<Self, InvalidBody> {
        let given = checked(provider.members(), body)?;
        let mut changed = self.clone();
        for (name, value) in &given {
            if provider.secrets().contains(&name.as_str()) {
                continue;
            }
            if value.is_null() {
                changed.document.remove(name);
            } else {
                changed.document.insert(name.clone(), value.clone());
            }
        }
        for name in provider.secrets() {
            match given.get(*name) {
                None => {}
                Some(Value::Null) => changed.secret = None,
                Some(value) => {
                    let value = value.as_str().ok_or_else(|| {
                        InvalidBody::on(name, "Expected type string but found another type")
                    })?;
                    changed.secret = Some(kept(provider, name, value)?);
                }
            }
        }
        changed.try_on(provider, &given)?;
        Ok(changed)
    }

    fn try_on(&self, provider: Provider, given: &Object) -> Result<(), InvalidBody> {
        match provider {
            Provider::Apns if self.secret.is_some() && self.document.contains_key("bundle_id") => {
                let name = ["p12", "p8", "key_id", "team_id", "bundle_id"]
                    .into_iter()
                    .find(|name| given.contains_key(*name))
                    .unwrap_or("bundle_id");
                self.apns().map(drop).map_err(|why| InvalidBody::on(name, why))
            }
            Provider::FcmV1 if self.secret.is_some() => {
                self.fcm().map(drop).map_err(|why| InvalidBody::on("server_credentials", why))
            }
            Provider::Apns | Provider::Fcm | Provider::FcmV1 | Provider::Sns => Ok(()),
        }
    }

    /// The settings as `GET` shows them.
    pub fn shown(&self, provider: Provider) -> Value {
        let member = |name: &str| self.document.get(name).cloned().unwrap_or(Value::Null);
        match provider {
            Provider::Apns => {
                let mut shown = json!({
                    "bundle_id": member("bundle_id"),
                    "sandbox": is_set(&self.document, "sandbox"),
                    "enabled": self.apns().is_ok(),
                });
                for name in ["key_id", "team_id"] {
                    if let (Some(value), Some(shown)) =
                        (self.document.get(name), shown.as_object_mut())
                    {
                        shown.insert(name.to_owned(), value.clone());
                    }
                }
                shown
            }
            Provider::Fcm | Provider::FcmV1 => json!({}),
            Provider::Sns => SNS
                .iter()
                .filter(|known| !provider.secrets().contains(&known.name))
                .map(|known| (known.name.to_owned(), member(known.name)))
                .collect::<Map<_, _>>()
                .into(),
        }
    }

    /// Apple's account.
    pub fn apns(&self) -> Result<ApnsAccount, String> {
        let none = "no key or certificate is set";
        let secret = self.secret.as_ref().ok_or(none)?;
        let topic = text(&self.document, "bundle_id").ok_or("no bundle_id is set")?;
        let app = (topic, is_set(&self.document, "sandbox"));
        if let Some(p8) = text(secret, "p8") {
            let id = |name| text(&self.document, name).ok_or(format!("p8 needs its {name}, too"));
            return ApnsAccount::with_key(app, p8, (id("key_id")?, id("team_id")?));
        }
        let der = |value: &Value| STANDARD.decode(value.as_str().unwrap_or_default()).ok();
        let key = secret.get("key").and_then(der).ok_or(none)?;
        let chain = secret.get("chain").and_then(Value::as_array).ok_or(none)?;
        let chain: Vec<_> = chain.iter().filter_map(der).map(CertificateDer::from).collect();
        ApnsAccount::with_certificate(
            app,
            Identity { chain, key: PrivatePkcs8KeyDer::from(key).into() },
        )
    }

    /// Google's account.
    pub fn fcm(&self) -> Result<FcmAccount, String> {
        let none = "no service account is set";
        let secret = self.secret.as_ref().ok_or(none)?;
        FcmAccount::parse(text(secret, "server_credentials").ok_or(none)?)
    }
}

/// A secret as it is kept: a p12 is unpacked once, not at each start.
fn kept(provider: Provider, name: &str, value: &str) -> Result<Object, InvalidBody> {
    let mut secret = Object::new();
    if provider == Provider::Apns && name == "p12" {
        let packed: String = value.chars().filter(|c| !c.is_ascii_whitespace()).collect();
        let p12 = STANDARD.decode(packed).map_err(|error| InvalidBody::on(name, error))?;
        let (key, chain) = p12::unpack(&p12).map_err(|why| InvalidBody::on(name, why))?;
        let chain: Vec<Value> = chain.iter().map(|one| STANDARD.encode(one).into()).collect();
        secret.insert(String::from("key"), STANDARD.encode(key).into());
        secret.insert(String::from("chain"), chain.into());
    } else {
        secret.insert(name.to_owned(), value.into());
    }
    Ok(secret)
}
