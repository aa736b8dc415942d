//! The text of the QR code that enrolls a device.
//!
//! ```
//! use device_protocol::guardian::otpauth::{Enrollment, Otpauth};
//!
//! let text = Otpauth {
//!     issuer: "Example",
//!     account: "auth0|abc",
//!     enrollment_tx_id: "AbCdEfGhIjKlMnOpQrStUvWxYz012345",
//!     id: "dev_AbCdEfGh01234567",
//!     base_url: "https://login.example.com/appliance-mfa",
//!     totp_secret: None,
//! }
//! .to_string();
//! assert!(text.starts_with("otpauth://totp/Example:auth0%7Cabc?enrollment_tx_id="));
//! let scanned = Enrollment::parse(&text).unwrap();
//! assert_eq!(scanned.base_url.as_deref(), Some("https://login.example.com/appliance-mfa"));
//! ```

use std::fmt;

use super::enroll::is_ticket;

/// No QR text is longer.
pub const MAX_OTPAUTH_BYTES: usize = 2048;
/// No QR text has more parameters.
const MAX_PARAMETERS: usize = 32;

/// What the server writes into the QR code; `Display` is the text.
#[derive(Clone, Copy)]
pub struct Otpauth<'a> {
    /// The tenant's display name.
    pub issuer: &'a str,
    /// The user.
    pub account: &'a str,
    /// The ticket, letters and digits only.
    pub enrollment_tx_id: &'a str,
    /// The enrollment's id.
    pub id: &'a str,
    /// `{B}`: the base of the device API.
    pub base_url: &'a str,
    /// Base32; without it the TOTP parameters are left out.
    pub totp_secret: Option<&'a str>,
}

impl fmt::Display for Otpauth<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "otpauth://totp/{}:{}?", Encoded(self.issuer), Encoded(self.account))?;
        if let Some(secret) = self.totp_secret {
            write!(f, "secret={}&", Encoded(secret))?;
        }
        write!(
            f,
            "enrollment_tx_id={}&issuer={}&id={}&base_url={}",
            Encoded(self.enrollment_tx_id),
            Encoded(self.issuer),
            Encoded(self.id),
            Encoded(self.base_url),
        )?;
        if self.totp_secret.is_some() {
            f.write_str("&algorithm=sha1&digits=6&period=30&counter=0")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Otpauth<'_> {
    /// Without ticket and secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Otpauth").field("id", &self.id).finish_non_exhaustive()
    }
}

/// Text with everything but unreserved characters percent-encoded.
struct Encoded<'a>(&'a str);

impl fmt::Display for Encoded<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in self.0.bytes() {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                write!(f, "{}", char::from(byte))?;
            } else {
                write!(f, "%{byte:02X}")?;
            }
        }
        Ok(())
    }
}

/// What a device takes from the QR code, or from a ticket typed by hand.
#[derive(Clone, PartialEq, Eq)]
pub struct Enrollment {
    /// The ticket.
    pub enrollment_tx_id: String,
    /// Where to enroll; a bare ticket does not say.
    pub base_url: Option<String>,
    /// The tenant's display name.
    pub issuer: Option<String>,
}

impl fmt::Debug for Enrollment {
    /// Without the ticket.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Enrollment").field("base_url", &self.base_url).finish_non_exhaustive()
    }
}

/// Text that is neither such a URI nor a bare ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidEnrollment(&'static str);

impl fmt::Display for InvalidEnrollment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for InvalidEnrollment {}

impl Enrollment {
    /// Reads a scanned URI, or takes the whole text as the ticket.
    pub fn parse(text: &str) -> Result<Self, InvalidEnrollment> {
        let text = text.trim();
        if text.len() > MAX_OTPAUTH_BYTES {
            return Err(InvalidEnrollment("the text is too long"));
        }
        let Some((scheme, rest)) = text.split_once("://") else {
            return Self::new(text.to_owned(), None, None);
        };
        let (label, query) = rest.split_once('?').unwrap_or((rest, ""));
        let host = label.split('/').next().unwrap_or_default();
        if !scheme.eq_ignore_ascii_case("otpauth") || !host.eq_ignore_ascii_case("totp") {
            return Err(InvalidEnrollment("the text is not an otpauth://totp/ address"));
        }
        let (mut ticket, mut base_url, mut issuer) = (None, None, None);
        for (count, pair) in query.split('&').enumerate() {
            if count >= MAX_PARAMETERS {
                return Err(InvalidEnrollment("the address has too many parameters"));
            }
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let slot = match name {
                "enrollment_tx_id" => &mut ticket,
                "base_url" => &mut base_url,
                "issuer" => &mut issuer,
                _ => continue,
            };
            if slot.replace(decoded(value)?).is_some() {
                return Err(InvalidEnrollment("a parameter stands twice in the address"));
            }
        }
        let ticket = ticket.ok_or(InvalidEnrollment("the address has no enrollment_tx_id"))?;
        Self::new(ticket, base_url, issuer)
    }

    fn new(
        enrollment_tx_id: String,
        base_url: Option<String>,
        issuer: Option<String>,
    ) -> Result<Self, InvalidEnrollment> {
        if is_ticket(&enrollment_tx_id) {
            Ok(Self { enrollment_tx_id, base_url, issuer })
        } else {
            Err(InvalidEnrollment("the ticket holds other characters than letters and digits"))
        }
    }
}

fn decoded(text: &str) -> Result<String, InvalidEnrollment> {
    const BROKEN: InvalidEnrollment = InvalidEnrollment("the percent encoding is broken");
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let mut digit = || rest.next().and_then(|b| char::from(b).to_digit(16)).ok_or(BROKEN);
            let value = digit()? * 16 + digit()?;
            bytes.push(u8::try_from(value).map_err(|_not_reached| BROKEN)?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).map_err(|_not_utf8| BROKEN)
}
