//! What a client shows of itself from a site of its own: a logo, and the domain that speaks for it.
//! Neither is believed because a registration says so. A logo is a picture that we have seen, a
//! domain one that names the client itself (decision record 32).

use imagesize::{ImageSize, ImageType};
use serde_json::Value;
use url::{Host, Url};

use crate::ClientId;

/// The member with the logo's address (RFC 7591 2).
pub const LOGO_URI: &str = "logo_uri";
/// The member with the domain that is to be shown.
pub const DOMAIN: &str = "domain";
/// Where a domain names the clients that are its own.
pub const PROOF_PATH: &str = "/.well-known/aizuchi-clients.json";
/// Neither a logo nor the list of a domain's clients is longer.
pub const MAX_SITE_BYTES: usize = 64 * 1024;
/// A logo is not wider or higher.
pub const MAX_LOGO_PIXELS: usize = 1024;
/// An address of a logo is not longer.
const MAX_ADDRESS_CHARS: usize = 2048;
/// A name of the DNS is not longer, nor is a part of it.
const MAX_DOMAIN_CHARS: usize = 253;
const MAX_LABEL_CHARS: usize = 63;

/// What a client shows of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SiteKind {
    /// Its picture.
    Logo,
    /// The domain that speaks for it.
    Domain,
}

impl SiteKind {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Logo, Self::Domain];

    /// Its name in the database and the log.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Logo => "logo",
            Self::Domain => "domain",
        }
    }

    /// The kind of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    /// The member of a client's document that names it.
    pub const fn member(self) -> &'static str {
        match self {
            Self::Logo => LOGO_URI,
            Self::Domain => DOMAIN,
        }
    }

    /// What a client's document names: an address of a logo, or a domain.
    pub fn named_by(self, document: &Value) -> Option<&str> {
        let text = document.get(self.member())?.as_str()?;
        (!text.is_empty() && text.len() <= MAX_ADDRESS_CHARS).then_some(text)
    }

    /// Where we look for what a client's document names.
    pub fn address(self, named: &str) -> Result<Url, String> {
        let address = match self {
            Self::Logo => Url::parse(named),
            Self::Domain => Url::parse(&format!("https://{named}{PROOF_PATH}")),
        };
        address.map_err(|error| error.to_string())
    }
}

/// What a logo may be. No SVG: that is a program, not a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PictureKind {
    /// PNG.
    Png,
    /// JPEG.
    Jpeg,
    /// WebP.
    Webp,
}

impl PictureKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Png, Self::Jpeg, Self::Webp];

    /// Its media type.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
            Self::Webp => "image/webp",
        }
    }

    /// The kind of this media type.
    pub fn from_media_type(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.media_type() == name)
    }

    /// What these bytes are, by what they begin with, whatever a server calls them.
    pub fn of(bytes: &[u8]) -> Result<Self, String> {
        let kind = match imagesize::image_type(bytes) {
            Ok(ImageType::Png) => Self::Png,
            Ok(ImageType::Jpeg) => Self::Jpeg,
            Ok(ImageType::Webp) => Self::Webp,
            Ok(_) | Err(_) => return Err(unknown(bytes).to_owned()),
        };
        let size = imagesize::blob_size(bytes).map_err(|error| format!("no picture: {error}"))?;
        let ImageSize { width, height } = size;
        let is_right = |side: usize| (1..=MAX_LOGO_PIXELS).contains(&side);
        if is_right(width) && is_right(height) {
            Ok(kind)
        } else {
            Err(format!("{width} by {height} pixels; a side may have 1 to {MAX_LOGO_PIXELS}"))
        }
    }
}

fn unknown(bytes: &[u8]) -> &'static str {
    let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace() && byte.is_ascii());
    if first == Some(&b'<') {
        "SVG and HTML are programs, not pictures; give a PNG, JPEG or WebP"
    } else {
        "neither PNG nor JPEG nor WebP"
    }
}

/// Whether the list of a domain names the client, at one of these issuers:
/// `{"clients": [{"issuer": …, "client_id": …}]}`.
pub fn names_client(list: &Value, issuers: &[String], client: &ClientId) -> bool {
    let bare = |issuer: &str| issuer.trim_end_matches('/').to_owned();
    let named = list.get("clients").and_then(Value::as_array).into_iter().flatten();
    let mut named = named
        .filter_map(|one| Some((one.get("issuer")?.as_str()?, one.get("client_id")?.as_str()?)));
    named.any(|(issuer, id)| {
        id == client.as_str() && issuers.iter().any(|ours| bare(ours) == bare(issuer))
    })
}

