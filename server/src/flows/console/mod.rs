//! What operators do in the console, one file for each verb. Every change is told to the tenant's
//! log with who made it.

mod block_user;
mod find_users;
mod look_at_user;
mod operators;
mod passkeys;
mod requests;
mod sessions;
mod tickets;

pub use block_user::block_user;
pub use find_users::{FoundUsers, ListedUser, PAGE_SIZE, find_users};
pub use look_at_user::{UserView, look_at_user};
pub use operators::{
    FIRST_OPERATOR, LINK_LIFETIME_S, first_link, list_operators, make_link, remove_operator,
};
pub use passkeys::{
    Challenge, add_passkey, challenge_to_add, challenge_to_sign_in, list_passkeys, remove_passkey,
    sign_in_by_passkey,
};
pub use requests::{DeliveryView, Outcome, PushState, RequestView};
pub use sessions::{
    IDLE_S, LONGEST_S, NewSession, find_session, operator_of_link, sign_in_by_link, sign_out,
};
pub use tickets::{FreshTicket, make_ticket};
