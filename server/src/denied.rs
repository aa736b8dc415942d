//! What the Management API refuses: one table, keyed by what happened, with Auth0's statuses, words
//! and codes (B13). Nobody chooses them anywhere else.

use domain::people::search::InvalidQuery;
use domain::shape::InvalidBody;

use crate::failure::{Broken, Failure};

/// Why an administrator's call is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Denied {
    /// There is no token.
    NoToken,
    /// The token is unreadable, foreign or meant for somebody else.
    InvalidToken,
    /// The token is too old.
    ExpiredToken,
    /// The token has none of these scopes.
    InsufficientScope(&'static [&'static str]),
    /// There is no such path, or no such tenant.
    NoSuchPath,
    /// The path has no such method.
    MethodNotAllowed,
    /// The body is no JSON by its content type.
    UnsupportedMediaType,
    /// The body is too long.
    BodyTooLong(String),
    /// The body is not what it should be.
    InvalidBody(String),
    /// A parameter of the query is not what it should be.
    InvalidQuery(String),
    /// A part of the path is not what it should be.
    InvalidPath(String),
    /// The page lies beyond what can be paged.
    InvalidPaging,
    /// The search took too long.
    TooSlow,
    /// The tenant calls more often than its limit allows.
    TooManyCalls,
    /// There is no such user.
    NoUser,
    /// The address or the id is taken.
    UserExists,
    /// An e-mail provider is set already.
    MailProviderExists,
    /// There is no such device.
    NoEnrollment,
    /// The signing key signs, or is to sign next.
    KeyInUse,
    /// The domain is taken, by this tenant or another.
    DomainExists,
    /// There is nothing of this kind by that name.
    Inexistent(Inexistent),
    /// No mail can be sent.
    NoMail,
    /// There is no such client.
    NoClient,
    /// There is no such credential.
    NoCredential,
    /// There is no such API.
    NoApi,
    /// The identifier of the API is taken.
    ApiExists,
    /// The Management API is not to be changed through itself.
    SystemApi,
    /// There is no such client grant.
    NoGrant,
    /// The client has a grant of this kind for this API.
    GrantExists,
    /// A client of this kind cannot have such a grant.
    WrongKindOfClient(String),
    /// Others changed the same thing again and again.
    Contended,
}

impl Denied {
    /// Status, sentence and code, in the words of the wire.
    pub fn wire(&self) -> (u16, String, Option<&'static str>) {
        let (status, message, code) = match self {
            Self::NoToken => (401, "Missing authentication", None),
            Self::InvalidToken => (401, "Invalid token", None),
            Self::ExpiredToken => {
                (401, "Expired token received for JSON Web Token validation", None)
            }
            Self::InsufficientScope(scopes) => {
                let message = format!("Insufficient scope, expected any of: {}", scopes.join(","));
                return (403, message, Some("insufficient_scope"));
            }
            Self::NoSuchPath => (404, "Not Found", None),
            Self::MethodNotAllowed => (405, "Method Not Allowed", None),
            Self::UnsupportedMediaType => {
                (415, "The content type of the body must be application/json", None)
            }
            Self::BodyTooLong(message) => (413, message.as_str(), Some("invalid_body")),
            Self::InvalidBody(message) => (400, message.as_str(), Some("invalid_body")),
            Self::InvalidQuery(message) => (400, message.as_str(), Some("invalid_query_string")),
            Self::InvalidPath(message) => (400, message.as_str(), Some("invalid_uri")),
            Self::InvalidPaging => {
                (400, "You can only page through the first 1000 records.", Some("invalid_paging"))
            }
            Self::TooSlow => (503, "The search took longer than 2 seconds. Narrow it down.", None),
            Self::TooManyCalls => (429, "Global limit has been reached", Some("too_many_requests")),
            Self::NoUser => (404, "The user does not exist.", Some("inexistent_user")),
            Self::MailProviderExists => {
                (409, "The email provider is configured already", Some("email_provider_conflict"))
            }
            Self::UserExists => (409, "The user already exists.", Some("auth0_idp_error")),
            Self::NoEnrollment => (404, "Enrollment not found", Some("enrollment_not_found")),
            Self::KeyInUse => {
                (400, "The signing key is in use; rotate the keys first", Some("invalid_uri"))
            }
            Self::DomainExists => {
                (409, "The custom domain already exists", Some("custom_domain_already_exists"))
            }
            Self::Inexistent(what) => {
                let (message, code) = what.wire();
                (404, message, code)
            }
            Self::NoMail => {
                (400, "There is not a configured email provider", Some("inexistent_email_provider"))
            }
            Self::NoClient => (404, "The client does not exist", Some("inexistent_client")),
            Self::NoCredential => {
                (404, "The credential does not exist", Some("inexistent_credential"))
            }
            Self::NoApi => {
                (404, "The resource server does not exist", Some("inexistent_resource_server"))
            }
            Self::ApiExists => {
                (409, "A resource server with the same identifier already exists", None)
            }
            Self::SystemApi => {
                (400, "The Management API cannot be changed or deleted", Some("invalid_body"))
            }
            Self::NoGrant => (404, "The grant does not exist.", Some("inexistent_client_grant")),
            Self::GrantExists => (
                409,
                "The client has a grant for this audience already; change that one instead",
                None,
            ),
            Self::WrongKindOfClient(message) => (400, message.as_str(), Some("validation_error")),
            Self::Contended => {
                (409, "It is being changed by others at the same time; try again", None)
            }
        };
        (status, message.to_owned(), code)
    }
}

