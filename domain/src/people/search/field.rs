//! The fields a question about users may name.

use super::Vocabulary;

/// Longest path below `user_metadata` or `app_metadata`, in segments.
const PATH_LIMIT: usize = 8;

/// A field of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Field {
    /// The id.
    UserId,
    /// A text whose case does not matter: `email`, `name`, `nickname`, `given_name`, `family_name`.
    Folded(&'static str),
    /// The part of the address after the at sign.
    EmailDomain,
    /// Another member of the document.
    Member(&'static str),
    /// When the user was created.
    CreatedAt,
    /// When the user was last changed.
    UpdatedAt,
    /// Something nested in metadata; an empty path is the object itself.
    Metadata(Root, Vec<String>),
    /// Something about any of the user's accounts.
    Identity(Identified),
}

/// Which metadata.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Root {
    /// What the user may change elsewhere.
    User,
    /// What only administrators change.
    App,
}

impl Root {
    /// The member of the document.
    pub const fn name(self) -> &'static str {
        match self {
            Self::User => "user_metadata",
            Self::App => "app_metadata",
        }
    }
}

/// What is asked about an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Identified {
    /// Its connection.
    Connection,
    /// Its id within the connection.
    UserId,
    /// Its provider.
    Provider,
    /// Whether it is a social account.
    IsSocial,
}

impl Identified {
    /// The member of an identity.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Connection => "connection",
            Self::UserId => "user_id",
            Self::Provider => "provider",
            Self::IsSocial => "isSocial",
        }
    }
}

/// Members with no rule of their own.
const MEMBERS: &[&str] = &[
    "username",
    "blocked",
    "email_verified",
    "phone_number",
    "phone_verified",
    "picture",
    "last_login",
    "last_ip",
    "logins_count",
];

impl Vocabulary for Field {
    fn named(name: &str) -> Result<Self, String> {
        if let Some(folded) = super::super::user::FOLDED.iter().find(|known| **known == name) {
            return Ok(Self::Folded(folded));
        }
        if let Some(member) = MEMBERS.iter().find(|known| **known == name) {
            return Ok(Self::Member(member));
        }
        match name {
            "user_id" => return Ok(Self::UserId),
            "email.domain" => return Ok(Self::EmailDomain),
            "created_at" => return Ok(Self::CreatedAt),
            "updated_at" => return Ok(Self::UpdatedAt),
            "identities.connection" => return Ok(Self::Identity(Identified::Connection)),
            "identities.user_id" => return Ok(Self::Identity(Identified::UserId)),
            "identities.provider" => return Ok(Self::Identity(Identified::Provider)),
            "identities.isSocial" => return Ok(Self::Identity(Identified::IsSocial)),
            _ => {}
        }
        let mut segments = name.split('.');
        let root = match segments.next() {
            Some("user_metadata") => Root::User,
            Some("app_metadata") => Root::App,
            _ => return Err(format!("there is no field {name}")),
        };
        let path: Vec<String> = segments.map(String::from).collect();
        let good = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
        if path.len() > PATH_LIMIT {
            return Err(format!("a path may have at most {PATH_LIMIT} segments"));
        }
        if path.iter().any(|segment| segment.is_empty() || !segment.chars().all(good)) {
            return Err(String::from("a path has letters, digits, _ and - between its dots"));
        }
        Ok(Self::Metadata(root, path))
    }

    fn is_folded(&self) -> bool {
        match self {
            Self::Folded(_) => true,
            Self::UserId
            | Self::EmailDomain
            | Self::Member(_)
            | Self::CreatedAt
            | Self::UpdatedAt
            | Self::Metadata(..)
            | Self::Identity(_) => false,
        }
    }

    fn is_moment(&self) -> bool {
        matches!(self, Self::CreatedAt | Self::UpdatedAt)
    }

    fn is_exact_only(&self) -> bool {
        matches!(self, Self::Metadata(Root::User, _))
    }

    fn bare() -> &'static [Self] {
        &[]
    }
}
