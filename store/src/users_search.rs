//! The search for users: from an understood question to SQL with bound values.
//!
//! A question may have any shape, so its text is built here, from fixed pieces; whatever a caller
//! wrote, paths into metadata included, is a parameter. The engines differ in how they look into a
//! document, and `Asked` is the only place that knows.

use domain::people::search::{End, Field, Identified, Piece, Query, Root, Span, Test};
use domain::people::{SEARCH, User};
use domain::{TenantId, Timestamp};

use crate::{Database, Engine, Error, Value, users};

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
    let mut asked = Asked::new(database.engine(), "SELECT user_id, document", tenant);
    asked.search(search);
    asked.order(search);
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
    let mut asked = Asked::new(database.engine(), "SELECT count(*)", tenant);
    asked.search(search);
    let rows = database.search(asked.sql, &asked.params).await?;
    crate::counted(rows.first())
}

/// A statement in the making.
struct Asked {
    engine: Engine,
    sql: String,
    params: Vec<Value>,
}

/// Where in a document values are looked for.
enum Place {
    /// The segments of a path.
    Path(Vec<String>),
    /// A member of each identity.
    Identities(Identified),
}

impl Asked {
    fn new(engine: Engine, select: &str, tenant: &TenantId) -> Self {
        let sql = format!("{select} FROM users WHERE tenant_id = ");
        let mut asked = Self { engine, sql, params: Vec::new() };
        asked.bind(tenant);
        asked
    }

    fn push(&mut self, text: &str) {
        self.sql.push_str(text);
    }

    /// Appends a placeholder for `value`.
    fn bind(&mut self, value: impl Into<Value>) {
        self.params.push(value.into());
        self.sql.push('$');
        self.sql.push_str(&self.params.len().to_string());
    }

    fn search(&mut self, search: &Search) {
        if let Some(query) = &search.query {
            self.push(" AND ");
            self.query(query);
        }
        if let Some(connection) = &search.connection {
            self.push(
                " AND EXISTS (SELECT 1 FROM user_identities i WHERE i.tenant_id = users.tenant_id \
                 AND i.user_id = users.user_id AND i.connection = ",
            );
            self.bind(connection);
            self.push(")");
        }
    }

