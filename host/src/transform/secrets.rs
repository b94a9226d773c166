//! Secrets by name, with which functions check who calls. A value never enters a function: it names the secret, and the
//! host computes or compares.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{PoisonError, RwLock};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

/// All secrets of a server.
#[derive(Default)]
pub struct Secrets(RwLock<BTreeMap<String, String>>);

impl Secrets {
    /// Secrets by name. An empty one is none, as everybody could sign with it.
    pub fn new(secrets: BTreeMap<String, String>) -> Self {
        let set = Secrets::default();
        set.replace(secrets);
        set
    }

    /// Puts others in the place of all of them, as a case of a function needs.
    pub fn replace(&self, mut secrets: BTreeMap<String, String>) {
        secrets.retain(|_, value| !value.is_empty());
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = secrets;
    }

    /// HMAC-SHA-256 of `data` with the secret of this name, in lower-case hexadecimal digits.
    ///
    /// # Errors
    /// A sentence for the author of the function where there is no such secret.
    pub fn hmac_sha256(&self, name: &str, data: &[u8]) -> Result<String, String> {
        self.with(name, |key| match Hmac::<Sha256>::new_from_slice(key.as_bytes()) {
            Ok(mut mac) => {
                mac.update(data);
                mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
            }
            Err(_) => unreachable!("HMAC takes keys of every length"),
        })
    }

    /// Whether the secret of this name is `text`. How long it takes depends on the length of `text` only.
    ///
    /// # Errors
    /// As [`Secrets::hmac_sha256`].
    pub fn equals(&self, name: &str, text: &[u8]) -> Result<bool, String> {
        self.with(name, |value| equal(value.as_bytes(), text))
    }

    fn with<R>(&self, name: &str, f: impl FnOnce(&str) -> R) -> Result<R, String> {
        let secrets = self.0.read().unwrap_or_else(PoisonError::into_inner);
        match secrets.get(name) {
            Some(value) => Ok(f(value)),
            None => {
                let name = &name[..name.floor_char_boundary(64)];
                let variable = name.to_uppercase();
                Err(format!(
                    "there is no secret {name:?}; set it in upto.toml under [secrets], or as UPTO_SECRET_{variable}"
                ))
            }
        }
    }
}

/// Whether two texts are equal. Where they differ doesn't show in the time that it takes.
pub fn equal(a: &[u8], b: &[u8]) -> bool {
    a.ct_eq(b).into()
}

/// Names only.
impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.read().unwrap_or_else(PoisonError::into_inner).keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets(name: &str, value: &str) -> Secrets {
        Secrets::new([(name.to_owned(), value.to_owned())].into())
    }

    #[test]
    fn a_signature_is_that_of_rfc_4231() {
        let made = secrets("jefe", "Jefe").hmac_sha256("jefe", b"what do ya want for nothing?").unwrap();
        assert_eq!(made, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    }

    #[test]
    fn a_secret_is_compared_and_never_shown() {
        let secrets = secrets("github", "swordfish");
        assert_eq!(
            (secrets.equals("github", b"swordfish"), secrets.equals("github", b"swordfis")),
            (Ok(true), Ok(false))
        );
        assert_eq!(format!("{secrets:?}"), "{\"github\"}");
        let missing = secrets.equals("gitlab", b"").unwrap_err();
        assert!(missing.contains("\"gitlab\"") && missing.contains("UPTO_SECRET_GITLAB"), "{missing}");
    }

    #[test]
    fn an_empty_secret_is_none() {
        assert!(secrets("github", "").equals("github", b"").is_err());
    }
}
