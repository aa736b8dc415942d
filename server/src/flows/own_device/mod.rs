//! What devices of our own dialect ask for (protocol `aizuchi-device`): each call is proven by the
//! device's key, and what it changes uses the proof up in the same write.

mod account;
mod content;
mod decide;
mod enroll;
mod events;
mod mine;
mod passkeys;
mod receipt;
mod requests;
mod ticket;

use device_protocol::aizuchi::errors::{Code, Refusal};
use domain::aizuchi::{HeldProof, PROOF_MEMORY_S, ProofRules, UncheckedProof};
use domain::jose::PublicKey;
use domain::people::Device;
use domain::{TenantId, Timestamp};
use store::{Write, enrollments, replays};

use super::change_device::key_of;
use crate::App;
use crate::failure::OwnFailure;
use crate::meta::Meta;
use crate::tenancy::Context;

pub use account::{change, change_key, forget, list_devices};
pub use decide::decide;
pub use enroll::{Order, enroll};
pub use events::{Listener, Told, listen};
pub use mine::{list_grants, make_identifier, remove_own_code, revoke_grant, set_own_code};
pub use passkeys::{add as add_passkey, list as list_passkeys, options as passkey_options};
pub use receipt::receipt;
pub use requests::{Page, list, show};
pub use ticket::make_ticket;

/// A call of a device, before anything of it is believed.
#[derive(Clone, Copy)]
pub struct Call<'a> {
    /// The header `Device-Proof`.
    pub proof: Option<&'a str>,
    /// The method.
    pub method: &'a str,
    /// The path below the tenant's address, without its first slash.
    pub path: &'a str,
    /// The body.
    pub body: &'a [u8],
    /// Who sent it.
    pub meta: &'a Meta,
}

/// A device that has proven its call.
struct Known {
    device: Device,
    key: PublicKey,
    proof: HeldProof,
}

/// The device that makes a call (D7).
async fn known_device(
    app: &App,
    context: &Context,
    call: Call<'_>,
    now: Timestamp,
) -> Result<Known, OwnFailure> {
    let unchecked = UncheckedProof::parse(call.proof)?;
    let tenant = &context.tenant.id;
    let found = enrollments::one(&app.database, tenant, unchecked.device()).await?;
    let device = found.map(|(device, _)| device).filter(|device| device.own.is_some());
    let device = device.ok_or_else(unknown_device)?;
    let key = key_of(&device)?;
    let bases = &context.base.all;
    let rules = ProofRules { method: call.method, path: call.path, bases, body: call.body };
    let proof = unchecked.check(&key, &rules, now)?;
    Ok(Known { device, key, proof })
}

impl Known {
    /// What uses the proof up, in the write that changes something.
    fn used_up(&self, tenant: &TenantId, now: Timestamp) -> Write {
        replays::first_use(tenant, &self.proof.seen_as, now.plus_seconds(PROOF_MEMORY_S))
    }

    /// Refuses a proof that was used up before.
    async fn check_unused(&self, app: &App, tenant: &TenantId) -> Result<(), OwnFailure> {
        if replays::is_known(&app.database, tenant, &self.proof.seen_as).await? {
            let sentence = "This proof was used before. Sign a new one for each call";
            return Err(OwnFailure::refused(Code::Replayed, sentence));
        }
        Ok(())
    }
}

fn unknown_device() -> OwnFailure {
    let sentence = "This device is not enrolled (any more)";
    OwnFailure::refused(Code::UnknownDevice, sentence)
}

fn not_found() -> OwnFailure {
    OwnFailure::refused(Code::NotFound, "There is no such request for this device")
}

fn invalid_body(why: impl std::fmt::Display) -> Refusal {
    Refusal::new(Code::InvalidBody, why.to_string())
}
