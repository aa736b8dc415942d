//! `aizuchi healthcheck`: asks a running server whether it is ready, for containers and monitors.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::ExitCode;

use clap::Args;

use super::place::Place;
use crate::https::Https;
use crate::terminal::{DONE, Failed, Outcome, Terminal};

/// Ask a running server on this machine whether it is ready.
///
/// Asks `/health/ready` on the operators' listener (`listen.ops`). Exit codes: 0 it is ready, 1 it
/// is not, does not answer, or has no such listener.
#[derive(Args)]
#[command(after_help = "\
Examples:
  aizuchi healthcheck --config /etc/aizuchi/aizuchi.toml
  aizuchi healthcheck --ops 127.0.0.1:9464")]
pub(super) struct Arguments {
    #[command(flatten)]
    place: Place,
    /// Where the operators' listener is, if not where the configuration says.
    #[arg(long, value_name = "ADDRESS")]
    ops: Option<String>,
}

/// Asks once.
pub(super) async fn run(arguments: Arguments, terminal: &mut Terminal) -> Outcome {
    let address = match arguments.ops {
        Some(address) => address,
        None => arguments.place.config()?.listen.ops,
    };
    let address: SocketAddr = address.parse().map_err(|_unparsed| {
        Failed::because("listen.ops names no address and port; health is not served without one")
    })?;
    let url = url::Url::parse(&format!("http://{}/health/ready", reachable(address)))
        .map_err(|error| Failed::because(error.to_string()))?;
    let answer = Https::trusting(None)?.get(&url, &[]).await?;
    if answer.status == 200 {
        terminal.line("ready")?;
        return Ok(ExitCode::from(DONE));
    }
    let told = String::from_utf8_lossy(&answer.body).into_owned();
    Err(Failed::because(format!("not ready ({}): {told}", answer.status)))
}

/// A listener on every address is asked on this machine's own.
fn reachable(address: SocketAddr) -> SocketAddr {
    if !address.ip().is_unspecified() {
        return address;
    }
    let here = match address.ip() {
        IpAddr::V4(_) => IpAddr::from(Ipv4Addr::LOCALHOST),
        IpAddr::V6(_) => IpAddr::from(Ipv6Addr::LOCALHOST),
    };
    SocketAddr::new(here, address.port())
}

#[cfg(test)]
mod tests {
    use super::reachable;

    #[test]
    fn a_listener_on_every_address_is_asked_here() {
        for (listens, asked) in
            [("0.0.0.0:9", "127.0.0.1:9"), ("[::]:9", "[::1]:9"), ("10.0.0.1:9", "10.0.0.1:9")]
        {
            assert_eq!(reachable(listens.parse().unwrap()).to_string(), asked);
        }
    }
}
