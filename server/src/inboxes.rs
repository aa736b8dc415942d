//! Devices that listen for what they are asked (D8): one stream each, bounded in all.
//!
//! Whoever asks or decides rings here. What another node does, and what ends by itself, the listener
//! finds when the moment comes at which it wants to look again. A device that listens costs an entry
//! of this table and no timer of its own.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use domain::ciba::transaction::Facts;
use domain::people::PushService;
use domain::{DeviceId, Timestamp};
use tokio::sync::Notify;

/// The table.
#[derive(Debug)]
pub struct Inboxes {
    seats: Mutex<HashMap<DeviceId, Arc<Bell>>>,
    limit: usize,
    is_closed: AtomicBool,
}

#[derive(Debug)]
struct Bell {
    rung: Notify,
    is_over: AtomicBool,
    look_at: AtomicI64,
}

impl Bell {
    fn end(&self) {
        self.is_over.store(true, Ordering::Relaxed);
        self.rung.notify_one();
    }
}

/// A place in the table, given back when it is dropped.
#[derive(Debug)]
pub struct Seat {
    table: Arc<Inboxes>,
    device: DeviceId,
    bell: Arc<Bell>,
}

impl Inboxes {
    /// A table of at most `limit` devices.
    pub fn new(limit: usize) -> Self {
        Self { seats: Mutex::default(), limit, is_closed: AtomicBool::new(false) }
    }

    /// Takes a place. A device that comes again takes the place of its former stream, which ends:
    /// that one may be of a connection that nobody reads any more. `None`: there is no room.
    pub fn enter(self: &Arc<Self>, device: &DeviceId) -> Option<Seat> {
        if self.is_closed.load(Ordering::Acquire) {
            return None;
        }
        let bell = Arc::new(Bell {
            rung: Notify::new(),
            is_over: AtomicBool::new(false),
            look_at: AtomicI64::new(i64::MAX),
        });
        let mut seats = self.seats();
        if seats.len() >= self.limit && !seats.contains_key(device) {
            return None;
        }
        if let Some(former) = seats.insert(device.clone(), Arc::clone(&bell)) {
            former.end();
        }
        drop(seats);
        Some(Seat { table: Arc::clone(self), device: device.clone(), bell })
    }

    /// Wakes the stream of a device.
    pub fn ring(&self, device: &DeviceId) {
        if let Some(bell) = self.seats().get(device) {
            bell.rung.notify_one();
        }
    }

    /// Wakes the devices that a request asks.
    pub fn ring_for(&self, facts: &Facts) {
        let asked = facts.challenges.iter().filter(|asked| asked.service == PushService::Inbox);
        asked.for_each(|asked| self.ring(&asked.device));
    }

    /// Wakes those that want to look again.
    pub fn ring_due(&self, now: Timestamp) {
        let seats = self.seats();
        let due = seats.values().filter(|bell| bell.look_at.load(Ordering::Relaxed) <= now.ms());
        due.for_each(|bell| bell.rung.notify_one());
    }

    /// Sends everybody away, and lets nobody in.
    pub fn close(&self) {
        self.is_closed.store(true, Ordering::Release);
        self.seats().values().for_each(|bell| bell.end());
    }

    /// How many devices listen.
    pub fn len(&self) -> usize {
        self.seats().len()
    }

    /// Whether none does.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn seats(&self) -> std::sync::MutexGuard<'_, HashMap<DeviceId, Arc<Bell>>> {
        self.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seat {
    /// Waits until it is rung for, at the latest about the moment `look_at`. `false`: the stream is
    /// over.
    pub async fn wait(&self, look_at: Timestamp) -> bool {
        if self.is_over() {
            return false;
        }
        self.bell.look_at.store(look_at.ms(), Ordering::Relaxed);
        self.bell.rung.notified().await;
        !self.is_over()
    }

    /// Whether the stream is over: a newer one took its place, or the server stops.
    pub fn is_over(&self) -> bool {
        self.bell.is_over.load(Ordering::Relaxed)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut seats = self.table.seats();
        if seats.get(&self.device).is_some_and(|bell| Arc::ptr_eq(bell, &self.bell)) {
            seats.remove(&self.device);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEVER: Timestamp = Timestamp::from_ms(i64::MAX);

    #[tokio::test]
    async fn the_newest_stream_of_a_device_takes_the_place_of_the_former() {
        let table = Arc::new(Inboxes::new(1));
        let device = DeviceId::new("dev_1");
        let former = table.enter(&device).unwrap();
        assert!(table.enter(&DeviceId::new("dev_2")).is_none());
        let newest = table.enter(&device).unwrap();
        assert!(!former.wait(NEVER).await);
        drop(former);
        assert_eq!(table.len(), 1);
        table.ring(&device);
        assert!(newest.wait(NEVER).await);
        table.close();
        assert!(!newest.wait(NEVER).await);
        assert!(table.enter(&device).is_none());
        drop(newest);
        assert!(table.is_empty());
    }

    #[tokio::test]
    async fn whoever_wants_to_look_again_is_rung_when_the_moment_comes() {
        let table = Arc::new(Inboxes::new(1));
        let seat = table.enter(&DeviceId::new("dev_1")).unwrap();
        let waits = tokio::spawn(async move { seat.wait(Timestamp::from_ms(7)).await });
        while table.seats().values().all(|bell| bell.look_at.load(Ordering::Relaxed) != 7) {
            tokio::task::yield_now().await;
        }
        table.ring_due(Timestamp::from_ms(7));
        assert!(waits.await.unwrap());
    }
}
