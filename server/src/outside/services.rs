//! Apple's and Google's push services, and those of browsers: passes kept while they are good, fetched by one for all.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use domain::{Fingerprint, Timestamp};
use tokio::sync::{Mutex as Turn, OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use url::Url;

use super::{Call, Delivery, Outbound, Parcel, Receipt, Unanswered, Way};
use crate::push::apns::{self, ApnsAccount, ApnsAnswer};
use crate::push::fcm::{self, FcmAccount, TokenAnswer};
use crate::push::web_push::{self, WebWay};
use crate::push::{Accounts, Missing};
use crate::worker::PUSHES_AT_ONCE;

/// Accounts whose passes are kept; beyond it all are fetched again.
const PASSES: usize = 4096;
/// Apple takes a provider token for an hour and wants it no older; we sign anew after 50 minutes.
const APNS_TOKEN_LIVES_MS: i64 = 50 * 60_000;
/// Apple refuses whoever signs anew more often than every 20 minutes.
const APNS_TOKEN_AGE_MS: i64 = 20 * 60_000;
/// An access token is no longer used so long before its end.
const MARGIN_MS: i64 = 60_000;
/// After a token endpoint gave none, nobody asks again for this long.
const PAUSE_MS: i64 = 5_000;
/// Everything that one push needs: fetching an access token, sending, and sending once more.
const HAND_OVER_WITHIN: Duration = Duration::from_millis(4_500);
/// Pushes on their way to one service at a time: three quarters of what the worker has under way, so
/// that a service which hangs leaves room for the other.
const AT_ONCE: usize = PUSHES_AT_ONCE / 4 * 3;
/// A service that gives no place for so long hangs: the push is tried again later.
const PLACE_WITHIN: Duration = Duration::from_millis(250);
/// Pushes on their way to one origin at a time: a third of those for browsers, which name any address
/// they like.
const AT_ONE_ORIGIN: usize = AT_ONCE / 3;
/// Origins that are counted; beyond them, those that nobody calls are forgotten.
const ORIGINS: usize = 1024;
/// Apple's service, as parcels name it.
const APNS: &str = "APNS";

/// Where the services are.
#[derive(Clone, Debug)]
pub struct Endpoints {
    /// Apple's for apps from its stores.
    pub apns: Url,
    /// Apple's for apps in development.
    pub apns_sandbox: Url,
    /// Google's.
    pub fcm: Url,
}

/// Hands pushes to Apple, Google, and wherever devices want them.
#[derive(Debug)]
pub struct Services {
    outbound: Arc<dyn Outbound>,
    endpoints: Box<Endpoints>,
    own: Arc<Accounts>,
    passes: Passes,
    /// Apart, since devices name as many origins as they like.
    signatures: Passes,
    to_apple: Semaphore,
    to_google: Semaphore,
    to_web: Semaphore,
    to_origins: Mutex<HashMap<String, Arc<Semaphore>>>,
}

/// What is shown to services, each made by one for all.
#[derive(Debug, Default)]
struct Passes(Mutex<HashMap<Fingerprint, Arc<Turn<Option<Pass>>>>>);

/// What opens a service, or why nothing does.
#[derive(Clone)]
enum Pass {
    Good { token: Arc<str>, since: Timestamp, until: Timestamp },
    None { receipt: Receipt, until: Timestamp },
}

impl std::fmt::Debug for Pass {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Pass(…)")
    }
}

impl Services {
    /// The services behind `outbound`, with the server's own accounts.
    pub fn new(outbound: Arc<dyn Outbound>, endpoints: Endpoints, own: Accounts) -> Self {
        Self {
            outbound,
            endpoints: Box::new(endpoints),
            own: Arc::new(own),
            passes: Passes::default(),
            signatures: Passes::default(),
            to_apple: Semaphore::new(AT_ONCE),
            to_google: Semaphore::new(AT_ONCE),
            to_web: Semaphore::new(AT_ONCE),
            to_origins: Mutex::default(),
        }
    }

    /// The accounts of tenants that have none of their own.
    pub const fn own(&self) -> &Arc<Accounts> {
        &self.own
    }

    /// Hands one parcel over, and reads what became of it.
    pub async fn deliver(&self, parcel: &Parcel, accounts: &Accounts, now: Timestamp) -> Delivery {
        let origin = match &parcel.way {
            Way::Web(web) => match self.place_at_origin(&parcel.token).await {
                Some(place) => Some(place),
                None => return no_answer(web.kind, &Unanswered::TooSlow),
            },
            Way::App | Way::Topic(_) => None,
        };
        let (provider, places) = match &parcel.way {
            Way::Web(web) => (web.kind, &self.to_web),
            Way::App | Way::Topic(_) if parcel.service == APNS => (apns::PROVIDER, &self.to_apple),
            Way::App | Way::Topic(_) => (fcm::PROVIDER, &self.to_google),
        };
        let Ok(Ok(_place)) = timeout(PLACE_WITHIN, places.acquire()).await else {
            return no_answer(provider, &Unanswered::TooSlow);
        };
        let delivered = timeout(HAND_OVER_WITHIN, self.hand_over(parcel, accounts, now)).await;
        drop(origin);
        delivered.unwrap_or_else(|_elapsed| no_answer(provider, &Unanswered::TooSlow))
    }

