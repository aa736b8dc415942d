//! Comparing the addresses that devices sign: `aud` and `htu`.
//!
//! Android lower-cases the host and drops `:443`, iOS keeps what its developer typed. Both sides of
//! a comparison go through [`normalized`]; nothing else about a URL is interpreted.
//!
//! ```
//! use device_protocol::guardian::url::normalized;
//!
//! let signed = normalized("HTTPS://Login.Example.com:443/rich-consents/cns_1?a=b").unwrap();
//! assert_eq!(signed, "https://login.example.com/rich-consents/cns_1");
//! ```

use std::fmt;

/// No address that a device signs is longer.
pub const MAX_URL_BYTES: usize = 2048;

/// Text that is not an absolute `http` or `https` URL, with what is wrong about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidUrl(&'static str);

impl fmt::Display for InvalidUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for InvalidUrl {}

/// The parts of an address, in their normal form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Parts {
    pub(super) is_https: bool,
    /// Lower case; an IPv6 address keeps its brackets.
    pub(super) host: String,
    /// `None` for the scheme's own port.
    pub(super) port: Option<u16>,
    /// Empty, or a path with a leading and without a final slash.
    pub(super) path: String,
}

impl Parts {
    pub(super) fn parse(text: &str) -> Result<Self, InvalidUrl> {
        if text.len() > MAX_URL_BYTES {
            return Err(InvalidUrl("the URL is too long"));
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\') {
            return Err(InvalidUrl("the URL holds spaces, backslashes or characters beyond ASCII"));
        }
        let (scheme, rest) = text.split_once("://").ok_or(InvalidUrl("the URL has no scheme"))?;
        let is_https = match scheme.to_ascii_lowercase().as_str() {
            "https" => true,
            "http" => false,
            _ => return Err(InvalidUrl("the scheme is neither https nor http")),
        };
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, tail) = rest.split_at_checked(end).unwrap_or((rest, ""));
        let (host, port) = host_and_port(authority)?;
        let path = tail.split(['?', '#']).next().unwrap_or_default();
        Ok(Self {
            is_https,
            host,
            port: port.filter(|port| *port != if is_https { 443 } else { 80 }),
            path: path.strip_suffix('/').unwrap_or(path).to_owned(),
        })
    }
}

impl fmt::Display for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.is_https { "https" } else { "http" };
        write!(f, "{scheme}://{}", self.host)?;
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        f.write_str(&self.path)
    }
}

fn host_and_port(authority: &str) -> Result<(String, Option<u16>), InvalidUrl> {
    let (host, port) = if authority.starts_with('[') {
        let (address, rest) =
            authority.split_once(']').ok_or(InvalidUrl("a bracket is not closed"))?;
        let address = address.strip_prefix('[').unwrap_or_default();
        if address.is_empty()
            || !address.bytes().all(|b| b.is_ascii_hexdigit() || b":.".contains(&b))
        {
            return Err(InvalidUrl("the brackets hold no address"));
        }
        let port = match rest {
            "" => None,
            _ => Some(rest.strip_prefix(':').ok_or(InvalidUrl("the host goes on after ]"))?),
        };
        (format!("[{}]", address.to_ascii_lowercase()), port)
    } else {
        let (host, port) = match authority.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        };
        let is_name = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
        if host.is_empty() || !host.bytes().all(is_name) {
            return Err(InvalidUrl("the host is empty or holds characters that no host has"));
        }
        (host.to_ascii_lowercase(), port)
    };
    let port = match port {
        None | Some("") => None,
        Some(digits) => {
            let is_digits = digits.len() <= 5 && digits.bytes().all(|b| b.is_ascii_digit());
            let port = if is_digits { digits.parse::<u16>().ok() } else { None };
            Some(port.ok_or(InvalidUrl("the port is not a number up to 65535"))?)
        }
    };
    Ok((host, port))
}

/// The form in which two addresses are compared: scheme and host in lower case, the scheme's own
/// port, the query and one final slash dropped.
pub fn normalized(url: &str) -> Result<String, InvalidUrl> {
    Parts::parse(url).map(|parts| parts.to_string())
}

#[cfg(test)]
mod tests {
    use super::normalized;

    /// Part of G82 and G116: letter case of the host, `:443` and a query do not count.
    #[test]
    fn two_spellings_of_one_address_are_equal() {
        let plain = "https://login.example.com/appliance-mfa/api/resolve-transaction";
        for spelling in [
            "HTTPS://LOGIN.Example.com/appliance-mfa/api/resolve-transaction",
            "https://login.example.com:443/appliance-mfa/api/resolve-transaction",
            "https://login.example.com/appliance-mfa/api/resolve-transaction/",
            "https://login.example.com/appliance-mfa/api/resolve-transaction?x=1#y",
            "https://login.example.com:/appliance-mfa/api/resolve-transaction",
        ] {
            assert_eq!(normalized(spelling).unwrap(), plain);
        }
        assert_eq!(normalized("http://h:80").unwrap(), "http://h");
        assert_eq!(normalized("https://h:80/").unwrap(), "https://h:80");
        assert_eq!(normalized("https://[::1]:8443/A").unwrap(), "https://[::1]:8443/A");
        assert_eq!(normalized("https://h?x").unwrap(), "https://h");
    }

    #[test]
    fn path_and_scheme_count() {
        assert_ne!(normalized("https://h/A").unwrap(), normalized("https://h/a").unwrap());
        assert_ne!(normalized("https://h/a").unwrap(), normalized("http://h/a").unwrap());
        assert_ne!(normalized("https://h/a%2Fb").unwrap(), normalized("https://h/a/b").unwrap());
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in [
            "",
            "h",
            "h:443",
            "//h",
            "ftp://h",
            "https://",
            "https:///p",
            "https://a@h/",
            "https://h:99999/",
            "https://h:+1/",
            "https://h:x",
            "https://[::1",
            "https://[]",
            "https://[::1]x",
            "https://h/ b",
            "https://h\\b",
            "https://bücher.example/",
            "https://h,g/",
            "https://h%20/",
            "javascript:alert(1)",
        ] {
            assert!(normalized(text).is_err(), "{text}");
        }
        assert!(normalized(&format!("https://h/{}", "a".repeat(2048))).is_err());
    }
}
