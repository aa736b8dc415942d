//! The windows to the outside: the clock, randomness, host names, and the push services.
//!
//! Everything that a test must be able to move or script comes through here, and nothing here
//! knows a flow.

mod clock;
mod courier;
mod entropy;
mod http;
mod mail;
mod resolver;
mod services;

pub use clock::{Clock, Stopwatch};
pub use courier::{Courier, Delivery, Parcel, Receipt, Tray, TrayEntry, Way};
pub use entropy::{Entropy, Stream};
pub use http::{
    Allowed, Answer, Call, CallLimits, Calling, Guard, Identity, Lane, Outbound, Unanswered,
    Window, may_name,
};
pub use mail::{MailReceipt, Posted, Sender, SmtpAccount, post};
pub use resolver::Resolver;
pub use services::{Endpoints, Services};