    /// A place among those on their way to one origin; none if it hangs.
    async fn place_at_origin(&self, endpoint: &str) -> Option<OwnedSemaphorePermit> {
        let origin = Url::parse(endpoint).map(|url| url.origin().ascii_serialization());
        let places = {
            let mut known = self.to_origins.lock().unwrap_or_else(PoisonError::into_inner);
            if known.len() >= ORIGINS {
                // Whoever has a place or waits for one holds the places, too.
                known.retain(|_, places| Arc::strong_count(places) > 1);
            }
            let places = known.entry(origin.unwrap_or_default());
            Arc::clone(places.or_insert_with(|| Arc::new(Semaphore::new(AT_ONE_ORIGIN))))
        };
        timeout(PLACE_WITHIN, places.acquire_owned()).await.ok()?.ok()
    }

    async fn hand_over(&self, parcel: &Parcel, accounts: &Accounts, now: Timestamp) -> Delivery {
        let missing = |provider, Missing(why): &Missing| {
            Delivery::of(provider, Receipt::Refused(why.clone()))
        };
        if let Way::Web(web) = &parcel.way {
            self.to_web(parcel, web, now).await
        } else if parcel.service == APNS {
            match &accounts.apns {
                Ok(account) => self.to_apns(parcel, account, now).await,
                Err(why) => missing(apns::PROVIDER, why),
            }
        } else {
            match &accounts.fcm {
                Ok(account) => self.to_fcm(parcel, account, now).await,
                Err(why) => missing(fcm::PROVIDER, why),
            }
        }
    }

    async fn to_web(&self, parcel: &Parcel, web: &WebWay, now: Timestamp) -> Delivery {
        let call = match self.web_call(parcel, web, now).await {
            Ok(call) => call,
            Err(why) => return Delivery::of(web.kind, Receipt::Refused(why)),
        };
        match self.outbound.call(call).await {
            Ok(answer) => web_push::read(web.kind, &answer, now),
            Err(unanswered) => no_answer(web.kind, &unanswered),
        }
    }

    /// The call, with the signature for its origin that was made before, if it is still good.
    async fn web_call(
        &self,
        parcel: &Parcel,
        web: &WebWay,
        now: Timestamp,
    ) -> Result<Call, String> {
        let url = web_push::endpoint(&parcel.token);
        let url = url.map_err(|why| format!("the endpoint: {why}"))?;
        let origin = url.origin().ascii_serialization();
        let turn = self.signatures.turn(&web.signed_as(&origin));
        let mut pass = turn.lock().await;
        let signed = match pass.as_ref() {
            Some(Pass::Good { token, since, until }) if *until > now && *since <= now => {
                Arc::clone(token)
            }
            Some(_) | None => {
                let signed = web.signature(&origin, now).map_err(|error| error.to_string())?;
                let (token, until): (Arc<str>, _) =
                    (signed.into(), now.plus_seconds(web_push::SIGNATURE_IS_SHOWN_S));
                *pass = Some(Pass::Good { token: Arc::clone(&token), since: now, until });
                token
            }
        };
        drop(pass);
        web_push::call(parcel, (url, web, &signed), now)
    }

    async fn to_apns(&self, parcel: &Parcel, account: &ApnsAccount, now: Timestamp) -> Delivery {
        if let Way::Topic(topic) = &parcel.way
            && !account.serves(topic)
        {
            let why =
                format!("the account is for {}, the device's app is another", account.topic());
            return Delivery::of(apns::PROVIDER, Receipt::Refused(why));
        }
        let base =
            if account.is_sandbox() { &self.endpoints.apns_sandbox } else { &self.endpoints.apns };
        let mut too_old: Option<Arc<str>> = None;
        loop {
            let token = match self.apns_token(account, too_old.as_ref(), now).await {
                Ok(token) => token,
                Err(receipt) => return Delivery::of(apns::PROVIDER, receipt),
            };
            let Some(call) = account.call(base, token.as_deref(), parcel) else {
                return malformed(apns::PROVIDER);
            };
            let answer = match self.outbound.call(call).await {
                Ok(answer) => answer,
                Err(unanswered) => return no_answer(apns::PROVIDER, &unanswered),
            };
            match apns::read(&answer, now) {
                ApnsAnswer::Settled(delivery) => return delivery,
                // Once: a fresh token that is stale too means that our clock is wrong.
                ApnsAnswer::Stale(delivery) if too_old.is_some() => return delivery,
                ApnsAnswer::Stale(delivery) => {
                    let Some(token) = token else { return delivery };
                    too_old = Some(token);
                }
            }
        }
    }

