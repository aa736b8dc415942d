//! Runs and what they measured.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::connection::Connection;
use crate::options::Options;
use crate::processes::{cpu_s, own_cpu_s, resident_mib};
use crate::template::Names;
use crate::world::{World, error_code};

/// Failures in a row after which a connection gives up.
const PATIENCE: u32 = 20;
const PAUSE_AFTER_FAILURE: Duration = Duration::from_millis(5);

/// What one operation is.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Mode {
    Authorize,
    Poll,
    Flow,
}

/// What a run counted.
#[derive(Default)]
struct Counted {
    latencies: BTreeMap<&'static str, Vec<u32>>,
    counts: BTreeMap<String, u64>,
}

impl Counted {
    fn took(&mut self, what: &'static str, time: Duration) {
        let us = u32::try_from(time.as_micros()).unwrap_or(u32::MAX);
        self.latencies.entry(what).or_default().push(us);
    }

    fn count(&mut self, what: &str) {
        match self.counts.get_mut(what) {
            Some(count) => *count += 1,
            None => drop(self.counts.insert(what.to_owned(), 1)),
        }
    }

    fn done(&self) -> u64 {
        self.counts.get("ok").copied().unwrap_or(0)
    }
}

/// One run: shared by its connections.
struct Run {
    world: Rc<World>,
    mode: Mode,
    counted: RefCell<Counted>,
    begun: Instant,
    end: Instant,
    rate: f64,
    conns: usize,
    left: Cell<u64>,
    pending: Rc<Pending>,
}

/// Requests that are polled in turn, from the warm-up on: none sooner than the others.
#[derive(Default)]
struct Pending {
    ids: Vec<String>,
    next: Cell<usize>,
}

/// A run's counts, its seconds, and the CPU seconds of servers and driver.
struct Outcome {
    counted: Counted,
    seconds: f64,
    server_s: f64,
    driver_s: f64,
}

impl Run {
    async fn worker(self: Rc<Self>, place: usize) {
        let mut connection = Connection::new(&self.world.address);
        let (mut done, mut failures) = (0_u32, 0);
        while self.left.get() > 0 {
            let mut start = Instant::now();
            if self.rate > 0.0 {
                // Open loop: the latency runs from the moment the request was due.
                let turn = f64::from(done) * self.conns as f64 + place as f64;
                let due = self.begun + Duration::from_secs_f64(turn / self.rate);
                if due > start {
                    tokio::time::sleep_until(due.into()).await;
                }
                start = due;
            }
            if start >= self.end {
                break;
            }
            self.left.set(self.left.get().saturating_sub(1));
            done += 1;
            let outcome = match self.mode {
                Mode::Authorize => self.authorize(&mut connection, start).await,
                Mode::Poll => self.poll(&mut connection, start).await,
                Mode::Flow => self.flow(&mut connection, start).await,
            };
            match outcome {
                Ok(()) => failures = 0,
                Err(why) => {
                    self.counted.borrow_mut().count(&format!("error: {why}"));
                    failures += 1;
                    if failures > PATIENCE {
                        break;
                    }
                    tokio::time::sleep(PAUSE_AFTER_FAILURE).await;
                }
            }
        }
    }

    async fn authorize(&self, connection: &mut Connection, start: Instant) -> Result<(), String> {
        let mut request = self.world.request();
        self.world.authorize(connection, &mut request).await?;
        let mut counted = self.counted.borrow_mut();
        counted.count("ok");
        counted.took("authorize", start.elapsed());
        Ok(())
    }

    async fn poll(&self, connection: &mut Connection, start: Instant) -> Result<(), String> {
        let turn = self.pending.next.get();
        self.pending.next.set((turn + 1) % self.pending.ids.len().max(1));
        let id = self.pending.ids.get(turn).ok_or("nothing is pending")?;
        let status = connection.send(&self.world.poll(id, &Names::new())?).await?;
        let mut counted = self.counted.borrow_mut();
        counted.took("poll", start.elapsed());
        counted.count("ok");
        match error_code(&connection.body).as_str() {
            known @ ("authorization_pending" | "slow_down") => counted.count(known),
            other => counted.count(&format!("error: poll {status} {other}")),
        }
        Ok(())
    }

