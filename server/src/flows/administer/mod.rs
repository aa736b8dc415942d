//! What administrators do to a tenant through the Management API, one file for each kind of thing.
//!
//! A change says what it changes from, so that of two at once none is lost: the one that comes
//! second reads again.

mod apis;
mod appearance;
mod clients;
mod credentials;
mod devices;
mod domains;
mod grants;
mod initial_tokens;
mod keys;
mod mail_provider;
mod passkeys;
mod push_providers;
mod refresh_tokens;
mod refused_clients;
mod settings;
mod tickets;
mod user_codes;
mod users;

pub use apis::{change_api, create_api, delete_api, find_api};
pub use appearance::read_appearance;
pub use clients::{NewClient, change_client, create_client, delete_client, rotate_secret};
pub(crate) use clients::{change_client_if, prepare_client};
pub(crate) use credentials::expiry;
pub use credentials::{create_credential, credential_document};
pub(crate) use devices::pending_enrollment;
pub use devices::{list_enrollments, rename_device, unenroll, unenroll_all};
pub use domains::{
    change_domain, create_domain, delete_domain, list_domains, read_domain, test_domain,
    verify_domain,
};
pub use grants::{change_grant, create_grant};
pub use initial_tokens::{create_initial_token, delete_initial_token, initial_token_view};
pub use keys::{revoke_key, rotate_keys};
pub(crate) use mail_provider::{
    change_mail_provider, create_mail_provider, delete_mail_provider, show_mail_provider,
};
pub use passkeys::{
    list_passkeys, named_passkey, passkey_method, passkey_name, passkey_of_method, remove_passkey,
    remove_passkeys,
};
pub use push_providers::{
    change_push_provider, select_push_provider, set_push_provider, show_push_provider,
};
pub(crate) use refresh_tokens::revoke_families;
pub use refresh_tokens::{
    change_refresh_token, end_requests, refresh_token_view, revoke_access, revoke_refresh_token,
    revoke_refresh_tokens,
};
pub use refused_clients::{lift_refusal, refused_clients};
pub use settings::{
    change_custom_app, change_mfa_policies, change_settings, read_settings, switch_push_factor,
};
pub use tickets::WantedTicket;
pub(crate) use tickets::mailed_to;
pub use user_codes::{make_user_code, remove_user_code, set_user_code};
pub use users::{change_user, create_user, delete_user};

/// How often a change that others overtake is tried again.
pub(crate) const ATTEMPTS: usize = 5;
/// Largest stored document of a client, API or client grant, in bytes.
pub(crate) const DOCUMENT_LIMIT: usize = 128 * 1024;

/// Refuses a document that has grown too large.
pub(crate) fn sized(document: &serde_json::Value) -> Result<String, crate::denied::Denied> {
    let text = document.to_string();
    if text.len() > DOCUMENT_LIMIT {
        let message = format!("It would be larger than {DOCUMENT_LIMIT} bytes");
        return Err(crate::denied::Denied::InvalidBody(message));
    }
    Ok(text)
}