    /// The provider token; not `too_old`, if Apple allows a fresh one already.
    async fn apns_token(
        &self,
        account: &ApnsAccount,
        too_old: Option<&Arc<str>>,
        now: Timestamp,
    ) -> Result<Option<Arc<str>>, Receipt> {
        let turn = self.passes.turn(account.fingerprint());
        let mut pass = turn.lock().await;
        if let Some(Pass::Good { token, since, until }) = pass.as_ref() {
            let is_refused = too_old == Some(token) && now.ms_since(*since) >= APNS_TOKEN_AGE_MS;
            if *until > now && *since <= now && !is_refused {
                return Ok(Some(Arc::clone(token)));
            }
        }
        let Some(signed) = account.token(now) else { return Ok(None) };
        let token: Arc<str> = signed.map_err(|error| Receipt::Refused(error.to_string()))?.into();
        let until = now.plus_ms(APNS_TOKEN_LIVES_MS);
        *pass = Some(Pass::Good { token: Arc::clone(&token), since: now, until });
        Ok(Some(token))
    }

    async fn to_fcm(&self, parcel: &Parcel, account: &FcmAccount, now: Timestamp) -> Delivery {
        let mut refused: Option<Arc<str>> = None;
        loop {
            let token = match self.fcm_token(account, refused.as_ref(), now).await {
                Ok(token) => token,
                Err(receipt) => return Delivery::of(fcm::PROVIDER, receipt),
            };
            let call = account.message_call(&self.endpoints.fcm, &token, parcel, now);
            let Some(call) = call else { return malformed(fcm::PROVIDER) };
            let answer = match self.outbound.call(call).await {
                Ok(answer) => answer,
                Err(unanswered) => return no_answer(fcm::PROVIDER, &unanswered),
            };
            let delivery = fcm::read(&answer, now);
            // A token may have been taken back: once, a fresh one is tried.
            let is_token = answer.status == 401
                && delivery.reason.as_deref() != Some("THIRD_PARTY_AUTH_ERROR");
            if !is_token || refused.is_some() {
                return delivery;
            }
            refused = Some(token);
        }
    }

    /// The access token, fetched by one of those who need it while the others wait.
    async fn fcm_token(
        &self,
        account: &FcmAccount,
        refused: Option<&Arc<str>>,
        now: Timestamp,
    ) -> Result<Arc<str>, Receipt> {
        let turn = self.passes.turn(account.fingerprint());
        let mut pass = turn.lock().await;
        match pass.as_ref() {
            Some(Pass::Good { token, until, .. }) if *until > now && refused != Some(token) => {
                return Ok(Arc::clone(token));
            }
            Some(Pass::None { receipt, until }) if *until > now => return Err(receipt.clone()),
            Some(_) | None => {}
        }
        let call = account.token_call(now).map_err(|error| Receipt::Refused(error.to_string()))?;
        let answered = match self.outbound.call(call).await {
            Ok(answer) => fcm::read_token(&answer),
            Err(Unanswered::Forbidden(why)) => TokenAnswer::Refused(format!("FCM: {why}")),
            Err(unanswered) => TokenAnswer::Later(format!("FCM: the token endpoint: {unanswered}")),
        };
        let receipt = match answered {
            TokenAnswer::Token(token, lives_s) => {
                let token: Arc<str> = token.into();
                let until = now.plus_seconds(lives_s).plus_ms(-MARGIN_MS);
                *pass = Some(Pass::Good { token: Arc::clone(&token), since: now, until });
                return Ok(token);
            }
            TokenAnswer::Refused(why) => Receipt::Refused(why),
            TokenAnswer::Later(why) => Receipt::Later(why),
        };
        *pass = Some(Pass::None { receipt: receipt.clone(), until: now.plus_ms(PAUSE_MS) });
        Err(receipt)
    }
}

impl Passes {
    fn turn(&self, account: &Fingerprint) -> Arc<Turn<Option<Pass>>> {
        let mut passes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if passes.len() >= PASSES && !passes.contains_key(account) {
            passes.clear();
        }
        Arc::clone(passes.entry(*account).or_default())
    }
}

fn malformed(provider: &'static str) -> Delivery {
    let why = "the device token is malformed; the push was not sent";
    Delivery::of(provider, Receipt::Refused(String::from(why)))
}

fn no_answer(provider: &'static str, unanswered: &Unanswered) -> Delivery {
    let why = format!("{provider}: {unanswered}");
    let receipt = match unanswered {
        Unanswered::Forbidden(_) => Receipt::Refused(why),
        Unanswered::Unreachable(_) | Unanswered::Broken(_) | Unanswered::TooSlow => {
            Receipt::Later(why)
        }
    };
    Delivery { reason: Some(unanswered.to_string()), ..Delivery::of(provider, receipt) }
}
