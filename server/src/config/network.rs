//! A range of addresses: `10.0.0.0/8`, `2001:db8::/32`, or one address.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The addresses that begin with the same bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Network {
    first: IpAddr,
    bits: u32,
}

impl Network {
    /// Whether the address lies in it; an IPv4 address in IPv6 clothes counts as what it is.
    pub fn contains(&self, ip: IpAddr) -> bool {
        let (a, length) = numbered(self.first);
        let (b, other) = numbered(ip.to_canonical());
        length == other && (self.bits == 0 || (a ^ b) >> (length - self.bits) == 0)
    }
}

/// The address as a number, and how many bits such addresses have.
fn numbered(ip: IpAddr) -> (u128, u32) {
    match ip {
        IpAddr::V4(ip) => (u32::from(ip).into(), 32),
        IpAddr::V6(ip) => (ip.into(), 128),
    }
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no address and no network such as 10.0.0.0/8");
        let (first, bits) = text.split_once('/').map_or((text, None), |(a, b)| (a, Some(b)));
        let first: IpAddr = first.trim().parse().map_err(|_unparsed| wrong())?;
        let (_, length) = numbered(first);
        let bits = match bits {
            None => length,
            Some(bits) => bits.trim().parse().map_err(|_unparsed| wrong())?,
        };
        if bits > length {
            return Err(wrong());
        }
        Ok(Self { first, bits })
    }
}

impl TryFrom<String> for Network {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.first, self.bits)
    }
}

impl From<Network> for String {
    fn from(network: Network) -> Self {
        network.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::Network;

    fn holds(network: &str, ip: &str) -> bool {
        network.parse::<Network>().unwrap().contains(ip.parse().unwrap())
    }

    #[test]
    fn an_address_lies_in_the_networks_whose_bits_it_has() {
        assert!(holds("10.0.0.0/8", "10.200.3.4") && !holds("10.0.0.0/8", "11.0.0.1"));
        assert!(holds("192.0.2.7", "192.0.2.7") && !holds("192.0.2.7", "192.0.2.8"));
        assert!(holds("2001:db8::/32", "2001:db8:1::1") && !holds("2001:db8::/32", "2001:db9::1"));
        assert!(holds("0.0.0.0/0", "203.0.113.1") && !holds("0.0.0.0/0", "::1"));
        assert!(holds("127.0.0.1", "::ffff:127.0.0.1"), "IPv4 as a dual-stack socket shows it");
    }

    #[test]
    fn what_is_no_network_says_how_one_is_written() {
        for bad in ["proxy.example.com", "10.0.0.0/33", "10.0.0.0/x", "", "::/129"] {
            assert!(bad.parse::<Network>().unwrap_err().contains("10.0.0.0/8"), "{bad}");
        }
    }
}
