//! What errors of Redis mean to a caller.

use std::error::Error;
use std::io;
use std::sync::Arc;

use redis::{ErrorKind, ParsingError, RedisError};

use crate::store::StoreError;

const RIGHTS: &str = "the user needs the rights that docs/operations.md names, on the keys upto:*";

impl From<RedisError> for StoreError {
    fn from(error: RedisError) -> Self {
        let text = format!("Redis says: {error}");
        if let Some(refused) = certificate_error(&error) {
            return StoreError::Fatal(format!(
                "the certificate of Redis is refused: {refused}; it must be for the host of the store URL, and signed by an \
                 authority that the system trusts or that the file of sslrootcert=PATH in the URL holds"
            ));
        }
        match (error.kind(), error.code()) {
            (ErrorKind::AuthenticationFailed, _) => StoreError::Fatal(format!(
                "Redis refuses the user or the password: put them into the store URL, redis://USER:PASSWORD@HOST ({error})"
            )),
            (ErrorKind::InvalidClientConfig | ErrorKind::UnexpectedReturnType | ErrorKind::Parse, _) => {
                StoreError::Fatal(text)
            }
            (ErrorKind::Io, _) => StoreError::Unavailable(format!("Redis can't be reached: {error}")),
            (_, Some(code)) => of_code(code, text),
            _ => StoreError::Unavailable(text),
        }
    }
}

impl From<ParsingError> for StoreError {
    fn from(error: ParsingError) -> Self {
        StoreError::Fatal(format!("an answer of Redis can't be read: {error}"))
    }
}

/// What a code of Redis means. What is not known may pass: it is tried again.
fn of_code(code: &str, text: String) -> StoreError {
    match code {
        "NOAUTH" | "WRONGPASS" => StoreError::Fatal(format!(
            "Redis wants a password: put it into the store URL, redis://USER:PASSWORD@HOST ({text})"
        )),
        "NOPERM" => StoreError::Fatal(format!("{text}: {RIGHTS}")),
        "ERR" if text.contains("The user executing the script") => StoreError::Fatal(format!("{text}: {RIGHTS}")),
        // Keys that are not upto's; a cluster.
        "WRONGTYPE" | "MOVED" | "ASK" | "CROSSSLOT" => StoreError::Fatal(text),
        "ERR" if text.contains("unknown command") || text.contains("DB index is out of range") => {
            StoreError::Fatal(text)
        }
        // A script that fails does so again on the same data; it has written nothing.
        "ERR" if text.contains("user_script") => StoreError::Rejected(text),
        // LOADING, READONLY, MASTERDOWN, BUSY, OOM, MISCONF (it can't write to its disk), NOREPLICAS, too many clients.
        _ => StoreError::Unavailable(text),
    }
}

/// Whether a connection can't be used after this.
pub(super) fn is_broken(error: &RedisError) -> bool {
    error.is_io_error() || error.is_unrecoverable_error()
}

/// What TLS has against the server's certificate, where that is the cause.
fn certificate_error(error: &RedisError) -> Option<&rustls::Error> {
    let cause = error.source()?.downcast_ref::<Arc<dyn Error + Send + Sync>>()?;
    let cause = cause.downcast_ref::<io::Error>()?.get_ref()?.downcast_ref::<rustls::Error>()?;
    matches!(cause, rustls::Error::InvalidCertificate(_)).then_some(cause)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_say_what_the_caller_does_next() {
        let class = |code| of_code(code, String::new());
        for code in ["LOADING", "READONLY", "MASTERDOWN", "BUSY", "OOM", "MISCONF", "NOREPLICAS", "ERR"] {
            assert!(matches!(class(code), StoreError::Unavailable(_)), "{code}");
        }
        for code in ["NOAUTH", "WRONGPASS", "NOPERM", "WRONGTYPE", "MOVED"] {
            assert!(matches!(class(code), StoreError::Fatal(_)), "{code}");
        }
        let failed = of_code("ERR", "ERR user_script:3: an event in the store is damaged".to_owned());
        assert!(matches!(failed, StoreError::Rejected(_)), "{failed:?}");
    }
}
