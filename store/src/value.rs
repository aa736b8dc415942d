//! What goes into a statement and comes out of a row: integers, text and bytes, or nothing.

use std::fmt;

use domain::{
    ClientId, ConsentId, DeviceId, Fingerprint, TenantId, Timestamp, TransactionId, UserId,
};

/// What a value is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `INTEGER` in SQLite, `BIGINT` in PostgreSQL: numbers, times, and booleans as 0 and 1.
    Int,
    /// `TEXT`.
    Text,
    /// `BLOB` in SQLite, `BYTEA` in PostgreSQL.
    Blob,
}

/// One parameter of a statement, or one column of a row.
#[derive(Clone, PartialEq, Eq)]
pub enum Value {
    /// No value; of which kind it would be, PostgreSQL must know.
    Null(Kind),
    /// A number, a time, or a boolean.
    Int(i64),
    /// Text.
    Text(String),
    /// Bytes.
    Blob(Vec<u8>),
}

impl Value {
    /// What the value is made of, even if there is none.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Null(kind) => *kind,
            Self::Int(_) => Kind::Int,
            Self::Text(_) => Kind::Text,
            Self::Blob(_) => Kind::Blob,
        }
    }
}

impl fmt::Debug for Value {
    /// The kind only: values are often secrets or a person's data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null(kind) => write!(f, "Null({kind:?})"),
            Self::Int(_) | Self::Text(_) | Self::Blob(_) => write!(f, "{:?}(…)", self.kind()),
        }
    }
}

/// `From<T>` and `From<Option<T>>`, so that an absent value keeps its kind.
macro_rules! values {
    ($($kind:ident { $($type:ty => $make:expr;)* })*) => {$($(
        impl From<$type> for Value {
            fn from(value: $type) -> Self {
                let make: fn($type) -> _ = $make;
                Self::$kind(make(value))
            }
        }

        impl From<Option<$type>> for Value {
            fn from(value: Option<$type>) -> Self {
                value.map_or(Self::Null(Kind::$kind), Self::from)
            }
        }
    )*)*};
}

values! {
    Int {
        i64 => |number| number;
        i32 => i64::from;
        u32 => i64::from;
        bool => i64::from;
        Timestamp => Timestamp::ms;
    }
    Text {
        String => |text| text;
        &str => str::to_owned;
        &String => String::clone;
        &TenantId => |name| name.as_str().to_owned();
        &ClientId => |name| name.as_str().to_owned();
        &UserId => |name| name.as_str().to_owned();
        &DeviceId => |name| name.as_str().to_owned();
        &ConsentId => |name| name.as_str().to_owned();
        // Straight into a text: `to_string` would go through `fmt`, at twice the cost.
        &serde_json::Value => |value| serde_json::to_string(value).unwrap_or_default();
    }
    Blob {
        Vec<u8> => |bytes| bytes;
        &[u8] => <[u8]>::to_vec;
        &Vec<u8> => Vec::clone;
        TransactionId => |id| id.as_bytes().to_vec();
        &TransactionId => |id| id.as_bytes().to_vec();
        Fingerprint => |fingerprint| fingerprint.as_bytes().to_vec();
        &Fingerprint => |fingerprint| fingerprint.as_bytes().to_vec();
    }
}

#[cfg(test)]
mod tests {
    use super::{Kind, Value};

    #[test]
    fn an_absent_value_keeps_its_kind() {
        assert_eq!(Value::from(None::<i64>), Value::Null(Kind::Int));
        assert_eq!(Value::from(None::<&str>), Value::Null(Kind::Text));
        assert_eq!(Value::from(Some(true)), Value::Int(1));
    }

    #[test]
    fn debug_output_holds_no_content() {
        assert_eq!(format!("{:?}", Value::from("hush")), "Text(…)");
        assert_eq!(format!("{:?}", Value::from(vec![1, 2])), "Blob(…)");
    }
}