    async fn flow(&self, connection: &mut Connection, start: Instant) -> Result<(), String> {
        let mut request = self.world.request();
        self.world.authorize(connection, &mut request).await?;
        let authorized = Instant::now();
        self.world.approve(connection, &mut request).await?;
        let approved = Instant::now();
        let poll = self.world.poll(&request.names["auth_req_id"], &request.names)?;
        let status = connection.send(&poll).await?;
        let tokens: Value = serde_json::from_slice(&connection.body).unwrap_or_default();
        if status != 200 || tokens["access_token"].is_null() || tokens["id_token"].is_null() {
            return Err(format!("token {status} {}", error_code(&connection.body)));
        }
        let mut counted = self.counted.borrow_mut();
        counted.took("1 authorize", authorized - start);
        counted.took("2 approve", approved - authorized);
        counted.took("3 token", approved.elapsed());
        counted.took("flow", start.elapsed());
        counted.count("ok");
        Ok(())
    }
}

async fn run(
    world: &Rc<World>,
    mode: Mode,
    options: &Options,
    limits: (f64, u64),
    pending: &Rc<Pending>,
) -> Outcome {
    let (server, driver, begun) = (cpu_s(&options.pids), own_cpu_s(), Instant::now());
    let run = Rc::new(Run {
        world: Rc::clone(world),
        mode,
        counted: RefCell::default(),
        begun,
        end: begun + Duration::from_secs_f64(limits.0),
        rate: options.rate,
        conns: options.conns,
        left: Cell::new(limits.1),
        pending: Rc::clone(pending),
    });
    let workers: Vec<_> = (0..options.conns)
        .map(|place| tokio::task::spawn_local(Rc::clone(&run).worker(place)))
        .collect();
    for worker in workers {
        worker.await.unwrap_or_else(|error| eprintln!("a connection failed: {error}"));
    }
    let seconds = begun.elapsed().as_secs_f64();
    let (server_s, driver_s) = (cpu_s(&options.pids) - server, own_cpu_s() - driver);
    Outcome { counted: run.counted.take(), seconds, server_s, driver_s }
}

pub(crate) fn percentile(sorted: &[u32], part: f64) -> f64 {
    let at = (sorted.len().saturating_sub(1) as f64 * part) as usize;
    sorted.get(at).map_or(0.0, |us| f64::from(*us) / 1000.0)
}

/// Warms up, measures, prints one line, and returns everything.
pub(crate) async fn measure(
    world: &Rc<World>,
    name: &str,
    mode: Mode,
    options: &Options,
    pending: Vec<String>,
) -> Value {
    let pending = Rc::new(Pending { ids: pending, next: Cell::new(0) });
    if options.warmup > 0.0 {
        run(world, mode, options, (options.warmup, u64::MAX), &pending).await;
    }
    let mut outcome = run(world, mode, options, (options.secs, u64::MAX), &pending).await;
    let (done, seconds) = (outcome.counted.done(), outcome.seconds);
    let (mut latencies, mut told) = (json!({}), String::new());
    for (what, times) in &mut outcome.counted.latencies {
        times.sort_unstable();
        let at = |part| percentile(times, part);
        told.push_str(&format!("  [{what}: p50 {:.2} p99 {:.2} ms]", at(0.5), at(0.99)));
        latencies[*what] = json!({"p50_ms": at(0.5), "p90_ms": at(0.9), "p99_ms": at(0.99),
            "max_ms": at(1.0)});
    }
    let per_op = if done > 0 { outcome.server_s * 1e6 / done as f64 } else { 0.0 };
    let memory = resident_mib(&options.pids);
    println!(
        "{name:<10} {:>8.0}/s{told}  server {per_op:.0} us/op, {:.0}% core; driver {:.0}% core; \
         {memory:.0} MiB\n           {:?}",
        done as f64 / seconds,
        outcome.server_s / seconds * 100.0,
        outcome.driver_s / seconds * 100.0,
        outcome.counted.counts,
    );
    json!({"target": world.target.name, "client_auth": world.target.client.method, "mode": name,
        "conns": options.conns, "offered_rate": options.rate, "seconds": seconds, "ops": done,
        "ops_per_s": done as f64 / seconds, "latency": latencies,
        "counts": outcome.counted.counts, "server_cpu_us_per_op": per_op,
        "server_core_share": outcome.server_s / seconds,
        "driver_core_share": outcome.driver_s / seconds, "server_rss_mib": memory})
}

