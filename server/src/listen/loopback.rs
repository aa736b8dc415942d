//! `localhost` is two addresses, and clients differ in which they try first.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use tokio::net::TcpListener;

/// A free port may be free on one of the two addresses only: so many are tried.
const TRIES: u32 = 8;

/// Listens on `address`, and on the same port of `[::1]` if it is one of 127.0.0.1 and the machine
/// has IPv6.
pub(crate) async fn listen_on_loopback(address: &str) -> io::Result<Vec<TcpListener>> {
    let mut tries = 1;
    loop {
        let first = TcpListener::bind(address).await?;
        let bound = first.local_addr()?;
        if bound.ip() != IpAddr::V4(Ipv4Addr::LOCALHOST) {
            return Ok(vec![first]);
        }
        match TcpListener::bind((Ipv6Addr::LOCALHOST, bound.port())).await {
            Ok(second) => return Ok(vec![first, second]),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                if !address.ends_with(":0") || tries == TRIES {
                    return Err(error);
                }
                tries += 1;
            }
            // No IPv6 here: then nobody tries it.
            Err(error) => {
                tracing::debug!(%error, "no listener on [::1]");
                return Ok(vec![first]);
            }
        }
    }
}
