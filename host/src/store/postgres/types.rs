//! Times on the wire of Postgres, and what its errors mean to a caller.

use std::error::Error;

use bytes::{BufMut, BytesMut};
use deadpool_postgres::PoolError;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};
use upto_wire::Time;

use super::tls;
use crate::store::StoreError;

/// A parameter of a statement, and its type: so a statement needs no round trip to be prepared.
pub(super) type Parameter<'a> = (&'a (dyn ToSql + Sync), Type);

/// A time as `timestamptz`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timestamp(pub Time);

/// 2000-01-01, from which Postgres counts, in microseconds since 1970.
const EPOCH_US: i64 = 946_684_800_000_000;

impl Timestamp {
    /// As Postgres counts.
    pub fn micros_since_2000(self) -> i64 {
        self.0.micros() - EPOCH_US
    }
}

type Conversion<T> = Result<T, Box<dyn Error + Sync + Send>>;

impl ToSql for Timestamp {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Conversion<IsNull> {
        out.put_i64(self.micros_since_2000());
        Ok(IsNull::No)
    }

    fn accepts(of: &Type) -> bool {
        *of == Type::TIMESTAMPTZ
    }

    to_sql_checked!();
}

impl FromSql<'_> for Timestamp {
    fn from_sql(_: &Type, raw: &[u8]) -> Conversion<Self> {
        let micros = i64::from_be_bytes(raw.try_into()?);
        // The times at infinity are written by nobody; they read as the farthest ones.
        Ok(Timestamp(Time::from_micros(micros.saturating_add(EPOCH_US))))
    }

    fn accepts(of: &Type) -> bool {
        *of == Type::TIMESTAMPTZ
    }
}

impl From<tokio_postgres::Error> for StoreError {
    fn from(error: tokio_postgres::Error) -> Self {
        match error.as_db_error() {
            Some(said) => {
                let text = format!("Postgres says: {} ({})", said.message(), said.code().code());
                of_code(said.code().code(), text)
            }
            None => {
                if let Some(advice) = tls::advice(&error) {
                    return StoreError::Fatal(advice);
                }
                // A connection that broke or was refused.
                let mut text = error.to_string();
                let mut source = error.source();
                while let Some(cause) = source {
                    // Some errors already tell their cause.
                    let cause_text = cause.to_string();
                    if !text.contains(&cause_text) {
                        text = format!("{text}: {cause_text}");
                    }
                    source = cause.source();
                }
                StoreError::Unavailable(format!("Postgres can't be reached: {text}"))
            }
        }
    }
}

/// What a code of Postgres means. What is not known may pass: it is tried again.
fn of_code(code: &str, text: String) -> StoreError {
    let (class, rest) = code.split_at(code.len().min(2));
    match (class, rest) {
        // Data that break a constraint or a type, or are too large.
        ("22" | "23" | "54", _) => StoreError::Rejected(text),
        // Authentication; no such database, schema or table; no permission; a feature that is missing; damage.
        ("28" | "3D" | "3F" | "42" | "0A" | "F0", _) | ("XX", "001" | "002") => StoreError::Fatal(text),
        // A broken connection, a deadlock or conflict, no resources, a shutdown or cancellation, a standby, a lock.
        _ => StoreError::Unavailable(text),
    }
}

impl From<PoolError> for StoreError {
    fn from(error: PoolError) -> Self {
        match error {
            PoolError::Backend(error) => error.into(),
            PoolError::Timeout(_) => {
                StoreError::Unavailable("no connection to Postgres became free in time".to_owned())
            }
            error => StoreError::Unavailable(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_say_what_the_caller_does_next() {
        let class = |code| of_code(code, String::new());
        for code in ["40P01", "40001", "55P03", "57P01", "57P02", "57P03", "57014", "53300", "25006", "08006", "XX000"]
        {
            assert!(matches!(class(code), StoreError::Unavailable(_)), "{code}");
        }
        for code in ["22021", "22P05", "23502", "54000"] {
            assert!(matches!(class(code), StoreError::Rejected(_)), "{code}");
        }
        for code in ["28P01", "28000", "3D000", "42501", "42P01", "3F000", "XX001"] {
            assert!(matches!(class(code), StoreError::Fatal(_)), "{code}");
        }
    }
}