/// Starts requests that stay pending, over all connections.
pub(crate) async fn create(world: &Rc<World>, options: &Options) -> Result<Vec<String>, String> {
    let share = options.pending.div_ceil(options.conns as u64);
    let workers: Vec<_> = (0..options.conns)
        .map(|_| {
            let world = Rc::clone(world);
            tokio::task::spawn_local(async move {
                let (mut connection, mut ids) = (Connection::new(&world.address), Vec::new());
                for _ in 0..share {
                    let mut request = world.request();
                    world.authorize(&mut connection, &mut request).await?;
                    ids.extend(request.names.remove("auth_req_id"));
                }
                Ok::<_, String>(ids)
            })
        })
        .collect();
    let mut ids = Vec::new();
    for worker in workers {
        ids.extend(worker.await.map_err(|error| error.to_string())??);
    }
    Ok(ids)
}

/// Makes pending requests and leaves them; memory before and after.
pub(crate) async fn pending_memory(world: &Rc<World>, options: &Options) -> Result<Value, String> {
    collect_garbage(world).await?;
    let before = resident_mib(&options.pids);
    let closed = Options { rate: 0.0, ..options.clone() };
    let limits = (120.0, options.count);
    let outcome = run(world, Mode::Authorize, &closed, limits, &Rc::default()).await;
    let unswept = resident_mib(&options.pids);
    collect_garbage(world).await?;
    let after = resident_mib(&options.pids);
    let created = outcome.counted.done();
    let each = (after - before) * 1_048_576.0 / created.max(1) as f64;
    let result = json!({"target": world.target.name, "mode": "fill", "created": created,
        "seconds": outcome.seconds, "server_cpu_s": outcome.server_s, "rss_before_mib": before,
        "rss_after_mib": after, "rss_before_gc_mib": unswept, "bytes_each": each,
        "counts": outcome.counted.counts});
    println!("{result}");
    Ok(result)
}

async fn collect_garbage(world: &World) -> Result<(), String> {
    let Some(path) = &world.target.gc_path else { return Ok(()) };
    let mut connection = Connection::new(&world.address);
    let host = &world.address;
    let request = format!("POST {path} HTTP/1.1\r\nhost: {host}\r\ncontent-length: 0\r\n\r\n");
    for _ in 0..2 {
        connection.send(request.as_bytes()).await?;
    }
    Ok(())
}

/// The header of a JWT, or that it is opaque.
fn head(token: &Value) -> Value {
    let header = token.as_str().and_then(|token| token.split_once('.')).map(|(header, _)| header);
    let decoded = header.and_then(|header| URL_SAFE_NO_PAD.decode(header).ok());
    decoded.and_then(|json| serde_json::from_slice(&json).ok()).unwrap_or_else(|| json!("opaque"))
}

/// One flow by itself: shows what the server signs, so that two servers' work can be compared.
pub(crate) async fn probe(world: &Rc<World>) -> Result<Value, String> {
    let mut connection = Connection::new(&world.address);
    let mut request = world.request();
    world.authorize(&mut connection, &mut request).await?;
    let started: Value = serde_json::from_slice(&connection.body).unwrap_or_default();
    let poll = world.poll(&request.names["auth_req_id"], &request.names)?;
    connection.send(&poll).await?;
    let first = error_code(&connection.body);
    let poll = world.poll(&request.names["auth_req_id"], &request.names)?;
    connection.send(&poll).await?;
    let again = error_code(&connection.body);

    let mut request = world.request();
    world.authorize(&mut connection, &mut request).await?;
    world.approve(&mut connection, &mut request).await?;
    let poll = world.poll(&request.names["auth_req_id"], &request.names)?;
    let status = connection.send(&poll).await?;
    let tokens: Value = serde_json::from_slice(&connection.body).unwrap_or_default();
    let poll = world.poll(&request.names["auth_req_id"], &request.names)?;
    let second = connection.send(&poll).await?;
    let members: Vec<_> = tokens.as_object().into_iter().flat_map(|all| all.keys()).collect();
    let result = json!({"target": world.target.name, "mode": "probe",
        "interval": started["interval"], "first_poll": first, "poll_at_once_again": again,
        "token_status": status, "redeemed_twice": [second.to_string(), error_code(&connection.body)],
        "id_token": head(&tokens["id_token"]), "access_token": head(&tokens["access_token"]),
        "members": members});
    println!("{result}");
    Ok(result)
}