/// A name of the DNS as certificates have it: what people read cannot be taken for another.
pub(super) fn domain(value: &Value) -> Result<Value, String> {
    let shape = || {
        String::from(
            "must be a host name in lower case, such as shop.example.com (others than ASCII as xn--…)",
        )
    };
    let text = value.as_str().filter(|text| text.len() <= MAX_DOMAIN_CHARS).ok_or_else(shape)?;
    let is_label = |label: &str| {
        (1..=MAX_LABEL_CHARS).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let is_name = matches!(Host::parse(text), Ok(Host::Domain(name)) if name == text);
    if is_name && text.contains('.') && text.split('.').all(is_label) {
        Ok(value.clone())
    } else {
        Err(shape())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    /// The head of a PNG of this size.
    fn png(width: u32, height: u32) -> Vec<u8> {
        let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
        bytes.extend(width.to_be_bytes());
        bytes.extend(height.to_be_bytes());
        bytes
    }

    #[test]
    fn pictures_are_told_by_their_first_bytes() {
        let jpeg = b"\xff\xd8\xff\xe0\0\x04\0\0\xff\xc0\0\x11\x08\0\x20\0\x20";
        let webp = b"RIFF\x16\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0\x1f\0\0\x1f\0\0";
        assert_eq!(PictureKind::of(&png(192, 192)), Ok(PictureKind::Png));
        assert_eq!(PictureKind::of(jpeg), Ok(PictureKind::Jpeg));
        assert_eq!(PictureKind::of(webp), Ok(PictureKind::Webp));
        for kind in PictureKind::ALL {
            assert_eq!(PictureKind::from_media_type(kind.media_type()), Some(kind));
        }
    }

    #[test]
    fn what_is_no_picture_is_refused_with_a_reason() {
        for (bytes, why) in [
            (b"<svg xmlns='http://www.w3.org/2000/svg'/>".to_vec(), "programs"),
            (b"\xef\xbb\xbf\n <?xml version='1.0'?><svg/>".to_vec(), "programs"),
            (b"<!doctype html>".to_vec(), "programs"),
            (b"GIF89a\x01\0\x01\0".to_vec(), "neither"),
            (Vec::new(), "neither"),
            (png(0, 10), "0 by 10"),
            (png(1025, 10), "1025 by 10"),
            (png(10, u32::MAX), "pixels"),
            (b"\x89PNG\r\n\x1a\n\0\0\0\rIH".to_vec(), "no picture"),
        ] {
            let told = PictureKind::of(&bytes).unwrap_err();
            assert!(told.contains(why), "{told}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_picture_or_none(mut bytes: Vec<u8>, head in 0..4_usize) {
            let heads = [&b""[..], b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"RIFF\0\0\0\0WEBPVP8 "];
            let mut whole = heads[head].to_vec();
            whole.append(&mut bytes);
            let _told = PictureKind::of(&whole);
        }
    }

    #[test]
    fn a_domain_is_a_name_that_can_be_read_in_one_way() {
        for good in ["shop.example.com", "xn--bcher-kva.example", "a-1.b2.example"] {
            assert_eq!(domain(&json!(good)), Ok(json!(good)));
        }
        let long = format!("{}.example", "a".repeat(64));
        for bad in [
            "Shop.example.com",
            "bücher.example",
            "shop",
            "localhost",
            "127.0.0.1",
            "[::1]",
            "1.2",
            "shop.example.com.",
            ".example",
            "a..b",
            "-a.example",
            "a_b.example",
            "a.example:443",
            "a.example/x",
            "user@a.example",
            "https://a.example",
            "xn--zzzzzz-.example",
            "",
            &long,
        ] {
            assert!(domain(&json!(bad)).is_err(), "{bad}");
        }
        assert!(domain(&json!(7)).is_err());
    }

    #[test]
    fn a_list_names_a_client_at_an_issuer() {
        let issuers = [String::from("https://login.example.com/")];
        let shop = ClientId::new("shop");
        let list = |issuer: &str, id: &str| json!({ "clients": [7, {}, { "issuer": issuer, "client_id": id }] });
        for (list, is_named) in [
            (list("https://login.example.com/", "shop"), true),
            (list("https://login.example.com", "shop"), true),
            (list("https://login.example.com/", "shop2"), false),
            (list("https://other.example.com/", "shop"), false),
            (list("https://login.example.com/t/acme/", "shop"), false),
            (json!({ "clients": "shop" }), false),
            (json!([]), false),
        ] {
            assert_eq!(names_client(&list, &issuers, &shop), is_named, "{list}");
        }
    }

    #[test]
    fn a_document_names_what_is_to_be_looked_at() {
        let document = json!({ "logo_uri": "https://a.example/l.png", "domain": "a.example" });
        let named = SiteKind::ALL.map(|kind| kind.named_by(&document).unwrap());
        assert_eq!(named, ["https://a.example/l.png", "a.example"]);
        let address = SiteKind::Domain.address("a.example").unwrap();
        assert_eq!(address.as_str(), "https://a.example/.well-known/aizuchi-clients.json");
        for none in [json!({}), json!({ "logo_uri": "" }), json!({ "logo_uri": 7 })] {
            assert_eq!(SiteKind::Logo.named_by(&none), None);
        }
    }
}
