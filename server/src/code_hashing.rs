//! argon2id for what people remember (user codes): slow and hungry on purpose, so few at a time, on
//! threads apart from those that answer.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use argon2::Argon2;
use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use tokio::sync::Semaphore;

use crate::failure::{Broken, Failure};
use domain::oauth::refusal::Refusal;

/// So many are computed at once: each takes 19 MiB.
const AT_ONCE: usize = 2;
/// So many may wait for their turn; more are told to come again.
const MAX_WAITING: usize = 64;

/// The queue.
#[derive(Debug)]
pub(crate) struct CodeHashing {
    turns: Arc<Semaphore>,
    waiting: AtomicUsize,
}

/// What a person remembers, on its way to be hashed.
#[derive(Clone)]
pub(crate) struct Remembered(pub(crate) String);

impl fmt::Debug for Remembered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Remembered(…)")
    }
}

impl Default for CodeHashing {
    fn default() -> Self {
        Self { turns: Arc::new(Semaphore::new(AT_ONCE)), waiting: AtomicUsize::new(0) }
    }
}

impl CodeHashing {
    /// The hash that is stored.
    pub(crate) async fn hash(&self, code: Remembered, salt: [u8; 16]) -> Result<String, Failure> {
        self.in_turn(move || {
            let salt = SaltString::encode_b64(&salt).map_err(|e| Broken::because(e.to_string()))?;
            let hash = Argon2::default().hash_password(code.0.as_bytes(), &salt);
            Ok(hash.map_err(|e| Broken::because(e.to_string()))?.to_string())
        })
        .await
    }

    /// Whether this is the code of `hash`.
    pub(crate) async fn is_right(&self, code: Remembered, hash: String) -> Result<bool, Failure> {
        self.in_turn(move || {
            let hash = PasswordHash::new(&hash).map_err(|e| Broken::because(e.to_string()))?;
            Ok(Argon2::default().verify_password(code.0.as_bytes(), &hash).is_ok())
        })
        .await
    }

    async fn in_turn<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Broken> + Send + 'static,
    ) -> Result<T, Failure> {
        let _place = Place::take(&self.waiting).ok_or_else(|| Refusal::unavailable(1))?;
        let turn = Arc::clone(&self.turns).acquire_owned().await.map_err(Broken::because)?;
        let done = tokio::task::spawn_blocking(move || {
            let done = work();
            drop(turn);
            done
        });
        Ok(done.await.map_err(Broken::because)??)
    }
}

/// A place in the queue, given back however the wait ends.
struct Place<'a>(&'a AtomicUsize);

impl<'a> Place<'a> {
    fn take(waiting: &'a AtomicUsize) -> Option<Self> {
        let before = waiting.fetch_add(1, Ordering::Relaxed);
        let place = Self(waiting);
        (before < MAX_WAITING).then_some(place)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Waker};

    use super::{CodeHashing, MAX_WAITING, Remembered};

    #[tokio::test]
    async fn a_code_is_known_again_and_another_is_not() {
        let hashing = CodeHashing::default();
        let code = |text: &str| Remembered(text.to_owned());
        let hash = hashing.hash(code("1234"), [7; 16]).await.unwrap();
        assert!(hash.starts_with("$argon2id$"), "{hash}");
        assert!(hashing.is_right(code("1234"), hash.clone()).await.unwrap());
        assert!(!hashing.is_right(code("1235"), hash).await.unwrap());
        assert_eq!(format!("{:?}", code("1234")), "Remembered(…)");
    }

    #[tokio::test]
    async fn the_queue_has_an_end() {
        let hashing = CodeHashing::default();
        let turns = hashing.turns.acquire_many(2).await.unwrap();
        let code = || Remembered(String::from("1234"));
        let mut waiting: Vec<_> =
            (0..MAX_WAITING).map(|_| Box::pin(hashing.hash(code(), [7; 16]))).collect();
        let mut context = Context::from_waker(Waker::noop());
        for one in &mut waiting {
            assert!(one.as_mut().poll(&mut context).is_pending());
        }
        assert!(hashing.hash(code(), [7; 16]).await.is_err());
        drop((waiting, turns));
        assert!(hashing.hash(code(), [7; 16]).await.is_ok());
    }
}
