//! Our values in PostgreSQL's types.

use std::error::Error as StdError;

use bytes::BytesMut;
use tokio_postgres::types::{IsNull, ToSql, Type};

use super::failure::Failure;
use crate::row::ROW_LIMIT;
use crate::{Error, Kind, Row, Value};

pub(super) const fn type_of(value: &Value) -> Type {
    match value.kind() {
        Kind::Int => Type::INT8,
        Kind::Text => Type::TEXT,
        Kind::Blob => Type::BYTEA,
    }
}

impl ToSql for Value {
    fn to_sql(
        &self,
        ty: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn StdError + Sync + Send>> {
        match self {
            Self::Null(_) => Ok(IsNull::Yes),
            Self::Int(number) => number.to_sql(ty, out),
            Self::Text(text) => text.to_sql(ty, out),
            Self::Blob(bytes) => bytes.to_sql(ty, out),
        }
    }

    /// Statements are prepared with the types of our kinds.
    fn accepts(ty: &Type) -> bool {
        [Type::INT8, Type::TEXT, Type::BYTEA].contains(ty)
    }

    tokio_postgres::types::to_sql_checked!();
}

pub(super) fn our_rows(rows: &[tokio_postgres::Row]) -> Result<Vec<Row>, Failure> {
    if rows.len() > ROW_LIMIT {
        let error = Error::Engine(format!("a list of more than {ROW_LIMIT} rows"));
        return Err(Failure::refused(error));
    }
    rows.iter().map(our_row).collect()
}

fn our_row(row: &tokio_postgres::Row) -> Result<Row, Failure> {
    let columns = row.columns().iter().enumerate();
    columns
        .map(|(column, it)| our_value(row, column, it.type_()))
        .collect::<Result<_, _>>()
        .map(Row::new)
}

fn our_value(row: &tokio_postgres::Row, column: usize, ty: &Type) -> Result<Value, Failure> {
    let value = match *ty {
        Type::INT8 => row.try_get::<_, Option<i64>>(column).map(Value::from),
        Type::INT4 => row.try_get::<_, Option<i32>>(column).map(Value::from),
        Type::INT2 => {
            row.try_get::<_, Option<i16>>(column).map(|number| number.map(i64::from).into())
        }
        Type::BOOL => row.try_get::<_, Option<bool>>(column).map(Value::from),
        Type::TEXT | Type::VARCHAR => row.try_get::<_, Option<String>>(column).map(Value::from),
        Type::BYTEA => row.try_get::<_, Option<Vec<u8>>>(column).map(Value::from),
        _ => {
            let error = Error::Engine(format!("column {column} is {ty}, which needs a cast"));
            return Err(Failure::refused(error));
        }
    };
    value.map_err(|error| Failure::of(&error))
}
