//! The fields a question about the log may name (W280): all of them mind case.

use super::Vocabulary;

/// A field of an entry of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogField {
    /// The id of the entry.
    Id,
    /// When it happened.
    Date,
    /// The type.
    Kind,
    /// The client it is about.
    ClientId,
    /// The person it is about.
    UserId,
    /// Another member of the entry.
    Member(&'static str),
}

/// Members with no column of their own.
const MEMBERS: &[&str] = &[
    "client_name",
    "connection",
    "connection_id",
    "description",
    "hostname",
    "ip",
    "organization_id",
    "user_name",
    "user_agent",
    "strategy",
    "strategy_type",
];

/// Where a term without a field is looked for.
const BARE: &[LogField] = &[
    LogField::Member("client_name"),
    LogField::Member("connection"),
    LogField::Member("description"),
    LogField::Member("ip"),
    LogField::Id,
    LogField::Kind,
    LogField::Member("user_name"),
];

impl LogField {
    /// The field that callers call `name`, to order by.
    pub fn sortable(name: &str) -> Option<Self> {
        Self::named(name).ok()
    }
}

impl Vocabulary for LogField {
    fn named(name: &str) -> Result<Self, String> {
        Ok(match name {
            "log_id" | "_id" => Self::Id,
            "date" => Self::Date,
            "type" => Self::Kind,
            "client_id" => Self::ClientId,
            "user_id" => Self::UserId,
            _ => match MEMBERS.iter().find(|known| **known == name) {
                Some(member) => Self::Member(member),
                None => return Err(format!("there is no field {name}")),
            },
        })
    }

    fn is_folded(&self) -> bool {
        false
    }

    fn is_moment(&self) -> bool {
        *self == Self::Date
    }

    fn is_exact_only(&self) -> bool {
        false
    }

    fn bare() -> &'static [Self] {
        BARE
    }
}
