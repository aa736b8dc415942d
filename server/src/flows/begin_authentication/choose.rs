//! Who is asked: the APIs and the person are looked up, and the rules decide.
//!
//! Where the tenant keeps it private who can be asked (A16), a person who cannot be is decided
//! about as one who can: the request begins, nobody is asked, and it ends by itself.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use domain::ciba::number::{Number, Style};
use domain::ciba::request::{
    self, Asked, Found, PasskeyWish, Shaped, Target, TenantRules, UserFacts,
};
use domain::oauth::grant::{ClientGrant, SubjectType};
use domain::oauth::refusal::{Reason, Refusal};
use domain::people::Device;
use domain::{ClientId, Timestamp, UserId};
use store::enrollments::Person;
use store::{enrollments, tickets};

use crate::App;
use crate::dev;
use crate::failure::{Broken, Failure};
use crate::flows::ask_passkey;
use crate::flows::prompt_limits;
use crate::flows::whom::{self, Meant, Unspent};
use crate::known::{KnownApi, KnownClient};
use crate::tenancy::Context;

/// A person of whom nothing stands in the way, and nothing is known.
const ANYBODY: UserFacts<'static> = UserFacts {
    is_blocked: false,
    push_devices: 1,
    has_pending_enrollment: false,
    permissions: &[],
};

/// What was decided about a request.
pub(super) struct Chosen {
    /// What is asked, and of whom.
    pub(super) asked: Asked,
    /// Where.
    pub(super) devices: Vec<Device>,
    /// The hint token, to be spent.
    pub(super) unspent: Option<Unspent>,
    /// Why nobody is asked although the client is told nothing of it.
    pub(super) nobody: Option<Refusal>,
}

pub(super) fn tenant_rules<'a>(app: &'a App, context: &'a Context) -> TenantRules<'a> {
    let settings = &context.tenant.settings;
    TenantRules {
        issuer: &context.base.issuer,
        issuers: &context.base.all,
        default_expiry_s: app.config.ciba.default_expiry_s.into(),
        is_resource_compatible: settings.resource_parameter_profile == "compatibility",
        is_audience_none_lenient: settings.lenient_audience_none,
        is_push_enabled: settings.push_factor,
        is_match_required: settings.match_code_required,
    }
}

/// An API that was named, and the client's grant on it.
type Named = (KnownApi, Option<Arc<ClientGrant>>);

/// What is known of an API of this name.
async fn named(
    app: &App,
    context: &Context,
    (client, audience): (&ClientId, &str),
    now: Timestamp,
) -> Result<Option<Named>, Failure> {
    let tenant = &context.tenant.id;
    let Some(api) = app.api(tenant, audience, now).await? else { return Ok(None) };
    let grant = app.grant(tenant, client, audience, SubjectType::User, now).await?;
    Ok(Some((api, grant)))
}