    fn order(&mut self, search: &Search) {
        let direction = if search.is_descending { "DESC" } else { "ASC" };
        let (look, collation) = match self.engine {
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
        self.push(&format!(
            " ORDER BY {by} {direction} NULLS LAST, user_id{collation} {direction}"
        ));
    }

    fn query(&mut self, query: &Query) {
        match query {
            Query::Is(field, test) => self.condition(field, test),
            Query::And(left, right) => self.pair(left, " AND ", right),
            Query::Or(left, right) => self.pair(left, " OR ", right),
            Query::Not(inner) => {
                self.push("NOT ");
                self.query(inner);
            }
        }
    }

    fn pair(&mut self, left: &Query, between: &str, right: &Query) {
        self.push("(");
        self.query(left);
        self.push(between);
        self.query(right);
        self.push(")");
    }

    /// One condition in brackets, never NULL, so that NOT turns it round.
    fn condition(&mut self, field: &Field, test: &Test) {
        let named = |names: &[&str]| Place::Path(names.iter().map(ToString::to_string).collect());
        let place = match field {
            Field::UserId => return self.column("user_id", test),
            Field::CreatedAt => return self.moment("created_at", test),
            Field::UpdatedAt => return self.moment("updated_at", test),
            Field::Folded("email") if matches!(test, Test::Equals(_)) => {
                return self.column("email", test);
            }
            Field::Folded(name) => named(&[SEARCH, name]),
            Field::EmailDomain => named(&[SEARCH, "domain"]),
            Field::Member(name) => named(&[name]),
            Field::Metadata(root, path) => Place::Path(metadata(*root, path)),
            Field::Identity(what) => Place::Identities(*what),
        };
        self.values(&place, test);
    }

    fn column(&mut self, column: &str, test: &Test) {
        self.push(&format!("({column} IS NOT NULL AND "));
        self.tested(column, test);
        self.push(")");
    }

    fn moment(&mut self, column: &str, test: &Test) {
        let Test::During(Span { from, before }) = test else { return self.push("TRUE") };
        self.push("(TRUE");
        self.bound(column, ">=", *from);
        self.bound(column, "<", *before);
        self.push(")");
    }

    fn bound(&mut self, column: &str, sign: &str, moment: Option<Timestamp>) {
        if let Some(moment) = moment {
            self.push(&format!(" AND {column} {sign} "));
            self.bind(moment);
        }
    }

    /// Whether any value at `place` passes. An array stands for its elements.
    fn values(&mut self, place: &Place, test: &Test) {
        if let (Place::Path(path), Test::Exists) = (place, test) {
            return self.exists(path);
        }
        self.push("EXISTS (SELECT 1 FROM ");
        match (self.engine, place) {
            (Engine::Sqlite, Place::Path(path)) => {
                self.push("json_each(document, ");
                self.bind(json_path(path));
                self.push(") AS m WHERE COALESCE(json_type(document, ");
                self.bind(json_path(path));
                self.push("), '') <> 'object' AND m.type NOT IN ('object', 'array', 'null') AND ");
                self.tested(SQLITE_TEXT, test);
            }
            (Engine::Sqlite, Place::Identities(what)) => {
                self.push("json_each(document, '$.identities') AS i, json_each(i.value, ");
                self.bind(json_path(&[what.name().to_owned()]));
                self.push(") AS m WHERE m.type NOT IN ('object', 'array', 'null') AND ");
                self.tested(SQLITE_TEXT, test);
            }
            (Engine::Postgres, place) => {
                let path = match place {
                    Place::Path(path) => format!("{}[*]", json_path(path)),
                    Place::Identities(what) => format!("$.identities[*].{}", what.name()),
                };
                self.push("jsonb_path_query(document::jsonb, (");
                self.bind(path);
                self.push("::text)::jsonpath) AS m(value) WHERE ");
                self.push("jsonb_typeof(m.value) NOT IN ('object', 'array', 'null') AND ");
                self.tested(POSTGRES_TEXT, test);
            }
        }
        self.push(")");
    }

    fn exists(&mut self, path: &[String]) {
        match self.engine {
            Engine::Sqlite => {
                self.push("COALESCE(json_type(document, ");
                self.bind(json_path(path));
                self.push("), 'null') <> 'null'");
            }
            Engine::Postgres => {
                self.push("EXISTS (SELECT 1 FROM jsonb_path_query(document::jsonb, (");
                self.bind(json_path(path));
                self.push("::text)::jsonpath) AS m(value) WHERE jsonb_typeof(m.value) <> 'null')");
            }
        }
    }

    /// The test itself, on an expression that is text.
    fn tested(&mut self, of: &str, test: &Test) {
        match test {
            // A moment is asked of the two moments only (`Field::is_moment`).
            Test::Exists | Test::During(_) => self.push("TRUE"),
            Test::Equals(value) => {
                self.push(&format!("{of} = "));
                self.bind(value);
            }
            Test::Like(pieces) => {
                let (compares, pattern) = match self.engine {
                    Engine::Sqlite => ("GLOB", glob(pieces)),
                    Engine::Postgres => ("LIKE", like(pieces)),
                };
                self.push(&format!("{of} {compares} "));
                self.bind(pattern);
            }
            Test::Between(from, to) => self.between(of, from.as_ref(), to.as_ref()),
        }
    }

    fn between(&mut self, of: &str, from: Option<&End>, to: Option<&End>) {
        let is_number = |end: &End| end.number().is_some();
        let are_numbers = of != "user_id"
            && from.is_none_or(is_number)
            && to.is_none_or(is_number)
            && (from.is_some() || to.is_some());
        let (open, value, close) = match (self.engine, are_numbers) {
            (Engine::Sqlite, true) => ("(m.type IN ('integer', 'real')", "m.value", ")"),
            (Engine::Postgres, true) => (
                "CASE WHEN jsonb_typeof(m.value) = 'number' THEN (TRUE",
                "(m.value #>> '{}')::numeric",
                ") ELSE FALSE END",
            ),
            (_, false) => ("(TRUE", of, ")"),
        };
        self.push(open);
        for (end, excluding, including) in [(from, "<", "<="), (to, ">", ">=")] {
            let Some(end) = end else { continue };
            self.push(" AND ");
            self.end(end, are_numbers);
            self.push(&format!(" {} {value}", if end.is_included { including } else { excluding }));
        }
        self.push(close);
    }

    /// One end of a range, as what it is compared with.
    fn end(&mut self, end: &End, is_number: bool) {
        let number = end.number().filter(|_| is_number).map(|number| number.to_string());
        match (self.engine, number) {
            (Engine::Sqlite, Some(number)) => {
                self.push("CAST(");
                self.bind(number);
                self.push(" AS REAL)");
            }
            (Engine::Postgres, Some(number)) => {
                self.push("(");
                self.bind(number);
                self.push("::text)::numeric");
            }
            (Engine::Sqlite, None) => self.bind(&end.value),
            (Engine::Postgres, None) => {
                self.bind(&end.value);
                self.push(" COLLATE \"C\"");
            }
        }
    }
}

/// A value of a document as text, alike on both engines.
const SQLITE_TEXT: &str = "CASE m.type WHEN 'true' THEN 'true' WHEN 'false' THEN 'false' \
                           ELSE CAST(m.value AS TEXT) END";
const POSTGRES_TEXT: &str = "(m.value #>> '{}')";

fn metadata(root: Root, path: &[String]) -> Vec<String> {
    std::iter::once(root.name().to_owned()).chain(path.iter().cloned()).collect()
}

/// `$."a"."b"`: the same for both engines. The segments hold no quotation mark (`Field::named`).
fn json_path(segments: &[String]) -> String {
    segments.iter().fold(String::from("$"), |path, segment| format!("{path}.\"{segment}\""))
}

fn glob(pieces: &[Piece]) -> String {
    pattern(pieces, '*', |c| match c {
        '*' | '?' | '[' => format!("[{c}]"),
        _ => c.to_string(),
    })
}

fn like(pieces: &[Piece]) -> String {
    pattern(pieces, '%', |c| match c {
        '%' | '_' | '\\' => format!("\\{c}"),
        _ => c.to_string(),
    })
}

fn pattern(pieces: &[Piece], anything: char, escaped: fn(char) -> String) -> String {
    let written = |piece: &Piece| match piece {
        Piece::Literal(text) => text.chars().map(escaped).collect(),
        Piece::Anything => anything.to_string(),
    };
    pieces.iter().map(written).collect()
}
