//! The envelope of every error on the device paths.
//!
//! Both SDKs give an app nothing but the bare status unless the body is a JSON object with string
//! members, and iOS shows `description`, not `message`: so both are there.
//!
//! ```
//! use device_protocol::guardian::errors::{Code, Envelope};
//!
//! let refusal = Envelope::new(Code::InvalidToken, "the signature does not verify");
//! assert_eq!(refusal.status_code, 401);
//! assert_eq!(serde_json::to_value(&refusal).unwrap()["errorCode"], "invalid_token");
//! ```

use serde::Serialize;

use crate::codes::codes;

codes! {
    /// The body is not JSON, lacks a member or has one of a wrong type.
    InvalidBody = 400 "invalid_body";
    /// A one-time code that is not six digits.
    InvalidOtpFormat = 400 "invalid_otp_format";
    /// No, unreadable, forged, foreign or outdated credential.
    InvalidToken = 401 "invalid_token";
    /// An `Authorization` header of another form than the path takes.
    InvalidBearerFormat = 401 "invalid_bearer_format";
    /// The proof of possession does not hold.
    InvalidDpopAssertion = 401 "invalid_dpop_assertion";
    /// The feature is off.
    FeatureDisabled = 403 "feature_disabled";
    /// The operator has switched the factor off.
    FeatureDisabledByAdmin = 403 "feature_disabled_by_admin";
    /// This way of enrolling is not offered.
    EnrollmentMethodDisabled = 403 "enrollment_method_disabled";
    /// A wrong one-time code.
    InvalidOtp = 403 "invalid_otp";
    /// A wrong recovery code.
    InvalidRecoveryCode = 403 "invalid_recovery_code";
    /// The ticket is unknown, used or too old.
    EnrollmentTransactionNotFound = 404 "enrollment_transaction_not_found";
    /// No such enrollment (any more).
    DeviceAccountNotFound = 404 "device_account_not_found";
    /// The request is decided, expired or gone.
    LoginTransactionNotFound = 404 "login_transaction_not_found";
    /// No such consent for this device.
    ConsentNotFound = 404 "consent_not_found";
    /// No such path.
    NotFound = 404 "not_found";
    /// The path has other methods.
    MethodNotAllowed = 405 "method_not_allowed";
    /// The user has a device already.
    EnrollmentConflict = 409 "enrollment_conflict";
    /// Too many pushes to one user.
    TooManyPn = 429 "too_many_pn";
    /// Too many calls.
    TooManyRequests = 429 "too_many_requests";
    /// Our fault.
    InternalError = 500 "internal_error";
    /// Our fault, and worth trying again later.
    ServiceUnavailable = 503 "service_unavailable";
}

impl Code {
    /// The reason phrase of the status, which `error` repeats.
    pub const fn reason_phrase(self) -> &'static str {
        match self.status() {
            400 => "Bad Request",
            401 => "Unauthorized",
            403 => "Forbidden",
            404 => "Not Found",
            405 => "Method Not Allowed",
            409 => "Conflict",
            429 => "Too Many Requests",
            503 => "Service Unavailable",
            _ => "Internal Server Error",
        }
    }
}

/// The body of an error answer; all members but the number are strings, none is ever null.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Envelope {
    /// The HTTP status once more.
    pub status_code: u16,
    /// What apps branch on.
    pub error_code: &'static str,
    /// The reason phrase of the status.
    pub error: &'static str,
    /// A sentence for a person.
    pub message: String,
    /// The same sentence, where iOS looks for it.
    pub description: String,
}

impl Envelope {
    /// The envelope of `code` with one sentence for a person.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        let message = message.into();
        Self {
            status_code: code.status(),
            error_code: code.as_str(),
            error: code.reason_phrase(),
            description: message.clone(),
            message,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Code, Envelope};

    /// Part of G13: a JSON object with string `errorCode` and string `error`, `message`, `description`.
    #[test]
    fn every_error_has_the_same_five_members() {
        for code in Code::ALL {
            let body = serde_json::to_value(Envelope::new(*code, "why")).unwrap();
            let members = body.as_object().unwrap();
            assert_eq!(members.len(), 5);
            assert_eq!(body["statusCode"], code.status());
            assert_eq!(body["errorCode"], code.as_str());
            assert_eq!(body["message"], "why");
            assert_eq!(body["description"], "why");
            assert!(body["error"].is_string());
        }
    }
}
