//! The stand-ins for Apple's, Google's and browsers' push services, for clients that others wrote: prints one
//! line of JSON that says where they are, and runs until its standard input ends.

#![expect(clippy::unwrap_used, reason = "what does not work here fails the test that uses it")]

use std::io::Write as _;

use aws_lc_rs::agreement::{ECDH_P256, PrivateKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::jose::web_push::{RANDOM_BYTES, Receiver};
use serde_json::json;
use server::outside::Clock;
use testkit::push_services::{PROJECT, PushServices, Reply, TOPIC};

/// Device tokens that are refused, by their first letters.
const REFUSED: [(&str, u16, &str); 4] = [
    ("dead", 410, "Unregistered"),
    ("bad0", 400, "BadDeviceToken"),
    ("slow", 429, "TooManyRequests"),
    ("down", 503, "Shutdown"),
];

#[tokio::main]
async fn main() {
    let services = PushServices::start(Clock::system).await;
    let refused = REFUSED.map(|(name, status, reason)| {
        let token = format!("{}{}", hex(name), "0".repeat(64 - 2 * name.len()));
        // A client may try the same one again.
        for _ in 0..20 {
            services.apns.replies(&token, Reply::Refuse(status, reason, Vec::new()));
        }
        json!({ "token": token, "status": status, "reason": reason })
    });
    let gone = "token-of-a-phone-that-was-reset";
    services.fcm.replies(gone, Reply::Refuse(404, "UNREGISTERED", Vec::new()));
    let team = services.apns.team();
    let (key, public_key) = application_key();
    let browser = services.web.subscribes(Some(&public_key));
    let receiver = Receiver::parse(&browser.p256dh, &browser.auth).unwrap();
    let text = "本日 ¥24,800";
    let message = receiver.seal(text.as_bytes(), &[9; RANDOM_BYTES]).unwrap();
    let card = json!({
        "ca_file": services.ca_file(),
        "apns": {
            "url": services.apns.url(), "topic": TOPIC, "p8": team.p8, "key_id": team.key_id,
            "team_id": team.team_id, "refused": refused,
        },
        "fcm": {
            "url": services.fcm.url(), "project": PROJECT, "gone": gone,
            "service_account": services.fcm.service_account(),
        },
        "web": {
            "subscription": {
                "endpoint": browser.endpoint,
                "keys": { "p256dh": browser.p256dh, "auth": browser.auth },
            },
            "private": URL_SAFE_NO_PAD.encode(browser.private),
            "application_key": { "public": public_key, "private": key },
            "message": URL_SAFE_NO_PAD.encode(message),
            "text": text,
        },
    });
    let mut out = std::io::stdout();
    writeln!(out, "{card}").unwrap();
    out.flush().unwrap();
    let wait = || std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
    tokio::task::spawn_blocking(wait).await.unwrap().unwrap();
}

/// A key pair of an application, as Web Push libraries take it.
fn application_key() -> (String, String) {
    let private = [42; 32];
    let pair = PrivateKey::from_private_key(&ECDH_P256, &private).unwrap();
    let public = pair.compute_public_key().unwrap();
    (URL_SAFE_NO_PAD.encode(private), URL_SAFE_NO_PAD.encode(public.as_ref()))
}

fn hex(text: &str) -> String {
    text.bytes().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"))
}
