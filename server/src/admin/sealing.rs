//! What is sealed: under which root key, and sealing it anew under the newest.

use domain::jose::NONCE_BYTES;
use serde_json::{Value, json};
use store::Written;
use store::sealed::{self, Place, SealedValue};

use super::Refused;
use crate::App;

/// Pages that are looked at of one place: a million values and more.
const MOST_PAGES: usize = 20_000;

/// Values that are named because no key opens them.
const MOST_NAMED: usize = 100;

/// How many values the newest key sealed, how many former ones did, and which none opens.
#[derive(Debug, Default)]
struct Count {
    newest: u64,
    former: u64,
    resealed: u64,
    closed: Vec<String>,
}

/// Looks at every sealed value, and seals anew what a former key sealed if `reseals`.
pub(super) async fn reseal(app: &App, reseals: bool) -> Result<Value, Refused> {
    let mut count = Count::default();
    for place in Place::ALL {
        let mut last = (String::new(), String::new());
        for _ in 0..MOST_PAGES {
            let page = sealed::page(&app.database, place, (&last.0, &last.1)).await?;
            let Some(end) = page.last() else { break };
            last = (end.tenant.to_string(), end.id.clone());
            for value in &page {
                look(app, value, reseals, &mut count).await?;
            }
        }
    }
    if count.resealed > 0 {
        tracing::info!(values = count.resealed, "sealed anew under the newest root key");
    }
    let Count { newest, former, resealed, closed } = count;
    Ok(json!({ "newest": newest, "former": former, "resealed": resealed, "closed": closed }))
}

async fn look(
    app: &App,
    value: &SealedValue,
    reseals: bool,
    count: &mut Count,
) -> Result<(), Refused> {
    let keys = &app.secrets.sealing;
    let Ok(secret) = keys.open(&value.associated(), &value.sealed) else {
        if count.closed.len() < MOST_NAMED {
            count.closed.push(String::from_utf8_lossy(&value.associated()).into_owned());
        }
        return Ok(());
    };
    if keys.is_newest(&value.sealed) {
        count.newest += 1;
        return Ok(());
    }
    if !reseals {
        count.former += 1;
        return Ok(());
    }
    let nonce = app.entropy.bytes::<NONCE_BYTES>();
    let sealed = keys
        .seal(nonce, &value.associated(), &secret)
        .map_err(|error| Refused(error.to_string()))?;
    match app.database.run(sealed::replace(value, &sealed)).await? {
        Written::Done => count.resealed += 1,
        // Changed or deleted meanwhile: whoever did that had the newest key.
        Written::Overtaken => {}
    }
    Ok(())
}