/// Looks up the APIs and the person, and lets the rules decide.
pub(super) async fn choose(
    app: &App,
    context: &Context,
    (client, shaped, rules): (&KnownClient, Shaped, &TenantRules<'_>),
    now: Timestamp,
) -> Result<Chosen, Failure> {
    check_context(context, &shaped)?;
    prompt_limits::check_unknown(app, context, client, now).await?;
    let id = &client.client().id;
    let mut apis = Vec::new();
    for audience in shaped.audiences() {
        apis.extend(named(app, context, (id, audience), now).await?);
    }
    let targets: Vec<_> =
        apis.iter().map(|(api, grant)| Target { api, grant: grant.as_deref() }).collect();
    let whom = whom::meant(app, context, (client, shaped.hint()), now).await?;
    let wants_match = shaped.wants_match();
    let (facts, mut devices) = match &whom.user {
        Some(user) => facts(app, context, user, now).await?,
        None => (None, Vec::new()),
    };
    let (mut facts, refuses) = facts.map(|(facts, person)| (facts, person.refuses(id))).unzip();
    if wants_match {
        devices.retain(Device::takes_numbers); // decision 14
        facts = facts.map(|facts| UserFacts { push_devices: devices.len(), ..facts });
    }
    let is_demanded = context.tenant.settings.passkey_required
        || apis.iter().any(|(api, _)| api.is_passkey_required);
    let wish = if is_demanded { PasskeyWish::Required } else { shaped.passkey_wish() };
    let person = (wish, whom.user.as_ref());
    let wants_passkey = ask_passkey::narrow(app, context, person, &mut devices).await?;
    if wants_passkey {
        facts = facts.map(|facts| UserFacts { push_devices: devices.len(), ..facts });
    }
    let tells_device = shaped.insists_on_device();
    let in_private = context.tenant.settings.privacy_mode.then(|| shaped.clone());
    let found = Found { targets: &targets, user: whom.user.as_ref().zip(facts) };
    let decided = request::decide(shaped, client.client(), rules, &found);
    let (mut asked, nobody) = match (decided, in_private) {
        (Ok(asked), _) => (asked, None),
        (Err(refusal), Some(shaped)) if is_about_person(&refusal) => {
            devices.clear();
            (
                pretended(stand_in(&whom, shaped), (client, rules), &targets, facts.is_some())?,
                Some(refusal),
            )
        }
        (Err(refusal), _) => return Err(refusal.into()),
    };
    if wants_passkey {
        ask_passkey::demand(&mut asked, tells_device);
    }
    if refuses == Some(true) {
        return Err(Refusal::from(Reason::Reported).into());
    }
    if wants_match {
        let style = Style::from_name(&context.tenant.settings.match_style).unwrap_or(Style::Type);
        let random = u64::from_be_bytes(app.entropy.bytes());
        asked.beyond.number = Some(Number::drawn(style, random));
    }
    Ok(Chosen { asked, devices, unspent: whom.unspent, nobody })
}

/// A4: where the tenant's policy demands it, a request that does not say where it comes from could
/// be approved by nobody.
fn check_context(context: &Context, shaped: &Shaped) -> Result<(), Refusal> {
    let Some(policy) = context.tenant.context_policy else { return Ok(()) };
    policy.check_request(shaped.context()).map_err(|_unknown| Reason::ContextUnknown.into())
}

/// Whether a refusal tells something of the person.
fn is_about_person(refusal: &Refusal) -> bool {
    prompt_limits::is_about_person(refusal.reason) || refusal.reason == Reason::UnmetClaim
}

/// Who stands for a person who cannot be asked: their own name where the hint says it, so that all
/// that is compared with it comes out the same, else one that is nobody's.
fn stand_in(whom: &Meant, shaped: Shaped) -> (UserId, Shaped) {
    let shaped = if whom.is_by_id { shaped } else { shaped.without_subject() };
    (whom.user.clone().unwrap_or_else(|| whom.name.clone()), shaped)
}

/// The request as it would be decided of a person who can be asked. Somebody who does not exist is
/// kept under a name that cannot become somebody's.
fn pretended(
    (user, shaped): (UserId, Shaped),
    (client, rules): (&KnownClient, &TenantRules<'_>),
    targets: &[Target<'_>],
    exists: bool,
) -> Result<Asked, Refusal> {
    let found = Found { targets, user: Some((&user, ANYBODY)) };
    let asked = request::decide(shaped, client.client(), rules, &found)?;
    let user_id = if exists { asked.user_id } else { whom::nobody_called(user.as_str()) };
    Ok(Asked { user_id, ..asked })
}

/// What is known of a person, if there is one, and the devices that can be asked.
async fn facts(
    app: &App,
    context: &Context,
    user: &UserId,
    now: Timestamp,
) -> Result<(Option<(UserFacts<'static>, Person)>, Vec<Device>), Failure> {
    let tenant = &context.tenant.id;
    let Some(mut person) = enrollments::person(&app.database, tenant, user).await? else {
        return Ok((None, Vec::new()));
    };
    let mut devices = std::mem::take(&mut person.devices);
    if app.gives_virtual_phones.load(Ordering::Relaxed) {
        devices = with_virtual_phone(app, context, user, now).await?;
    }
    devices.retain(Device::is_reachable);
    let is_told = !context.tenant.settings.privacy_mode;
    let has_pending_enrollment = is_told
        && devices.is_empty()
        && !tickets::pending_of_user(&app.database, tenant, user, now).await?.is_empty();
    let facts = UserFacts {
        is_blocked: person.is_blocked,
        push_devices: devices.len(),
        has_pending_enrollment,
        permissions: &[],
    };
    Ok((Some((facts, person)), devices))
}

/// The person's devices, a virtual phone among them (`aizuchi dev --virtual-phones`).
async fn with_virtual_phone(
    app: &App,
    context: &Context,
    user: &UserId,
    now: Timestamp,
) -> Result<Vec<Device>, Failure> {
    dev::give_phone(app, context, user, now)
        .await
        .map_err(|refused| Broken::because(format!("no virtual phone: {refused:?}")))?;
    Ok(enrollments::of_user(&app.database, &context.tenant.id, user).await?)
}
