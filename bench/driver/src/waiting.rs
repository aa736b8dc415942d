//! Polls that wait for their outcome, many on each HTTP/2 connection, and how soon they are woken.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use h2::client::SendRequest;
use http::HeaderValue;
use serde_json::{Value, json};

use crate::connection::Connection;
use crate::http2::{STREAMS, connect, converted};
use crate::load::percentile;
use crate::options::Options;
use crate::processes::{cpu_s, own_cpu_s, resident_mib};
use crate::world::{Request, World};

/// What a poll asks for; servers wait no longer.
const PREFER: &str = "wait=30";
/// The longest wait of a server, and a moment.
const LONGEST: Duration = Duration::from_secs(32);
/// Time for the server to put everybody in place before its memory is read.
const SETTLES: Duration = Duration::from_secs(2);
/// Decisions a second unless `--rate` says otherwise.
const RATE: f64 = 100.0;

/// When a poll was answered, and with what.
type Answers = Rc<RefCell<Vec<Option<(Instant, u16)>>>>;

/// Requests that wait to be decided, made over all connections.
async fn begin(world: &Rc<World>, options: &Options) -> Result<Vec<Request>, String> {
    let share = options.pending.div_ceil(options.conns as u64);
    let workers: Vec<_> = (0..options.conns)
        .map(|_| {
            let world = Rc::clone(world);
            tokio::task::spawn_local(async move {
                let (mut connection, mut begun) = (Connection::new(&world.address), Vec::new());
                for _ in 0..share {
                    let mut request = world.request();
                    world.authorize(&mut connection, &mut request).await?;
                    begun.push(request);
                }
                Ok::<_, String>(begun)
            })
        })
        .collect();
    let mut all = Vec::new();
    for worker in workers {
        all.extend(worker.await.map_err(|error| error.to_string())??);
    }
    all.sort_by_key(|request: &Request| request.names["n"].parse::<usize>().unwrap_or_default());
    Ok(all)
}

/// Sends one poll and notes when it is answered.
async fn waits(
    sender: SendRequest<Bytes>,
    (request, body): (http::Request<()>, Bytes),
    (place, answers): (usize, Answers),
) -> Result<(), String> {
    let mut sender = sender.ready().await.map_err(|error| error.to_string())?;
    let sent = sender.send_request(request, false).map_err(|error| error.to_string())?;
    let (response, mut stream) = sent;
    stream.send_data(body, true).map_err(|error| error.to_string())?;
    let response = response.await.map_err(|error| error.to_string())?;
    answers.borrow_mut()[place] = Some((Instant::now(), response.status().as_u16()));
    Ok(())
}

/// Decides the newest of the requests at a steady rate; when each decision was sent. A device finds
/// the newest request of its user, and the tray keeps the pushes of the newest 2,000 devices.
async fn decide(
    world: &Rc<World>,
    options: &Options,
    requests: Vec<Request>,
) -> Result<Vec<(usize, Instant)>, String> {
    let newest = requests.len().min(world.user_count());
    let wanted = usize::try_from(options.count).unwrap_or(usize::MAX).min(newest).max(1);
    let rate = if options.rate > 0.0 { options.rate } else { RATE };
    let begun = Instant::now();
    let older = requests.len() - wanted;
    let chosen = requests.into_iter().enumerate().skip(older);
    let mut shares: Vec<Vec<_>> = (0..options.conns).map(|_| Vec::new()).collect();
    for (turn, (place, request)) in chosen.enumerate() {
        let due = begun + Duration::from_secs_f64(turn as f64 / rate);
        shares[turn % options.conns].push((due, place, request));
    }
    let workers = shares.into_iter().map(|share| {
        let world = Rc::clone(world);
        tokio::task::spawn_local(async move {
            let (mut connection, mut decided) = (Connection::new(&world.address), Vec::new());
            for (due, place, mut request) in share {
                tokio::time::sleep_until(due.into()).await;
                let sent = world.approve(&mut connection, &mut request).await?;
                decided.push((place, sent));
            }
            Ok::<_, String>(decided)
        })
    });
    let mut all = Vec::new();
    for worker in workers.collect::<Vec<_>>() {
        all.extend(worker.await.map_err(|error| error.to_string())??);
    }
    Ok(all)
}

/// Lets `--pending` polls wait, decides `--count` of them, and tells memory and wake-up latency.
pub(crate) async fn waiting(world: &Rc<World>, options: &Options) -> Result<Value, String> {
    let requests = begin(world, options).await?;
    let answers: Answers = Rc::new(RefCell::new(vec![None; requests.len()]));
    let before = resident_mib(&options.pids);
    let mut polls = Vec::with_capacity(requests.len());
    let opened = Instant::now();
    let mut senders = Vec::new();
    for _ in 0..requests.len().div_ceil(STREAMS) {
        senders.push(connect(&world.address).await?);
    }
    // In turn, so that the newest lie on all connections.
    for (place, (request, sender)) in requests.iter().zip(senders.iter().cycle()).enumerate() {
        let raw = world.poll(&request.names["auth_req_id"], &request.names)?;
        let (mut made, body) = converted(&raw, &world.address)?;
        made.headers_mut().insert("prefer", HeaderValue::from_static(PREFER));
        let waiting = waits(sender.clone(), (made, body), (place, Rc::clone(&answers)));
        polls.push(tokio::task::spawn_local(waiting));
    }
    tokio::time::sleep(SETTLES).await;
    let all_open_s = opened.elapsed().as_secs_f64();
    let early = answers.borrow().iter().flatten().count();
    let memory = resident_mib(&options.pids);
    let (waiters, connections) = (requests.len(), requests.len().div_ceil(STREAMS));
    let (server, driver, begun) = (cpu_s(&options.pids), own_cpu_s(), Instant::now());
    let decided = decide(world, options, requests).await?;
    let seconds = begun.elapsed().as_secs_f64();
    let (server_s, driver_s) = (cpu_s(&options.pids) - server, own_cpu_s() - driver);
    let mut errors = 0_u32;
    for poll in polls {
        let left = (opened + LONGEST).saturating_duration_since(Instant::now());
        let ended = tokio::time::timeout(left, poll).await;
        errors += u32::from(!matches!(ended, Ok(Ok(Ok(())))));
    }
    let answers = answers.borrow();
    let woken = |(place, sent): &(usize, Instant)| match answers[*place] {
        Some((at, 200)) => Some(at.saturating_duration_since(*sent)),
        Some(_) | None => None,
    };
    let micros = |time: Duration| u32::try_from(time.as_micros()).unwrap_or(u32::MAX);
    let mut latencies: Vec<u32> = decided.iter().filter_map(woken).map(micros).collect();
    latencies.sort_unstable();
    let at = |part| percentile(&latencies, part);
    let result = json!({
        "target": world.target.name, "mode": "wait", "waiters": waiters,
        "connections": connections, "answered_before_any_decision": early,
        "seconds_until_all_wait": all_open_s,
        "rss_before_mib": before, "rss_waiting_mib": memory,
        "bytes_a_waiter": (memory - before) * 1_048_576.0 / waiters.max(1) as f64,
        "decided": decided.len(), "woken_with_tokens": latencies.len(), "errors": errors,
        "wake_p50_ms": at(0.5), "wake_p99_ms": at(0.99), "wake_max_ms": at(1.0),
        "counts": {}, "seconds": seconds, "server_cores": server_s / seconds, "driver_cores": driver_s / seconds,
    });
    println!("{result}");
    Ok(result)
}
