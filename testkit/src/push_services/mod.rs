//! Stand-ins for Apple's, Google's and browsers' push services: real TLS and HTTP/2, the documented protocol,
//! and refusals as the real ones make them. Clients that others wrote are held against them in
//! `tests/compat`.

mod apns;
mod fcm;
mod line;
mod scripted;
mod site;
mod web;
mod wire;

pub use apns::{Apns, Team};
pub use fcm::{Fcm, service_account};
pub use scripted::Scripted;
pub use site::{Page, Site};
pub use web::{Subscribed, WebPush};
pub use wire::{Received, Reply};

use std::path::PathBuf;

use server::config::Config;
use server::listen::DevCa;
use server::outside::Clock;

/// The bundle id of the stand-ins' app.
pub const TOPIC: &str = "com.example.guardian";
/// The Firebase project of the stand-ins' app.
pub const PROJECT: &str = "example-guardian";

/// The services, behind one authority.
#[derive(Debug)]
pub struct PushServices {
    /// Apple.
    pub apns: Apns,
    /// Google.
    pub fcm: Fcm,
    /// A browser's.
    pub web: WebPush,
    ca: DevCa,
    folder: tempfile::TempDir,
}

impl PushServices {
    /// Starts them, each on a free port of this machine.
    pub async fn start(clock: fn() -> Clock) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let ca = DevCa::open(folder.path()).unwrap();
        let apns = Apns::start(&ca, clock()).await;
        let fcm = Fcm::start(&ca, clock()).await;
        let web = WebPush::start(&ca, clock()).await;
        Self { apns, fcm, web, ca, folder }
    }

    /// The PEM file of the authority that vouches for them.
    pub fn ca_file(&self) -> PathBuf {
        self.ca.file().to_path_buf()
    }

    /// Sets a configuration up to send to them, with the server's own accounts.
    pub fn configure(&self, config: &mut Config) {
        self.point(config);
        let write = |name: &str, text: &str| {
            let file = self.folder.path().join(name);
            std::fs::write(&file, text).unwrap();
            file
        };
        config.push.apns_key_file = write("AuthKey.p8", &self.apns.team().p8);
        config.push.apns_key_id.clone_from(&self.apns.team().key_id);
        config.push.apns_team_id.clone_from(&self.apns.team().team_id);
        TOPIC.clone_into(&mut config.push.apns_bundle_id);
        config.push.fcm_service_account_file = write("account.json", &self.fcm.service_account());
    }

    /// Sets a configuration up to send to them, without any account.
    pub fn point(&self, config: &mut Config) {
        config.outbound.ca_file = self.ca_file();
        config.outbound.allow = vec![String::from("localhost")];
        config.push.apns_url = self.apns.url();
        config.push.apns_sandbox_url = self.apns.url();
        config.push.fcm_url = self.fcm.url();
    }
}
