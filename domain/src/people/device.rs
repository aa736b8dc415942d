//! An enrolled device and how the Management API shows it.

use std::fmt;

use device_protocol::aizuchi::enroll::Channel;
use device_protocol::aizuchi::key_code;
use serde_json::{Value, json};

use crate::{DeviceId, Fingerprint, Timestamp, UserId};

/// Who carries pushes to a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PushService {
    /// Apple.
    Apns,
    /// Google: Firebase Cloud Messaging, by its old name.
    Gcm,
    /// A phone that lives in the development server and reads the tray.
    Virtual,
    /// Nobody: a device of our own dialect looks into its inbox, and its channel only wakes it.
    Inbox,
}

impl PushService {
    /// The service that enrollment requests and rows call `name`.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "APNS" => Some(Self::Apns),
            "GCM" => Some(Self::Gcm),
            "virtual" => Some(Self::Virtual),
            "inbox" => Some(Self::Inbox),
            _ => None,
        }
    }

    /// Its name in requests and rows.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Apns => "APNS",
            Self::Gcm => "GCM",
            Self::Virtual => "virtual",
            Self::Inbox => "inbox",
        }
    }
}

/// What a device of our own dialect says of itself beyond what every device does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Own {
    /// How it is woken.
    pub channel: Channel,
    /// The language its person reads.
    pub locale: String,
    /// The kind of the channel that its push service called gone; a new one takes its place.
    pub lost: Option<String>,
}

/// The member of the channel's column that holds what was lost.
const LOST: &str = "lost";

impl Own {
    /// The channel as its column holds it.
    pub fn channel_document(&self) -> String {
        let mut channel = self.channel.to_json();
        if let (Some(lost), Some(members)) = (&self.lost, channel.as_object_mut()) {
            members.insert(LOST.to_owned(), lost.as_str().into());
        }
        channel.to_string()
    }

    /// The same device after its push service called the channel gone (D10).
    #[must_use]
    pub fn without_channel(&self) -> Self {
        Self {
            channel: Channel::None,
            locale: self.locale.clone(),
            lost: Some(self.channel.kind().to_owned()),
        }
    }

    /// Reads the columns; `None` if they hold no channel.
    pub fn from_columns(channel: &str, locale: &str) -> Option<Self> {
        let members: Value = serde_json::from_str(channel).ok()?;
        let channel = Channel::parse(&members).ok()?;
        let lost = members.get(LOST).and_then(Value::as_str).map(str::to_owned);
        Some(Self { channel, locale: locale.to_owned(), lost })
    }
}

/// A confirmed enrollment. One that is still pending is its ticket (GD13).
#[derive(Clone, PartialEq, Eq)]
pub struct Device {
    /// `dev_` and 16 alphanumerics.
    pub id: DeviceId,
    /// Whose device it is.
    pub user: UserId,
    /// The device's own name for itself; the `iss` of its answers.
    pub identifier: String,
    /// What the owner sees.
    pub name: String,
    /// Who carries its pushes.
    pub push_service: PushService,
    /// Where pushes go; `None` once the service called the token gone (GD14).
    pub push_token: Option<String>,
    /// The canonical JSON of its public key.
    pub public_jwk: String,
    /// The base it enrolled under; its pushes name that host (GD10).
    pub base_url: String,
    /// When it enrolled.
    pub enrolled_at: Timestamp,
    /// When it last answered.
    pub last_auth_at: Option<Timestamp>,
    /// What only a device of our own dialect has.
    pub own: Option<Own>,
}

