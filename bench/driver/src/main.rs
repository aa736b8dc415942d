//! Load driver for a CIBA server in poll mode; `../README.md` says how to use it. One thread,
//! N keep-alive HTTP/1.1 connections, no pipelining, loopback only, every run bounded.

#![expect(clippy::disallowed_methods, reason = "a load driver measures real time")]

mod connection;
mod http2;
mod load;
mod options;
mod processes;
mod seed;
mod signing;
mod streams;
mod target;
mod template;
mod waiting;
mod world;

use std::process::ExitCode;
use std::rc::Rc;

use serde_json::Value;

use crate::load::{Mode, create, measure, pending_memory, probe};
use crate::options::Options;
use crate::target::Target;
use crate::world::World;

const USAGE: &str = "Usage: ciba-driver TARGET.json MODE [OPTION VALUE]...
Modes: probe, authorize, poll, flow, all, fill, wait, streams, seed. See bench/README.md.
wait: --pending polls wait (Prefer: wait=30), 100 on each HTTP/2 connection; --count of them are
decided, --rate a second (100). Tells the server's memory, and p50 and p99 of the time from sending
a decision to the answer of its poll.
streams: the device of each user listens to its inbox, 100 on each HTTP/2 connection; --count of the
users are asked, --rate a second (100). Tells the server's memory, and p50 and p99 of the time from
sending the request to the event at the device.
Example: ciba-driver targets/peer-post.json all --server-pid 4711";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [target, mode, rest @ ..] = arguments.as_slice() else {
        eprintln!("{USAGE}");
        return ExitCode::from(64);
    };
    let done = Options::parse(rest).and_then(|options| {
        let target = Target::read(target)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| error.to_string())?;
        let local = tokio::task::LocalSet::new();
        let world = Rc::new(World::new(target, options.presign)?);
        let results = local.block_on(&runtime, drive(&world, mode, &options))?;
        match &options.json {
            Some(file) => write(file, &results),
            None => Ok(()),
        }
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("ciba-driver: {why}");
            ExitCode::FAILURE
        }
    }
}

fn write(file: &str, results: &[Value]) -> Result<(), String> {
    let text = serde_json::to_string_pretty(results).map_err(|error| error.to_string())?;
    std::fs::write(file, text).map_err(|error| format!("{file}: {error}"))
}

async fn drive(world: &Rc<World>, mode: &str, options: &Options) -> Result<Vec<Value>, String> {
    let all = mode == "all";
    let mut results = Vec::new();
    match mode {
        "fill" => results.push(pending_memory(world, options).await?),
        "wait" => results.push(waiting::waiting(world, options).await?),
        "streams" => results.push(streams::streams(world, options).await?),
        "seed" => results.push(seed::seed(world, options).await?),
        "probe" | "authorize" | "poll" | "flow" | "all" => {}
        other => return Err(format!("no mode {other}\n{USAGE}")),
    }
    if all || mode == "probe" {
        results.push(probe(world).await?);
    }
    if all || mode == "authorize" {
        results.push(measure(world, "authorize", Mode::Authorize, options, Vec::new()).await);
    }
    if all || mode == "poll" {
        let pending = create(world, options).await?;
        results.push(measure(world, "poll", Mode::Poll, options, pending).await);
    }
    if all || mode == "flow" {
        results.push(measure(world, "flow", Mode::Flow, options, Vec::new()).await);
    }
    Ok(results)
}
