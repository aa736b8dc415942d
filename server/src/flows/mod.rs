//! What happens: one file for each verb. A flow orders the I/O; what is decided is `domain`'s.

pub mod administer;
pub mod authenticate_client;
pub mod begin_authentication;
mod cancel;
mod create_tenant;
mod create_ticket;
pub mod exchange;
mod find_open;
mod idempotency;
pub mod log;
pub mod redeem;
mod revoke;
mod send_pushes;
pub mod tokens;
pub mod transaction_token;

pub use authenticate_client::{authenticate_client, spend_assertion};
pub use begin_authentication::begin;
pub use cancel::cancel;
pub use create_tenant::{
    MANAGEMENT_SCOPES, create_tenant, create_tenant_with_keys, management_api,
    management_identifier,
};
pub use create_ticket::{NewTicket, create_ticket};
pub use exchange::exchange;
pub use find_open::find_open_transactions;
pub use revoke::{revoke, userinfo};
pub use send_pushes::{send_due_pushes, send_pushes, token};