impl fmt::Debug for Device {
    /// Without the push token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Device")
            .field("id", &self.id)
            .field("user", &self.user)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl Device {
    /// Whether a person can enter a number on it (decision 14): no app of the Guardian dialect asks
    /// for one.
    pub const fn takes_numbers(&self) -> bool {
        match self.push_service {
            PushService::Apns | PushService::Gcm => false,
            PushService::Virtual | PushService::Inbox => true,
        }
    }

    /// Whether its person can confirm by a passkey on it (decision 14): no app of the Guardian dialect
    /// asks for one.
    pub const fn takes_passkeys(&self) -> bool {
        match self.push_service {
            PushService::Apns | PushService::Gcm | PushService::Virtual => false,
            PushService::Inbox => true,
        }
    }

    /// Whether a request can reach it: a Guardian phone with a live push token, a virtual one, or
    /// one of our own dialect, whatever wakes it (decision 13).
    pub fn is_reachable(&self) -> bool {
        match self.push_service {
            PushService::Apns | PushService::Gcm => self.push_token.is_some(),
            PushService::Virtual | PushService::Inbox => true,
        }
    }

    /// The code that is compared with the one on its screen (D4); apps of the Guardian dialect show
    /// none.
    pub fn key_code(&self) -> Option<String> {
        let thumbprint = Fingerprint::of(self.public_jwk.as_bytes());
        self.own.as_ref().map(|_| key_code(thumbprint.as_bytes()))
    }

    /// Whether anything wakes it when it is asked.
    pub fn is_woken(&self) -> bool {
        match (self.push_service, &self.own) {
            (PushService::Apns | PushService::Gcm | PushService::Virtual, _) => true,
            (PushService::Inbox, Some(own)) => own.channel != Channel::None,
            (PushService::Inbox, None) => false,
        }
    }

    /// Whether its push service called its address gone, and it has brought no other (D10).
    fn is_lost(&self) -> bool {
        self.own.as_ref().is_some_and(|own| own.lost.is_some())
    }

    /// The device in the list of a user's enrollments (W223).
    pub fn to_user_enrollment(&self) -> Value {
        json!({
            "id": self.id.as_str(),
            "status": "confirmed",
            "type": "push",
            "name": self.name,
            "identifier": self.identifier,
            "phone_number": null,
            "auth_method": "guardian",
            "enrolled_at": self.enrolled_at.to_iso(),
            "last_auth": self.last_auth_at.map(Timestamp::to_iso),
            "reachable": self.is_reachable() && !self.is_lost(),
        })
    }

    /// The device as a Guardian enrollment (W251).
    pub fn to_guardian_enrollment(&self) -> Value {
        json!({
            "id": self.id.as_str(),
            "status": "confirmed",
            "name": self.name,
            "identifier": self.identifier,
            "phone_number": null,
            "enrolled_at": self.enrolled_at.to_iso(),
            "last_auth": self.last_auth_at.map(Timestamp::to_iso),
        })
    }

    /// The device as an authentication method (W224).
    pub fn to_authentication_method(&self) -> Value {
        json!({
            "id": format!("push|{}", self.id),
            "type": "push",
            "confirmed": true,
            "name": self.name,
            "created_at": self.enrolled_at.to_iso(),
            "enrolled_at": self.enrolled_at.to_iso(),
            "last_auth_at": self.last_auth_at.map(Timestamp::to_iso),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(push_service: PushService, push_token: Option<&str>) -> Device {
        Device {
            id: DeviceId::new("dev_0123456789abcdef"),
            user: UserId::new("auth0|0123456789abcdef01234567"),
            identifier: String::from("9F41"),
            name: String::from("Alice's phone"),
            push_service,
            push_token: push_token.map(String::from),
            public_jwk: String::from("{}"),
            base_url: String::from("https://login.example.com/appliance-mfa"),
            enrolled_at: Timestamp::from_ms(1_795_409_778_000),
            last_auth_at: None,
            own: None,
        }
    }

    #[test]
    fn a_phone_is_reachable_while_it_has_a_push_token_and_a_virtual_one_always() {
        assert!(device(PushService::Apns, Some("aa")).is_reachable());
        assert!(device(PushService::Gcm, Some("aa")).is_reachable());
        assert!(!device(PushService::Apns, None).is_reachable());
        assert!(!device(PushService::Gcm, None).is_reachable());
        assert!(device(PushService::Virtual, None).is_reachable());
        assert!(device(PushService::Inbox, None).is_reachable());
    }

    #[test]
    fn the_three_views_of_a_device_have_their_members() {
        let mut device = device(PushService::Gcm, Some("aa"));
        device.last_auth_at = Some(Timestamp::from_ms(1_795_409_778_600));
        let enrollment = device.to_user_enrollment();
        assert_eq!(enrollment["id"], "dev_0123456789abcdef");
        assert_eq!(enrollment["status"], "confirmed");
        assert_eq!(enrollment["auth_method"], "guardian");
        assert_eq!(enrollment["last_auth"], "2026-11-23T04:56:18.600Z");
        assert_eq!(device.to_guardian_enrollment()["enrolled_at"], "2026-11-23T04:56:18.000Z");
        let method = device.to_authentication_method();
        assert_eq!(method["id"], "push|dev_0123456789abcdef");
        assert_eq!(method["confirmed"], true);
    }

    #[test]
    fn push_services_have_the_names_of_the_wire() {
        for service in
            [PushService::Apns, PushService::Gcm, PushService::Virtual, PushService::Inbox]
        {
            assert_eq!(PushService::named(service.name()), Some(service));
        }
        assert_eq!(PushService::named("apns"), None);
    }
}
