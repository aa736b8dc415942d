//! The search for users: from an understood question to SQL with bound values.
//!
//! What the fields of a user are in the table; `asked` builds the rest.

use domain::TenantId;
use domain::people::search::{Field, Query, Root, Test};
use domain::people::{SEARCH, User};

use crate::asked::{Asked, Place};
use crate::{Database, Engine, Error, users};

/// What to order by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SortField {
    /// When the user was created.
    #[default]
    CreatedAt,
    /// When the user was last changed.
    UpdatedAt,
    /// The id.
    UserId,
    /// The address.
    Email,
    /// The full name.
    Name,
    /// The nickname.
    Nickname,
    /// The given name.
    GivenName,
    /// The family name.
    FamilyName,
    /// The user name.
    Username,
}

impl SortField {
    /// The field that callers call `name`.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "created_at" => Self::CreatedAt,
            "updated_at" => Self::UpdatedAt,
            "user_id" => Self::UserId,
            "email" => Self::Email,
            "name" => Self::Name,
            "nickname" => Self::Nickname,
            "given_name" => Self::GivenName,
            "family_name" => Self::FamilyName,
            "username" => Self::Username,
            _ => return None,
        })
    }
}

/// Which users, in which order, which page of them.
#[derive(Clone, Debug, Default)]
pub struct Search {
    /// The question; none means everybody.
    pub query: Option<Query>,
    /// Only users with an account of this connection.
    pub connection: Option<String>,
    /// What to order by; the id decides between equals.
    pub sort: SortField,
    /// Largest first.
    pub is_descending: bool,
}

/// A page of the users that match.
pub async fn find(
    database: &Database,
    tenant: &TenantId,
    search: &Search,
    skipped: u32,
    most: u32,
) -> Result<Vec<User>, Error> {
    let mut asked = Asked::new(database.engine(), "SELECT user_id, document", "users", tenant);
    matching(&mut asked, search);
    order(&mut asked, search);
    asked.push(" LIMIT ");
    asked.bind(most);
    asked.push(" OFFSET ");
    asked.bind(skipped);
    let rows = database.search(asked.sql, &asked.params).await?;
    rows.iter().map(|row| Ok(users::read(row)?.user)).collect()
}

/// The users that were created last, newest first.
pub async fn newest(database: &Database, tenant: &TenantId, most: u32) -> Result<Vec<User>, Error> {
    const READ: &str = "
        SELECT user_id, document FROM users WHERE tenant_id = $1
        ORDER BY created_at DESC, user_id DESC LIMIT $2";
    let rows = database.all(READ, &[tenant.into(), most.into()]).await?;
    rows.iter().map(|row| Ok(users::read(row)?.user)).collect()
}

/// How many users match.
pub async fn count(database: &Database, tenant: &TenantId, search: &Search) -> Result<u64, Error> {
    let mut asked = Asked::new(database.engine(), "SELECT count(*)", "users", tenant);
    matching(&mut asked, search);
    let rows = database.search(asked.sql, &asked.params).await?;
    crate::counted(rows.first())
}

fn matching(asked: &mut Asked, search: &Search) {
    if let Some(query) = &search.query {
        asked.push(" AND ");
        asked.query(query, condition);
    }
    if let Some(connection) = &search.connection {
        asked.push(
            " AND EXISTS (SELECT 1 FROM user_identities i WHERE i.tenant_id = users.tenant_id \
             AND i.user_id = users.user_id AND i.connection = ",
        );
        asked.bind(connection);
        asked.push(")");
    }
}

fn order(asked: &mut Asked, search: &Search) {
    let direction = if search.is_descending { "DESC" } else { "ASC" };
    let (look, collation) = match asked.engine {
        Engine::Sqlite => ("document", ""),
        Engine::Postgres => ("document::jsonb", " COLLATE \"C\""),
    };
    let by = match search.sort {
        SortField::CreatedAt => String::from("created_at"),
        SortField::UpdatedAt => String::from("updated_at"),
        SortField::UserId => format!("user_id{collation}"),
        SortField::Email => format!("email{collation}"),
        SortField::Name => format!("name{collation}"),
        SortField::Nickname => format!("({look} ->> 'nickname'){collation}"),
        SortField::GivenName => format!("({look} ->> 'given_name'){collation}"),
        SortField::FamilyName => format!("({look} ->> 'family_name'){collation}"),
        SortField::Username => format!("({look} ->> 'username'){collation}"),
    };
    asked.push(&format!(" ORDER BY {by} {direction} NULLS LAST, user_id{collation} {direction}"));
}

/// One condition in brackets, never NULL, so that NOT turns it round.
fn condition(asked: &mut Asked, field: &Field, test: &Test) {
    let named = |names: &[&str]| Place::Path(names.iter().map(ToString::to_string).collect());
    let place = match field {
        Field::UserId => return asked.column("user_id", test),
        Field::CreatedAt => return asked.moment("created_at", test),
        Field::UpdatedAt => return asked.moment("updated_at", test),
        Field::Folded("email") if matches!(test, Test::Equals(_)) => {
            return asked.column("email", test);
        }
        Field::Folded(name) => named(&[SEARCH, name]),
        Field::EmailDomain => named(&[SEARCH, "domain"]),
        Field::Member(name) => named(&[name]),
        Field::Metadata(root, path) => Place::Path(metadata(*root, path)),
        Field::Identity(what) => Place::Elements("identities", what.name()),
    };
    asked.values(&place, test);
}

fn metadata(root: Root, path: &[String]) -> Vec<String> {
    std::iter::once(root.name().to_owned()).chain(path.iter().cloned()).collect()
}