/// A kind of thing of which there is none by the name that was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inexistent {
    /// An entry of the log.
    Log,
    /// A refresh token.
    RefreshToken,
    /// A session.
    Session,
    /// An authentication method.
    Method,
    /// A signing key.
    Key,
    /// A custom domain.
    Domain,
    /// A connection.
    Connection,
    /// A role.
    Role,
    /// An organization.
    Organization,
    /// The e-mail provider.
    MailProvider,
    /// An initial access token.
    InitialToken,
    /// A receipt, or one that this program may read.
    Receipt,
}

impl Inexistent {
    /// Sentence and code, in the words of the wire.
    const fn wire(self) -> (&'static str, Option<&'static str>) {
        match self {
            Self::Log => ("The log does not exist.", Some("inexistent_log")),
            Self::RefreshToken => {
                ("The refresh token does not exist.", Some("inexistent_refresh_token"))
            }
            Self::Session => ("The session does not exist.", Some("inexistent_session")),
            Self::Method => (
                "The authentication method does not exist.",
                Some("inexistent_authentication_method"),
            ),
            Self::Key => ("The signing key does not exist.", Some("inexistent_signing_key")),
            Self::Domain => ("The custom domain does not exist", Some("inexistent_custom_domain")),
            Self::Connection => ("The connection does not exist", Some("inexistent_connection")),
            Self::Role => ("The role does not exist.", None),
            Self::Organization => ("No organization found by that id or name", None),
            Self::InitialToken => (
                "The initial access token does not exist.",
                Some("inexistent_initial_access_token"),
            ),
            Self::Receipt => ("The receipt does not exist.", Some("inexistent_receipt")),
            Self::MailProvider => {
                ("There is not a configured email provider", Some("inexistent_email_provider"))
            }
        }
    }
}

impl From<Inexistent> for Denial {
    fn from(what: Inexistent) -> Self {
        Self::Denied(Denied::Inexistent(what))
    }
}

/// What a flow of administration returns instead of what was asked for.
#[derive(Debug)]
pub enum Denial {
    /// The administrator may not, or asked for something that cannot be.
    Denied(Denied),
    /// Ours to mend.
    Broken(Broken),
}

impl From<Denied> for Denial {
    fn from(denied: Denied) -> Self {
        Self::Denied(denied)
    }
}

impl From<Broken> for Denial {
    fn from(broken: Broken) -> Self {
        Self::Broken(broken)
    }
}

impl From<store::Error> for Denial {
    fn from(error: store::Error) -> Self {
        Self::Broken(error.into())
    }
}

impl From<Failure> for Denial {
    /// Look-ups of tenants, clients and keys refuse nobody: what they cannot do is ours to mend.
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Broken(broken) => Self::Broken(broken),
            Failure::Refused(refused) => Self::Denied(Denied::InvalidBody(format!("{refused:?}"))),
        }
    }
}

impl From<InvalidBody> for Denial {
    fn from(invalid: InvalidBody) -> Self {
        Self::Denied(Denied::InvalidBody(invalid.message))
    }
}

impl From<InvalidQuery> for Denial {
    fn from(invalid: InvalidQuery) -> Self {
        Self::Denied(Denied::InvalidQuery(invalid.to_string()))
    }
}
