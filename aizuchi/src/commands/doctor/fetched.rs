//! What `aizuchi doctor` says of certificates that the server fetches (ACME).

use std::net::SocketAddr;

use domain::Timestamp;
use serde_json::Value;
use server::admin::{self, Command};
use server::config::Config;

use super::super::database;
use super::Finding;
use super::Verdict::{Fine, Note, Wrong};
use super::checks::CERTIFICATE;

/// Where an authority looks for the proof (RFC 8737, section 3).
const PROOF_PORT: u16 = 443;

/// Whether the server fetches the certificate of its public host.
pub(super) fn applies(config: &Config) -> bool {
    !config.acme.directory.is_empty()
        && !config.listen.https.is_empty()
        && config.tls.certificate_file.as_os_str().is_empty()
}

/// What was fetched, by the running server or as it stands in the database.
pub(super) async fn certificates(config: &Config, now: Timestamp) -> Finding {
    let rows = match admin::ask(&config.server.data_dir, &Command::CertificateList {}).await {
        Some(answer) => answer.map_err(|refused| refused.to_string()),
        None => match database::open(config).await {
            Ok(database) => admin::fetched(&database).await.map_err(|refused| refused.to_string()),
            Err(failed) => Err(failed.to_string()),
        },
    };
    match rows {
        Ok(rows) => judge(config, rows.as_array().map_or(&[], Vec::as_slice), now),
        Err(told) => Finding::new(CERTIFICATE, Note, format!("not looked at: {told}")),
    }
}

fn judge(config: &Config, rows: &[Value], now: Timestamp) -> Finding {
    let text = |row: &Value, name: &str| row.get(name).and_then(Value::as_str).map(str::to_owned);
    let port = config.listen.https.parse::<SocketAddr>().map_or(PROOF_PORT, |at| at.port());
    let reach = if port == PROOF_PORT {
        String::from("the authority must reach this server on port 443")
    } else {
        format!("the authority comes to port 443, which must lead to port {port} here")
    };
    let failed = rows.iter().find_map(|row| Some((row, text(row, "problem")?)));
    if let Some((row, problem)) = failed {
        let (host, next) = (text(row, "host"), text(row, "next_at"));
        let told = format!(
            "none could be fetched for {}: {problem}; {reach}; tried again at {}",
            host.unwrap_or_default(),
            next.unwrap_or_default()
        );
        return Finding::new(CERTIFICATE, Wrong, told);
    }
    let mut ends: Vec<String> = rows.iter().filter_map(|row| text(row, "good_until")).collect();
    ends.sort();
    let Some(first) = ends.first() else {
        let told = format!("none fetched yet; the server does when it runs, and {reach}");
        return Finding::new(CERTIFICATE, Note, told);
    };
    if *first <= now.to_iso() {
        let told = format!("one ended at {first} and no other was fetched; start the server");
        return Finding::new(CERTIFICATE, Wrong, told);
    }
    let told = format!("fetched for {} of {} hosts, good until {first}", ends.len(), rows.len());
    Finding::new(CERTIFICATE, if ends.len() == rows.len() { Fine } else { Note }, told)
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;
    use serde_json::json;

    fn found(rows: &Value) -> (Verdict, String) {
        let mut config = Config::default();
        config.acme.directory = String::from("https://ca.example/directory");
        config.listen.https = String::from("0.0.0.0:8443");
        assert!(applies(&config));
        let now = Timestamp::from_ms(1_795_410_000_000);
        let finding = judge(&config, rows.as_array().unwrap(), now);
        (finding.verdict, finding.sentence)
    }

    /// O278: what was fetched, what was not and why, and what the authority must be able to reach.
    #[test]
    fn the_doctor_looks_at_fetched_certificates() {
        let good = json!({"host": "a.example", "good_until": "2027-01-01T00:00:00.000Z"});
        let (verdict, told) = found(&json!([good]));
        assert_eq!((verdict, told.contains("1 of 1 hosts")), (Fine, true), "{told}");
        let failed = json!({"host": "b.example", "problem": "dns", "next_at": "2026-12-01"});
        let (verdict, told) = found(&json!([good, failed]));
        assert_eq!(verdict, Wrong);
        for words in ["b.example: dns", "must lead to port 8443", "again at 2026-12-01"] {
            assert!(told.contains(words), "{told}");
        }
        let ended = json!({"host": "a.example", "good_until": "2026-01-01T00:00:00.000Z"});
        assert_eq!(found(&json!([good, ended])).0, Wrong);
        assert_eq!(found(&json!([good, {"host": "c.example"}])).0, Note);
        assert_eq!(found(&json!([])).0, Note);
    }
}
