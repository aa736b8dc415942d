//! Users with devices, made by the server's public paths: the target's `seed` steps, once a user.

use std::cell::RefCell;
use std::io::Write as _;
use std::rc::Rc;
use std::time::Instant;

use serde_json::{Value, json};

use crate::connection::Connection;
use crate::options::Options;
use crate::template::Names;
use crate::world::{World, iso_now};

/// Makes `--count` users and writes them to `--out`, one JSON object a line.
pub(crate) async fn seed(world: &Rc<World>, options: &Options) -> Result<Value, String> {
    let path = options.out.clone().ok_or("seed needs --out FILE")?;
    let bearer = options.bearer.clone().unwrap_or_default();
    let file = std::fs::File::create(&path).map_err(|error| format!("{path}: {error}"))?;
    let file = Rc::new(RefCell::new(std::io::BufWriter::new(file)));
    let begun = Instant::now();
    let share = options.count.div_ceil(options.conns as u64);
    let workers: Vec<_> = (0..options.conns)
        .map(|_| {
            let (world, file, bearer) = (Rc::clone(world), Rc::clone(&file), bearer.clone());
            tokio::task::spawn_local(async move {
                let mut connection = Connection::new(&world.address);
                for _ in 0..share {
                    let user = one(&world, &mut connection, &bearer).await?;
                    writeln!(file.borrow_mut(), "{user}").map_err(|error| error.to_string())?;
                }
                Ok::<_, String>(())
            })
        })
        .collect();
    for worker in workers {
        worker.await.map_err(|error| error.to_string())??;
    }
    file.borrow_mut().flush().map_err(|error| error.to_string())?;
    let seconds = begun.elapsed().as_secs_f64();
    let made = share * options.conns as u64;
    println!("seeded {made} users in {seconds:.0} s");
    Ok(json!({"target": world.target.name, "mode": "seed", "users": made, "seconds": seconds}))
}

async fn one(world: &World, connection: &mut Connection, bearer: &str) -> Result<Value, String> {
    let n = world.next();
    let mut names = Names::from([
        ("n".to_owned(), n.to_string()),
        ("bearer".to_owned(), bearer.to_owned()),
        ("base".to_owned(), world.target.base.trim_end_matches('/').to_owned()),
        ("device_jwk".to_owned(), world.target.device_jwk.to_string()),
        ("push_token".to_owned(), format!("bench-{n}")),
        ("identifier".to_owned(), format!("bench{n:011x}")),
    ]);
    for (number, step) in world.target.seed.iter().enumerate() {
        let made = world.step(connection, step, &mut names, &iso_now()).await;
        made.map_err(|why| format!("seed[{number}] of user {n}: {why}"))?;
    }
    let kept = ["user", "push_token", "identifier", "device"];
    let kept = kept.iter().filter_map(|name| Some((*name, names.get(*name)?.clone())));
    Ok(kept.collect::<Value>())
}
