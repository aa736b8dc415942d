//! Enrollment tickets: what an administrator sends, and what stands in a QR code.

use crate::{DeviceId, Fingerprint, Timestamp, UserId};

/// How long the ticket of an administrator is good (W250).
pub const WEB_LIFETIME_S: i64 = 5 * 24 * 60 * 60;

/// How long the ticket in a QR code is good (G23).
pub const TX_LIFETIME_S: i64 = 5 * 60;

/// What a ticket is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TicketKind {
    /// The one in `ticket_url`: opens the page with the QR code, enrolls nothing itself (G36).
    Web,
    /// The one in a QR code: enrolls one device.
    Tx {
        /// The web ticket whose page shows it; spent together with this one.
        parent: Option<Fingerprint>,
        /// The id that the device will have.
        enrollment: DeviceId,
    },
}

/// A ticket as it is stored: its text, 32 alphanumerics, is not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ticket {
    /// SHA-256 of its text.
    pub fingerprint: Fingerprint,
    /// What it is for.
    pub kind: TicketKind,
    /// Whose device it enrolls.
    pub user: UserId,
    /// Whether it may enroll a further device.
    pub allow_multiple: bool,
    /// The device that is gone once this one is there (D6).
    pub replaces: Option<DeviceId>,
    /// Whether a device made it by its proof alone: no passkey is registered under it (D14).
    pub is_of_device: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// The first moment at which it is good no more.
    pub expires_at: Timestamp,
    /// When it was used, if it was.
    pub used_at: Option<Timestamp>,
}

impl Ticket {
    /// Whether it is unused and in time.
    pub fn is_good_at(&self, now: Timestamp) -> bool {
        self.used_at.is_none() && now < self.expires_at
    }
}

#[cfg(test)]
mod tests {
    use super::{Ticket, TicketKind, WEB_LIFETIME_S};
    use crate::{Fingerprint, Timestamp, UserId};

    #[test]
    fn a_ticket_is_good_until_it_is_used_or_its_time_comes() {
        let made = Timestamp::from_ms(0);
        let expires_at = made.plus_seconds(WEB_LIFETIME_S);
        let ticket = Ticket {
            fingerprint: Fingerprint::of(b"ticket"),
            kind: TicketKind::Web,
            user: UserId::new("auth0|a"),
            allow_multiple: false,
            replaces: None,
            is_of_device: false,
            created_at: made,
            expires_at,
            used_at: None,
        };
        assert!(ticket.is_good_at(expires_at.plus_ms(-1)));
        assert!(!ticket.is_good_at(expires_at));
        assert!(!Ticket { used_at: Some(made), ..ticket }.is_good_at(made));
    }
}
