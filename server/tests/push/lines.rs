//! O113: what the server's own log says of credentials that a service refuses.

use std::io;
use std::sync::{Arc, Mutex};

use serde_json::Value;
use testkit::push_services::Reply;
use tracing::subscriber::DefaultGuard;

use super::{asked, enrolled, world_with_services};

/// The lines of this test's thread.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Lines {
    /// Keeps them as long as the guard lives.
    fn kept(&self) -> DefaultGuard {
        let lines = self.clone();
        let subscriber = tracing_subscriber::fmt()
            .json()
            .flatten_event(true)
            .with_max_level(tracing::Level::INFO)
            .with_writer(move || lines.clone())
            .finish();
        tracing::subscriber::set_default(subscriber)
    }

    /// Takes those about pushes.
    fn about_pushes(&self) -> Vec<Value> {
        let text = String::from_utf8(std::mem::take(&mut *self.0.lock().unwrap())).unwrap();
        let all = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        all.filter(|line| line["message"].as_str().unwrap().contains("push")).collect()
    }
}

/// O113: one line, with the service's own word and what to do.
#[tokio::test]
async fn refused_credentials_are_one_line_that_says_what_to_do() {
    let (world, services) = world_with_services().await;
    let apple = enrolled(&world, "alice", "APNS").await;
    enrolled(&world, "bob", "GCM").await;
    let lines = Lines::default();
    let _kept = lines.kept();
    let told = async |person: &str, words: [&str; 2]| {
        asked(&world, person).await;
        let told = lines.about_pushes();
        assert_eq!(told.len(), 1, "{told:?}");
        let (line, reason) = (&told[0], told[0]["reason"].as_str().unwrap());
        assert_eq!(
            (line["level"].as_str(), line["tenant.id"].as_str()),
            (Some("WARN"), Some("default"))
        );
        assert!(words.iter().all(|word| reason.contains(word)), "{reason}");
    };
    services.apns.replies(&apple, Reply::Refuse(403, "InvalidProviderToken", Vec::new()));
    told("alice", ["InvalidProviderToken", "do not belong together, or the key was revoked"]).await;
    services.apns.replies(&apple, Reply::Refuse(403, "BadCertificateEnvironment", Vec::new()));
    told("alice", ["BadCertificateEnvironment", "for the other environment (sandbox)"]).await;
    services.fcm.clock.advance_ms(-86_400_000);
    told("bob", ["invalid_grant", "upload a fresh key"]).await;
}
