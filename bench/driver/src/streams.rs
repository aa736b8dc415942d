//! Devices that listen to their inbox, many on each HTTP/2 connection, and how soon they learn of a request.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use h2::client::SendRequest;
use serde_json::{Value, json};

use crate::connection::Connection;
use crate::http2::{STREAMS, connect, converted};
use crate::load::percentile;
use crate::options::Options;
use crate::processes::{cpu_s, own_cpu_s, resident_mib};
use crate::world::World;

/// Time for the server to put everybody in place before its memory is read.
const SETTLES: Duration = Duration::from_secs(2);
/// Longest time for an event after the last request was made.
const LATEST: Duration = Duration::from_secs(10);
/// Requests a second unless `--rate` says otherwise.
const RATE: f64 = 100.0;
/// How an event of a request begins.
const EVENT: &[u8] = b"event: request";

/// What became of one device's stream.
#[derive(Clone, Copy, Default)]
struct Heard {
    is_open: bool,
    event_at: Option<Instant>,
    is_over: bool,
}

type Devices = Rc<RefCell<Vec<Heard>>>;

/// Listens until the stream ends, and notes when it opened and when the first request was told.
async fn listens(
    sender: SendRequest<Bytes>,
    request: http::Request<()>,
    (place, devices): (usize, Devices),
) -> Result<(), String> {
    let mut sender = sender.ready().await.map_err(|error| error.to_string())?;
    let sent = sender.send_request(request, true).map_err(|error| error.to_string())?;
    let response = sent.0.await.map_err(|error| error.to_string())?;
    if response.status() != http::StatusCode::OK {
        return Err(format!("a stream was answered {}", response.status()));
    }
    devices.borrow_mut()[place].is_open = true;
    let mut words = response.into_body();
    while let Some(chunk) = words.data().await {
        let chunk = chunk.map_err(|error| error.to_string())?;
        let noted = words.flow_control().release_capacity(chunk.len());
        noted.map_err(|error| error.to_string())?;
        if chunk.starts_with(EVENT) {
            let event_at = &mut devices.borrow_mut()[place].event_at;
            *event_at = Some(event_at.unwrap_or_else(Instant::now));
        }
    }
    devices.borrow_mut()[place].is_over = true;
    Ok(())
}

/// Begins `--count` requests at a steady rate, each for another user; when each was sent.
async fn ask(world: &Rc<World>, options: &Options) -> Result<Vec<(usize, Instant)>, String> {
    let users = world.user_count();
    let wanted = usize::try_from(options.count).unwrap_or(usize::MAX).min(users);
    let rate = if options.rate > 0.0 { options.rate } else { RATE };
    let begun = Instant::now();
    let workers = (0..options.conns).map(|worker| {
        let (world, conns) = (Rc::clone(world), options.conns);
        tokio::task::spawn_local(async move {
            let (mut connection, mut sent) = (Connection::new(&world.address), Vec::new());
            for turn in (worker..wanted).step_by(conns) {
                let due = begun + Duration::from_secs_f64(turn as f64 / rate);
                tokio::time::sleep_until(due.into()).await;
                let mut request = world.request();
                let place = request.names["n"].parse::<usize>().unwrap_or_default() % users;
                sent.push((place, Instant::now()));
                world.authorize(&mut connection, &mut request).await?;
            }
            Ok::<_, String>(sent)
        })
    });
    let mut all = Vec::new();
    for worker in workers.collect::<Vec<_>>() {
        all.extend(worker.await.map_err(|error| error.to_string())??);
    }
    Ok(all)
}

/// Opens one stream for each user's device, over as many connections as it takes.
async fn open(world: &Rc<World>, devices: &Devices) -> Result<(), String> {
    let step = world.target.listen.as_ref().ok_or("the target has no `listen`")?;
    let count = devices.borrow().len();
    let mut senders = Vec::new();
    for _ in 0..count.div_ceil(STREAMS) {
        senders.push(connect(&world.address).await?);
    }
    let mut streams = Vec::with_capacity(count);
    for (place, sender) in (0..count).zip(senders.iter().cycle()) {
        let raw = world.prepare(step, &mut world.request().names)?;
        let (request, _) = converted(&raw, &world.address)?;
        let listening = listens(sender.clone(), request, (place, Rc::clone(devices)));
        streams.push(tokio::task::spawn_local(listening));
        tokio::task::yield_now().await;
    }
    while devices.borrow().iter().any(|device| !device.is_open) {
        if let Some(ended) = streams.iter().position(tokio::task::JoinHandle::is_finished) {
            streams.swap_remove(ended).await.map_err(|error| error.to_string())??;
            return Err("a stream ended at once".to_owned());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

/// Lets every user's device listen, begins `--count` requests, and tells memory and latency.
pub(crate) async fn streams(world: &Rc<World>, options: &Options) -> Result<Value, String> {
    let count = world.user_count();
    let devices: Devices = Rc::new(RefCell::new(vec![Heard::default(); count]));
    let before = resident_mib(&options.pids);
    let opened = Instant::now();
    open(world, &devices).await?;
    let all_open_s = opened.elapsed().as_secs_f64();
    tokio::time::sleep(SETTLES).await;
    let memory = resident_mib(&options.pids);
    let (server, driver, begun) = (cpu_s(&options.pids), own_cpu_s(), Instant::now());
    let asked = ask(world, options).await?;
    let seconds = begun.elapsed().as_secs_f64();
    let (server_s, driver_s) = (cpu_s(&options.pids) - server, own_cpu_s() - driver);
    let asked_at = Instant::now();
    let is_told = |(place, _): &(usize, Instant)| devices.borrow()[*place].event_at.is_some();
    while !asked.iter().all(is_told) && asked_at.elapsed() < LATEST {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let devices = devices.borrow();
    let micros = |time: Duration| u32::try_from(time.as_micros()).unwrap_or(u32::MAX);
    let told = asked.iter().filter_map(|(place, sent)| {
        devices[*place].event_at.map(|at| micros(at.saturating_duration_since(*sent)))
    });
    let mut latencies: Vec<u32> = told.collect();
    latencies.sort_unstable();
    let at = |part| percentile(&latencies, part);
    let result = json!({
        "target": world.target.name, "mode": "streams", "devices": count,
        "connections": count.div_ceil(STREAMS), "seconds_until_all_listen": all_open_s,
        "rss_before_mib": before, "rss_listening_mib": memory,
        "bytes_a_device": (memory - before) * 1_048_576.0 / count.max(1) as f64,
        "asked": asked.len(), "told": latencies.len(),
        "streams_ended": devices.iter().filter(|device| device.is_over).count(),
        "told_p50_ms": at(0.5), "told_p99_ms": at(0.99), "told_max_ms": at(1.0),
        "counts": {}, "seconds": seconds, "server_cores": server_s / seconds, "driver_cores": driver_s / seconds,
    });
    println!("{result}");
    Ok(result)
}
