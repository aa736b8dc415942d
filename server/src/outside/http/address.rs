//! Which addresses may be called: public ones, and what the operator allows.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;

/// IPv4 blocks that are nobody's public address (IANA's special-purpose registry).
const SPECIAL_V4: [&str; 17] = [
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.31.196.0/24",
    "192.52.193.0/24",
    "192.88.99.0/24",
    "192.168.0.0/16",
    "192.175.48.0/24",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    // Multicast, reserved, broadcast.
    "224.0.0.0/3",
];
/// The only IPv6 block whose addresses are public.
const GLOBAL_V6: &str = "2000::/3";
/// Blocks inside it that are not: protocol assignments with Teredo, documentation, 6to4.
const SPECIAL_V6: [&str; 5] =
    ["2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20"];
/// IPv4 behind a translator: the IPv4 address counts.
const NAT64: &str = "64:ff9b::/96";

/// Ports below this one are for other protocols, but for https' own.
const FIRST_FREE_PORT: u16 = 1024;
const HTTPS: [u16; 1] = [443];
/// Where mail is handed over (RFC 5321, 6409, 8314).
const MAIL: [u16; 3] = [25, 465, 587];

/// Something that may be called although it is not public.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Allowed {
    /// A name, whatever it resolves to, on one port or on any.
    Host(String, Option<u16>),
    /// Addresses, on one port or on any.
    Net(IpNet, Option<u16>),
}

impl Allowed {
    /// Reads `host`, `host:port`, an address with or without port, or a CIDR block.
    pub fn parse(text: &str) -> Option<Self> {
        if let Ok(net) = text.parse::<IpNet>() {
            return Some(Self::Net(net, None));
        }
        if let Ok(address) = text.trim_matches(['[', ']']).parse::<IpAddr>() {
            return Some(Self::Net(address.into(), None));
        }
        if let Ok(socket) = text.parse::<std::net::SocketAddr>() {
            return Some(Self::Net(socket.ip().into(), Some(socket.port())));
        }
        let (host, port) = match text.split_once(':') {
            Some((host, port)) => (host, Some(port.parse().ok()?)),
            None => (text, None),
        };
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        (!host.is_empty() && host.chars().all(is_name))
            .then(|| Self::Host(host.to_ascii_lowercase(), port))
    }

    fn covers(&self, host: &str, address: IpAddr, port: u16) -> bool {
        let (is_it, only) = match self {
            Self::Host(name, only) => (name == host, only),
            Self::Net(net, only) => (net.contains(&address), only),
        };
        is_it && only.is_none_or(|only| only == port)
    }
}

/// Decides what may be dialled.
#[derive(Clone, Debug)]
pub struct Guard {
    allowed: Vec<Allowed>,
    special_v4: Vec<IpNet>,
    special_v6: Vec<IpNet>,
    global_v6: Option<IpNet>,
    nat64: Option<IpNet>,
    low_ports: &'static [u16],
}

impl Guard {
    /// A guard that lets public addresses pass, and what is allowed beside them.
    pub fn new(allowed: Vec<Allowed>) -> Self {
        let nets = |texts: &[&str]| texts.iter().filter_map(|text| text.parse().ok()).collect();
        Self {
            allowed,
            special_v4: nets(&SPECIAL_V4),
            special_v6: nets(&SPECIAL_V6),
            global_v6: GLOBAL_V6.parse().ok(),
            nat64: NAT64.parse().ok(),
            low_ports: &HTTPS,
        }
    }

    /// The same for mail, which has ports of its own.
    pub(super) fn for_mail(allowed: Vec<Allowed>) -> Self {
        Self { low_ports: &MAIL, ..Self::new(allowed) }
    }

    /// Whether `host`, which is or resolved to `address`, may be called on `port`.
    pub fn lets_pass(&self, host: &str, address: IpAddr, port: u16) -> bool {
        let address = self.real(address);
        if self.allowed.iter().any(|allowed| allowed.covers(host, address, port)) {
            return true;
        }
        let is_ours = self.low_ports.contains(&port) || port >= FIRST_FREE_PORT;
        is_ours && self.is_public(address)
    }

