//! Which addresses a device may have signed as `aud` or `htu` (guardian B6).

use device_protocol::guardian::url::normalized;

/// The device calls live under each of these, below each of the tenant's bases (G1, G2).
const API_ROOTS: [&str; 3] = ["appliance-mfa/api", "api", "guardian/api"];
/// So does the consent record (G1, G3).
const CONSENT_ROOTS: [&str; 2] = ["rich-consents", "appliance-mfa/rich-consents"];

/// Whether `signed` is the device call `path` under any alias and any of the tenant's `bases`.
pub(super) fn is_api_call(signed: &str, path: &str, bases: &[String]) -> bool {
    is_below(signed, &API_ROOTS, path, bases)
}

/// Whether `signed` is the address of the consent record `id`, under any alias and base.
pub(super) fn is_consent(signed: &str, id: &str, bases: &[String]) -> bool {
    is_below(signed, &CONSENT_ROOTS, id, bases)
}

/// Letter case of the host, the default port, a query and a final slash do not count (G82, G116).
fn is_below(signed: &str, roots: &[&str], path: &str, bases: &[String]) -> bool {
    let Ok(signed) = normalized(signed) else { return false };
    let Some(below) = signed.strip_suffix(path).and_then(|rest| rest.strip_suffix('/')) else {
        return false;
    };
    bases.iter().filter_map(|base| normalized(base).ok()).any(|base| {
        below
            .strip_prefix(base.as_str())
            .and_then(|rest| rest.strip_prefix('/'))
            .is_some_and(|root| roots.contains(&root))
    })
}

#[cfg(test)]
mod tests {
    use super::{is_api_call, is_consent};

    fn bases() -> Vec<String> {
        ["https://localhost:8443/t/acme/", "https://login.acme.example/"].map(String::from).to_vec()
    }

    /// G82: the URL called, under any public base and any alias, however its host is written.
    #[test]
    fn every_alias_under_every_base_may_be_signed() {
        for url in [
            "https://localhost:8443/t/acme/appliance-mfa/api/resolve-transaction",
            "https://localhost:8443/t/acme/api/resolve-transaction",
            "https://login.acme.example/guardian/api/resolve-transaction",
            "https://LOGIN.Acme.example:443/appliance-mfa/api/resolve-transaction/",
        ] {
            assert!(is_api_call(url, "resolve-transaction", &bases()), "{url}");
        }
    }

    #[test]
    fn other_hosts_paths_and_prefixes_may_not() {
        for url in [
            "https://localhost:8443/appliance-mfa/api/resolve-transaction",
            "https://localhost:8443/t/other/appliance-mfa/api/resolve-transaction",
            "https://login.acme.example.evil.example/appliance-mfa/api/resolve-transaction",
            "https://login.acme.example:8443/appliance-mfa/api/resolve-transaction",
            "http://login.acme.example/appliance-mfa/api/resolve-transaction",
            "https://login.acme.example/appliance-mfa/api/enroll",
            "https://login.acme.example/appliance-mfa/xapi/resolve-transaction",
            "https://login.acme.example/x/appliance-mfa/api/resolve-transaction",
            "https://login.acme.exampleapi/resolve-transaction",
            "https://login.acme.example/resolve-transaction",
            "https://login.acme.example/",
            "https://login.acme.example/appliance-mfa",
            "resolve-transaction",
            "",
        ] {
            assert!(!is_api_call(url, "resolve-transaction", &bases()), "{url}");
        }
    }

    /// G116: another letter case of the host, `:443`, an alias or a query do not count.
    #[test]
    fn a_consent_has_two_addresses_under_each_base() {
        let id = "cns_AbCdEfGhIjKlMnOpQrStUv";
        for url in [
            format!("https://Login.acme.example/rich-consents/{id}"),
            format!("https://login.acme.example:443/appliance-mfa/rich-consents/{id}?x=y"),
            format!("https://localhost:8443/t/acme/rich-consents/{id}"),
        ] {
            assert!(is_consent(&url, id, &bases()), "{url}");
        }
        for url in [
            format!("https://login.acme.example/guardian/rich-consents/{id}"),
            format!("https://login.acme.example/rich-consents/{id}/x"),
            "https://login.acme.example/rich-consents/cns_other".to_owned(),
            "https://login.acme.example/rich-consents".to_owned(),
        ] {
            assert!(!is_consent(&url, id, &bases()), "{url}");
        }
    }
}
