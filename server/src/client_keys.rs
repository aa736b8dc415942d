//! The keys that clients keep elsewhere (`jwks_uri`): fetched through the one window, remembered
//! for a while, and never fetched more often than a client could need (A9).
//!
//! Why a set could not be had is told to whoever keeps the log; the caller learns nothing of our
//! network by it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::jose::{Jwk, parse_set};
use domain::{TenantId, Timestamp, json};
use tokio::sync::Semaphore;
use url::Url;

use crate::outside::{Answer, Call, CallLimits, Outbound};

/// Addresses that are remembered; beyond them all are forgotten, which costs calls and nothing else.
const PLACES: usize = 2_000;
/// Sets that are fetched at a time, for all tenants.
const FETCHES: usize = 32;
/// How long a set is good: what its `max-age` says, within these ends, or the middle one.
const SHORTEST_MS: i64 = 60_000;
const USUAL_MS: i64 = 600_000;
const LONGEST_MS: i64 = 3_600_000;
/// How long a failure stands for the next try.
const FAILED_MS: i64 = 30_000;
/// A set that is good is fetched again for an unknown key once in this time.
const RELOAD_MS: i64 = 60_000;
/// A set is not larger, and comes within this time.
const LIMITS: CallLimits = CallLimits { within: Duration::from_secs(5), answer_bytes: 64 * 1024 };

/// The keys of a set, parsed once.
pub(crate) type Keys = Arc<Vec<Jwk>>;

/// What was fetched, by tenant and address.
#[derive(Debug)]
pub(crate) struct ClientKeys {
    places: Mutex<HashMap<(TenantId, String), Arc<Place>>>,
    fetches: Semaphore,
}

#[derive(Debug, Default)]
struct Place {
    state: Mutex<State>,
    /// Held by the one who fetches.
    turn: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct State {
    keys: Option<(Keys, Timestamp)>,
    tried_at: Option<Timestamp>,
    fault: Option<String>,
}

impl State {
    /// What is known without a call: the keys, or why there are none.
    fn look(
        &self,
        is_known: &dyn Fn(&[Jwk]) -> bool,
        now: Timestamp,
    ) -> Option<Result<Keys, String>> {
        let tried_within =
            |ms: i64| self.tried_at.is_some_and(|at| (0..ms).contains(&now.ms_since(at)));
        let good = self.keys.as_ref().filter(|(_, until)| now < *until);
        match (good, &self.fault) {
            (Some((keys, _)), _) if is_known(keys) || tried_within(RELOAD_MS) => {
                Some(Ok(Arc::clone(keys)))
            }
            (None, Some(fault)) if tried_within(FAILED_MS) => Some(Err(fault.clone())),
            (Some(_) | None, _) => None,
        }
    }
}

impl Default for ClientKeys {
    fn default() -> Self {
        Self { places: Mutex::default(), fetches: Semaphore::new(FETCHES) }
    }
}

impl ClientKeys {
    /// The keys at `address`. If `is_known` finds none of them right, the set may be too old and is
    /// fetched again, though not by everybody who comes with an unknown key.
    pub(crate) async fn of(
        &self,
        outbound: &dyn Outbound,
        (tenant, address): (&TenantId, &str),
        is_known: &(dyn Fn(&[Jwk]) -> bool + Sync),
        now: Timestamp,
    ) -> Result<Keys, String> {
        let place = self.place(tenant, address);
        if let Some(known) = held(&place.state).look(is_known, now) {
            return known;
        }
        let _turn = place.turn.lock().await;
        {
            let mut state = held(&place.state);
            if let Some(known) = state.look(is_known, now) {
                return known;
            }
            state.tried_at = Some(now);
        }
        let fetched = self.fetch(outbound, address).await;
        let mut state = held(&place.state);
        match fetched {
            Ok((keys, lives_ms)) => {
                let keys = Arc::new(keys);
                state.keys = Some((Arc::clone(&keys), now.plus_ms(lives_ms)));
                state.fault = None;
                Ok(keys)
            }
            Err(why) => {
                let why = format!("jwks_uri: {why}");
                tracing::warn!(tenant.id = %tenant, why, "the keys of a client cannot be fetched");
                state.fault = Some(why.clone());
                // What is still good is good without the reload.
                let good = state.keys.as_ref().filter(|(_, until)| now < *until);
                good.map(|(keys, _)| Arc::clone(keys)).ok_or(why)
            }
        }
    }

    fn place(&self, tenant: &TenantId, address: &str) -> Arc<Place> {
        let mut places = held(&self.places);
        let key = (tenant.clone(), address.to_owned());
        if let Some(place) = places.get(&key) {
            return Arc::clone(place);
        }
        if places.len() >= PLACES {
            places.clear();
        }
        let place = Arc::<Place>::default();
        places.insert(key, Arc::clone(&place));
        place
    }

    async fn fetch(
        &self,
        outbound: &dyn Outbound,
        address: &str,
    ) -> Result<(Vec<Jwk>, i64), String> {
        let url = Url::parse(address).map_err(|error| error.to_string())?;
        let _place = self.fetches.acquire().await.map_err(|error| error.to_string())?;
        let accepted = "application/jwk-set+json, application/json";
        let call = Call::of_client(url, accepted, LIMITS);
        let answer = outbound.call(call).await.map_err(|none| none.to_string())?;
        if answer.status != 200 {
            return Err(format!("status {}", answer.status));
        }
        if answer.is_too_long {
            return Err(format!("longer than {} bytes", LIMITS.answer_bytes));
        }
        let set = json::parse(&answer.body).map_err(|fault| fault.to_string())?;
        let keys = parse_set(&set).map_err(|error| error.to_string())?;
        if keys.is_empty() {
            return Err(String::from("the set has no usable key"));
        }
        Ok((keys, lives_ms(&answer)))
    }
}

/// How long an answer says that it is good.
fn lives_ms(answer: &Answer) -> i64 {
    let directives = answer.header("cache-control").unwrap_or_default().split(',');
    let max_age = directives
        .filter_map(|directive| directive.trim().strip_prefix("max-age="))
        .find_map(|seconds| seconds.parse::<i64>().ok());
    let ms = max_age.map_or(USUAL_MS, |seconds| seconds.saturating_mul(1000));
    ms.clamp(SHORTEST_MS, LONGEST_MS)
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue, header};

    use super::*;

    #[test]
    fn a_set_is_good_as_long_as_it_says_within_ends() {
        let lives = |text: &'static str| {
            let headers =
                HeaderMap::from_iter([(header::CACHE_CONTROL, HeaderValue::from_static(text))]);
            lives_ms(&Answer { headers, ..Answer::default() })
        };
        assert_eq!(lives_ms(&Answer::default()), USUAL_MS);
        assert_eq!(lives("public, max-age=300"), 300_000);
        assert_eq!(lives("max-age=0"), SHORTEST_MS);
        assert_eq!(lives("max-age=99999999999999999"), LONGEST_MS);
        assert_eq!(lives("max-age=soon"), USUAL_MS);
    }
}
