//! What happens: one file for each verb. A flow orders the I/O; what is decided is `domain`'s.

mod access_token;
pub mod administer;
pub mod admit;
mod answer_challenge;
mod ask_passkey;
pub mod authenticate_client;
pub mod begin_authentication;
mod bind_token;
mod cancel;
mod change_device;
pub(crate) mod client_sites;
mod climb;
pub mod console;
mod create_tenant;
mod create_ticket;
mod decision;
mod device_log;
mod enroll_device;
mod enrolling;
mod enrollment_flow;
mod ephemeral;
mod events;
pub mod exchange;
mod find_open;
mod flow_push;
mod idempotency;
mod introspect;
mod key_sets;
pub mod log;
mod long_poll;
pub(crate) mod mails;
mod narrow;
mod notices;
mod number;
mod open_ticket;
pub mod own_device;
mod prompt_limits;
mod push_tokens;
mod read_consent;
mod read_receipt;
pub mod redeem;
mod register_client;
mod relying_party;
mod revoke;
mod send_pushes;
pub mod tokens;
pub mod transaction_token;
mod user_code;
mod visit_resource;
pub(crate) mod wake;
mod whom;

/// A flow whose write was overtaken looks again and decides again: so many times in all.
const DECIDE_TRIES: u32 = 3;

pub use access_token::Presented;
pub use answer_challenge::answer_challenge;
pub use authenticate_client::{
    Credentials, authenticate_client, named_client, note_assertion, spend_assertion,
};
pub use begin_authentication::begin;
pub use cancel::cancel;
pub use change_device::{Sent, change_device, unenroll_device};
pub use client_sites::look_at_due_sites;
pub use create_tenant::{
    MANAGEMENT_SCOPES, create_tenant, create_tenant_with_keys, management_api,
    management_identifier, renew_management_api,
};
pub use create_ticket::NewTicket;
pub(crate) use create_ticket::{TicketOrder, create_ticket};
pub use enroll_device::{EnrollOrder, enroll_device};
pub use enrollment_flow::{start_flow, transaction_state};
pub use events::{Event, Listener, listen};
pub use exchange::exchange;
pub use find_open::find_open_transactions;
pub use flow_push::send_flow_push;
pub use introspect::introspect;
pub use long_poll::{LONGEST_WAIT_S, wake_waiting_polls};
pub use mails::send_due_mails;
pub use notices::{deliver_notice, take_due_notices};
pub use open_ticket::{
    Code, LIVE_CODES, Link, Opening, Shown, look_at_code, look_at_link, open_ticket,
};
pub use read_consent::{ConsentRequest, read_consent};
pub use read_receipt::{receipt_for_auditor, receipt_of_client};
pub use register_client::{
    INITIAL_PREFIX, Leave, delete_registration, leave_of, read_registration, register,
    update_registration,
};
pub use revoke::{revoke, userinfo};
pub use send_pushes::{send_due_pushes, send_pushes, token};
pub use visit_resource::visit_resource;