    /// The IPv4 address inside an IPv6 one that only wraps it.
    fn real(&self, address: IpAddr) -> IpAddr {
        let IpAddr::V6(wrapped) = address else { return address };
        if let Some(mapped) = wrapped.to_ipv4_mapped() {
            return mapped.into();
        }
        if self.nat64.is_some_and(|net| net.contains(&address)) {
            let [.., a, b, c, d] = wrapped.octets();
            return Ipv4Addr::new(a, b, c, d).into();
        }
        address
    }

    fn is_public(&self, address: IpAddr) -> bool {
        let is_in = |nets: &[IpNet]| nets.iter().any(|net| net.contains(&address));
        match address {
            IpAddr::V4(_) => !is_in(&self.special_v4),
            IpAddr::V6(address) => {
                let is_global = |net: IpNet| net.contains(&IpAddr::from(address));
                self.global_v6.is_some_and(is_global) && !is_in(&self.special_v6)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_block_of_the_tables_is_one() {
        let guard = Guard::new(Vec::new());
        assert_eq!(guard.special_v4.len(), SPECIAL_V4.len());
        assert_eq!(guard.special_v6.len(), SPECIAL_V6.len());
        assert!(guard.global_v6.is_some() && guard.nat64.is_some());
    }

    /// O102: special-use addresses of both families, and IPv4 in IPv6 clothes.
    #[test]
    fn only_public_addresses_pass() {
        let guard = Guard::new(Vec::new());
        let passes = |text: &str| guard.lets_pass("h", text.parse().unwrap(), 443);
        for public in
            ["17.188.143.1", "8.8.8.8", "2a00:1450::1", "::ffff:8.8.8.8", "64:ff9b::808:808"]
        {
            assert!(passes(public), "{public}");
        }
        let special = "0.0.0.0 127.0.0.1 127.255.255.254 10.1.2.3 172.16.0.1 172.31.255.255 \
            192.168.0.1 100.64.0.1 100.127.255.255 169.254.169.254 192.0.0.8 192.0.2.1 198.18.0.1 \
            198.19.255.255 198.51.100.1 203.0.113.1 224.0.0.1 239.1.1.1 240.0.0.1 255.255.255.255 \
            :: ::1 ::7f00:1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:169.254.169.254 64:ff9b::7f00:1 \
            64:ff9b::a9fe:a9fe 64:ff9b:1::1 100::1 2001::1 2001:db8::1 2002:7f00:1::1 3fff::1 \
            5f00::1 fc00::1 fd00::1 fe80::1 fec0::1 ff02::1";
        for special in special.split_whitespace() {
            assert!(!passes(special), "{special}");
        }
    }

    #[test]
    fn ports_of_other_protocols_are_not_called() {
        let guard = Guard::new(Vec::new());
        let passes = |port| guard.lets_pass("h", "8.8.8.8".parse().unwrap(), port);
        assert!(passes(443) && passes(2197) && passes(8443));
        assert!(!passes(22) && !passes(25) && !passes(80) && !passes(0));
    }

    #[test]
    fn what_the_operator_allows_passes_and_nothing_beside_it() {
        let allow = ["localhost:9443", "push.internal", "10.2.0.0/16", "127.0.0.1:9444", "[::1]:1"];
        let guard = Guard::new(allow.iter().map(|text| Allowed::parse(text).unwrap()).collect());
        let passes =
            |host: &str, address: &str, port| guard.lets_pass(host, address.parse().unwrap(), port);
        assert!(passes("localhost", "127.0.0.1", 9443) && passes("localhost", "::1", 9443));
        assert!(!passes("localhost", "127.0.0.1", 9442));
        assert!(passes("push.internal", "192.168.3.4", 80));
        assert!(passes("any", "10.2.3.4", 443) && passes("any", "::ffff:10.2.3.4", 443));
        assert!(!passes("any", "10.3.3.4", 443));
        assert!(passes("any", "127.0.0.1", 9444) && !passes("any", "127.0.0.2", 9444));
        assert!(passes("::1", "::1", 1) && !passes("::1", "::1", 2));
    }

    #[test]
    fn an_entry_that_is_no_place_is_refused() {
        for text in ["", "https://a", "a:b", "a:99999", "10.0.0.0/33", "a b", "a/24"] {
            assert_eq!(Allowed::parse(text), None, "{text}");
        }
    }
}
