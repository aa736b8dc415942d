//! The sample data of `aizuchi dev`, and the card that tells it.
//!
//! Secrets are shown once and kept only as hashes (crates 1.5); so that the card is the same after
//! a restart, `dev` keeps its sample secrets in a file of its own.

use std::fs;
use std::path::Path;

use domain::{TenantId, UserId};
use serde_json::{Value, json};

use crate::App;
use crate::admin::{self, Refused};
use crate::start::{Addresses, StartError};
use crate::tenancy::FIRST_TENANT;

/// The file of sample secrets in the data folder.
const CARD_FILE: &str = "dev-card.json";
/// The file of what `--fapi` made, private keys among it.
const FAPI_FILE: &str = "dev-fapi.json";

impl From<Refused> for StartError {
    fn from(refused: Refused) -> Self {
        Self(refused.0)
    }
}

/// Makes the sample data on first start; answers the card.
pub async fn prepare(
    app: &App,
    addresses: &Addresses,
    (ca_file, fapi): (Option<&Path>, bool),
) -> Result<Value, StartError> {
    let file = app.config.server.data_dir.join(CARD_FILE);
    let kept = fs::read_to_string(&file).ok();
    let kept = kept.and_then(|text| serde_json::from_str::<Value>(&text).ok());
    let mut card = match kept {
        Some(card) if text(&card, "/issuer") == app.addresses.https => card,
        kept => {
            let card = match kept {
                Some(card) => moved(app, card).await?,
                None => make(app).await?,
            };
            keep(&file, &card)?;
            card
        }
    };
    if fapi {
        let samples = fapi_samples(app).await?;
        if let Some(members) = card.as_object_mut() {
            members.insert(String::from("fapi"), samples);
        }
    }
    let console = admin::make_dev_link(app, app.clock.now()).await?;
    let enrollment = enrollment(app, &card).await?;
    if let Some(members) = card.as_object_mut() {
        members.insert(String::from("console"), console.into());
        members.insert(String::from("enrollment"), enrollment.into());
        if let Some(http) = &app.addresses.http {
            members.insert(String::from("http"), http.as_str().into());
        }
        if let Some(mtls) = &app.addresses.mtls {
            members.insert(String::from("mtls"), mtls.as_str().into());
        }
        if let Some(ca_file) = ca_file {
            members.insert(String::from("ca_file"), ca_file.display().to_string().into());
        }
        if let Some(ops) = addresses.ops {
            members.insert(String::from("ops"), format!("http://{ops}/").into());
        }
    }
    Ok(card)
}

/// The enrollment page of the sample user, at the plain listener if there is one: a browser knows no
/// CA of ours, and takes localhost for secure.
async fn enrollment(app: &App, card: &Value) -> Result<Option<String>, StartError> {
    let user = UserId::new(text(card, "/user/user_id"));
    let page = admin::sample_enrollment(app, &user, app.clock.now()).await?;
    let addresses = &app.addresses;
    let plain = |page: String| match (&addresses.http, page.strip_prefix(&addresses.https)) {
        (Some(http), Some(path)) => format!("{http}{path}"),
        (None, _) | (_, None) => page,
    };
    Ok(page.map(plain))
}

/// The tenant of profile `fapi-ciba`, made on the first start that asks for it.
async fn fapi_samples(app: &App) -> Result<Value, StartError> {
    let file = app.config.server.data_dir.join(FAPI_FILE);
    let kept = fs::read_to_string(&file).ok();
    let kept = kept.and_then(|text| serde_json::from_str::<Value>(&text).ok());
    let kept = if let Some(kept) = kept {
        kept
    } else {
        let made = admin::sample_fapi(app, app.clock.now()).await?;
        keep(&file, &made)?;
        made
    };
    Ok(admin::placed_fapi(app, &kept, app.clock.now()).await?)
}

/// The kept samples at another address: the server came back on another port.
async fn moved(app: &App, mut card: Value) -> Result<Value, StartError> {
    let tenant = TenantId::new(FIRST_TENANT);
    let client_id = text(&card, "/management/client_id").to_owned();
    let former = text(&card, "/management/audience").to_owned();
    admin::move_management(app, &tenant, (&client_id, &former), app.clock.now()).await?;
    let issuer = &app.addresses.https;
    for (place, address) in
        [("/issuer", issuer.clone()), ("/management/audience", format!("{issuer}api/v2/"))]
    {
        if let Some(member) = card.pointer_mut(place) {
            *member = address.into();
        }
    }
    Ok(card)
}

fn text<'c>(card: &'c Value, place: &str) -> &'c str {
    card.pointer(place).and_then(Value::as_str).unwrap_or_default()
}

async fn make(app: &App) -> Result<Value, StartError> {
    let tenant = TenantId::new(FIRST_TENANT);
    let now = app.clock.now();
    admin::ensure_management_api(app, &tenant, now).await?;
    let management = admin::sample_management(app, &tenant, now).await?;
    admin::sample_api(app, &tenant, now).await?;
    let client = admin::sample_client(app, &tenant, now).await?;
    let user = admin::sample_user(app, &tenant, now).await?;
    Ok(json!({
        "issuer": app.addresses.https,
        "management": {
            "client_id": management.client_id,
            "client_secret": management.client_secret,
            "audience": format!("{}api/v2/", app.addresses.https),
        },
        "client": { "client_id": client.client_id, "client_secret": client.client_secret },
        "api": { "identifier": admin::SAMPLE_API },
        "user": admin::named(&user),
    }))
}

fn keep(file: &Path, samples: &Value) -> Result<(), StartError> {
    super::write_private(file, &samples.to_string())
        .map_err(|error| StartError(format!("{}: {error}", file.display())))
}
