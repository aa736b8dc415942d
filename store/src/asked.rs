//! SQL for a question: from an understood tree to text with bound values.
//!
//! A question may have any shape, so its text is built here, from fixed pieces; whatever a caller
//! wrote, paths into a document included, is a parameter. The engines differ in how they look into
//! a document, and this is the only place that knows.

use domain::people::search::{End, Piece, Query, Span, Test};
use domain::{TenantId, Timestamp};

use crate::{Engine, Value};

/// A statement in the making.
pub(crate) struct Asked {
    pub(crate) engine: Engine,
    pub(crate) sql: String,
    pub(crate) params: Vec<Value>,
}

/// Where in a document values are looked for.
pub(crate) enum Place {
    /// The segments of a path.
    Path(Vec<String>),
    /// A member of each element of an array.
    Elements(&'static str, &'static str),
}

impl Asked {
    /// `SELECT …` of the rows of a tenant.
    pub(crate) fn new(engine: Engine, select: &str, table: &str, tenant: &TenantId) -> Self {
        let sql = format!("{select} FROM {table} WHERE tenant_id = ");
        let mut asked = Self { engine, sql, params: Vec::new() };
        asked.bind(tenant);
        asked
    }

    pub(crate) fn push(&mut self, text: &str) {
        self.sql.push_str(text);
    }

    /// Appends a placeholder for `value`.
    pub(crate) fn bind(&mut self, value: impl Into<Value>) {
        self.params.push(value.into());
        self.sql.push('$');
        self.sql.push_str(&self.params.len().to_string());
    }

    /// The whole tree; `condition` writes one leaf, in brackets and never NULL, so that NOT turns
    /// it round.
    pub(crate) fn query<F>(&mut self, query: &Query<F>, condition: fn(&mut Self, &F, &Test)) {
        match query {
            Query::Is(field, test) => condition(self, field, test),
            Query::And(left, right) => self.pair(left, " AND ", right, condition),
            Query::Or(left, right) => self.pair(left, " OR ", right, condition),
            Query::Not(inner) => {
                self.push("NOT ");
                self.query(inner, condition);
            }
        }
    }

    fn pair<F>(
        &mut self,
        left: &Query<F>,
        between: &str,
        right: &Query<F>,
        condition: fn(&mut Self, &F, &Test),
    ) {
        self.push("(");
        self.query(left, condition);
        self.push(between);
        self.query(right, condition);
        self.push(")");
    }

    pub(crate) fn column(&mut self, column: &str, test: &Test) {
        self.push(&format!("({column} IS NOT NULL AND "));
        self.tested(column, test);
        self.push(")");
    }

    pub(crate) fn moment(&mut self, column: &str, test: &Test) {
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
    pub(crate) fn values(&mut self, place: &Place, test: &Test) {
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
            (Engine::Sqlite, Place::Elements(array, member)) => {
                self.push(&format!("json_each(document, '$.{array}') AS i, json_each(i.value, "));
                self.bind(json_path(&[(*member).to_owned()]));
                self.push(") AS m WHERE m.type NOT IN ('object', 'array', 'null') AND ");
                self.tested(SQLITE_TEXT, test);
            }
            (Engine::Postgres, place) => {
                let path = match place {
                    Place::Path(path) => format!("{}[*]", json_path(path)),
                    Place::Elements(array, member) => format!("$.{array}[*].{member}"),
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
        let are_numbers = of.contains(VALUE)
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

/// What stands for a value of a document.
const VALUE: &str = "m.value";
/// A value of a document as text, alike on both engines.
const SQLITE_TEXT: &str = "CASE m.type WHEN 'true' THEN 'true' WHEN 'false' THEN 'false' \
                           ELSE CAST(m.value AS TEXT) END";
const POSTGRES_TEXT: &str = "(m.value #>> '{}')";

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
