//! `GET /device/v1/events`: a device that listens learns at once what it is asked, and what became of
//! it (D8), and that its person has a new device (D4). A stream that begins tells what waits already.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use device_protocol::aizuchi::errors::Code;
use domain::ciba::transaction::Stored;
use domain::people::Device;
use domain::{ConsentId, DeviceId, TenantId, Timestamp, UserId};
use serde_json::{Value, json};
use store::{Engine, enrollments, inbox};

use super::account::shown_to_others as shown;
use super::{Call, known_device};
use crate::App;
use crate::failure::{Broken, OwnFailure};
use crate::flows::Event;
use crate::inboxes::Seat;
use crate::tenancy::Context;

/// What other nodes do is looked for so often.
const SHARED_LOOK_MS: i64 = 3_000;

/// One event of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// `request`, `decided`, `withdrawn` or `expired`; `device`.
    pub name: &'static str,
    /// Which request, or which device.
    pub data: Value,
}

impl Told {
    fn request(name: &'static str, id: &str) -> Self {
        Self { name, data: json!({ "request": id }) }
    }
}

/// A device that listens.
#[derive(Debug)]
pub struct Listener {
    app: Arc<App>,
    tenant: TenantId,
    device: DeviceId,
    user: UserId,
    seat: Seat,
    /// The person's devices, as far as this one knows; none before the first look.
    devices: Option<BTreeSet<DeviceId>>,
    /// What was told to wait, and until when.
    waiting: BTreeMap<String, Timestamp>,
    to_tell: VecDeque<Told>,
}

/// Begins to listen.
pub async fn listen(
    app: &Arc<App>,
    context: &Context,
    call: Call<'_>,
    now: Timestamp,
) -> Result<Listener, OwnFailure> {
    let device = known_device(app, context, call, now).await?.device;
    let seat = app.inboxes.enter(&device.id).ok_or_else(|| {
        let sentence = "As many devices listen as may. Look into the inbox instead";
        OwnFailure::refused(Code::Unavailable, sentence)
    })?;
    Ok(Listener {
        app: Arc::clone(app),
        tenant: context.tenant.id.clone(),
        device: device.id,
        user: device.user,
        seat,
        devices: None,
        waiting: BTreeMap::new(),
        to_tell: VecDeque::new(),
    })
}

impl Listener {
    /// The next event, when it comes; none if the stream is over: the device is gone, listens anew
    /// elsewhere, or the server stops.
    pub async fn next(&mut self) -> Result<Option<Told>, Broken> {
        loop {
            if let Some(told) = self.to_tell.pop_front() {
                return Ok(Some(told));
            }
            let now = self.app.clock.now();
            if !self.look(now).await? {
                return Ok(None);
            }
            if self.to_tell.is_empty() && !self.seat.wait(self.look_at(now)).await {
                return Ok(None);
            }
        }
    }

    /// Compares what waits now with what was told. `false`: the device is gone.
    async fn look(&mut self, now: Timestamp) -> Result<bool, Broken> {
        let app = Arc::clone(&self.app);
        let database = &app.database;
        let (tenant, device) = (self.tenant.clone(), self.device.clone());
        let who = (&tenant, &device);
        let devices = enrollments::of_user(database, &self.tenant, &self.user).await?;
        if devices.iter().all(|device| device.id != self.device) {
            return Ok(false);
        }
        self.tell_devices(&devices);
        let list = inbox::waiting(database, who, (None, inbox::PAGE_LIMIT), now).await?;
        let list = list.into_iter().rev().map(|stored| {
            let facts = stored.at(now).facts().clone();
            (facts.consent_id.to_string(), facts.expires_at)
        });
        let list: Vec<(String, Timestamp)> = list.collect();
        let mut over = Vec::new();
        let is_gone = |name: &&String| list.iter().all(|(waits, _)| waits != *name);
        for name in self.waiting.keys().filter(is_gone) {
            let id = ConsentId::new(name.clone());
            let stored: Option<Stored> = inbox::one(database, who, &id).await?;
            // More than a page waits, and this one stands on a later page.
            let Some(event) = stored.map_or(Some(Event::Expired), |s| Event::of(s, now)) else {
                continue;
            };
            over.push((event.name(), id));
        }
        for (event, id) in over {
            self.waiting.remove(id.as_str());
            self.to_tell.push_back(Told::request(event, id.as_str()));
        }
        for (name, expires_at) in list {
            if self.waiting.insert(name.clone(), expires_at).is_none() {
                self.to_tell.push_back(Told::request("request", &name));
            }
        }
        Ok(true)
    }

    /// The person's devices that were not there at the look before.
    fn tell_devices(&mut self, devices: &[Device]) {
        let now: BTreeSet<DeviceId> = devices.iter().map(|device| device.id.clone()).collect();
        if let Some(known) = &self.devices {
            let new = devices.iter().filter(|device| !known.contains(&device.id));
            let told = new.map(|device| Told { name: "device", data: shown(device) });
            self.to_tell.extend(told);
        }
        self.devices = Some(now);
    }

    /// When to look again although nobody rang.
    fn look_at(&self, now: Timestamp) -> Timestamp {
        let first_end = self.waiting.values().min().copied();
        let first_end = first_end.unwrap_or_else(|| Timestamp::from_ms(i64::MAX));
        match self.app.database.engine() {
            Engine::Sqlite => first_end,
            Engine::Postgres => first_end.min(now.plus_ms(SHARED_LOOK_MS)),
        }
    }
}
