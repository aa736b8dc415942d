//! Distinguished names of certificates: read from text, compared as directories do.
//!
//! RFC 8705 registers a client's subject as RFC 4514 text (most specific part first, commas
//! between); Auth0's documentation and OpenSSL write the parts in the certificate's order, one a
//! line or with commas. All of them name the same subject, so a name matches in either order.

use std::fmt;

/// No name we take has more parts.
const MAX_PARTS: usize = 32;

/// One attribute: type in small letters, value prepared for comparison, value as it stood.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Attribute {
    name: String,
    prepared: String,
    value: String,
}

impl Attribute {
    fn new(name: &str, value: &str) -> Self {
        let name = name.trim().to_ascii_lowercase();
        let name = LONG_NAMES
            .iter()
            .find(|(long, _)| *long == name)
            .map_or(name.clone(), |(_, short)| (*short).to_owned());
        Self { name, prepared: prepared(value), value: value.to_owned() }
    }
}

/// Types whose long names and numbers stand for short ones (RFC 4514 3, and what OpenSSL prints).
const LONG_NAMES: &[(&str, &str)] = &[
    ("commonname", "cn"),
    ("2.5.4.3", "cn"),
    ("countryname", "c"),
    ("2.5.4.6", "c"),
    ("localityname", "l"),
    ("2.5.4.7", "l"),
    ("stateorprovincename", "st"),
    ("2.5.4.8", "st"),
    ("s", "st"),
    ("streetaddress", "street"),
    ("2.5.4.9", "street"),
    ("organizationname", "o"),
    ("2.5.4.10", "o"),
    ("organizationalunitname", "ou"),
    ("2.5.4.11", "ou"),
    ("2.5.4.5", "serialnumber"),
    ("domaincomponent", "dc"),
    ("0.9.2342.19200300.100.1.25", "dc"),
    ("userid", "uid"),
    ("0.9.2342.19200300.100.1.1", "uid"),
    ("email", "emailaddress"),
    ("e", "emailaddress"),
    ("1.2.840.113549.1.9.1", "emailaddress"),
    ("2.5.4.97", "organizationidentifier"),
    ("2.5.4.15", "businesscategory"),
    ("1.3.6.1.4.1.311.60.2.1.3", "jurisdictionc"),
];

/// A distinguished name: its parts in the order of the text or certificate they were read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    parts: Vec<Vec<Attribute>>,
}

impl Subject {
    /// Reads RFC 4514 text, or one part a line. `None` if it is no distinguished name.
    pub fn parse(text: &str) -> Option<Self> {
        let text = trimmed(text);
        let separators: &[char] = if text.contains('\n') { &['\n'] } else { &[',', ';'] };
        let mut parts = Vec::new();
        for part in split(text, separators) {
            let attributes: Option<Vec<Attribute>> =
                split(trimmed(part), &['+']).into_iter().map(attribute).collect();
            parts.push(attributes?);
        }
        Self::of(parts)
    }

    /// The name of attributes given as type (name or number) and value, part by part.
    pub fn from_parts(parts: &[Vec<(String, String)>]) -> Option<Self> {
        let attribute = |(name, value): &(String, String)| Attribute::new(name, value);
        Self::of(parts.iter().map(|part| part.iter().map(attribute).collect()).collect())
    }

    fn of(mut parts: Vec<Vec<Attribute>>) -> Option<Self> {
        if parts.is_empty() || parts.len() > MAX_PARTS || parts.iter().any(Vec::is_empty) {
            return None;
        }
        // The attributes of one part have no order (X.501 9.3).
        for part in &mut parts {
            part.sort();
        }
        Some(Self { parts })
    }

    /// Whether both name the same subject, in the same or the opposite order.
    pub fn matches(&self, other: &Self) -> bool {
        let same = |(a, b): (&Vec<Attribute>, &Vec<Attribute>)| {
            a.len() == b.len()
                && a.iter().zip(b).all(|(a, b)| a.name == b.name && a.prepared == b.prepared)
        };
        self.parts.len() == other.parts.len()
            && (self.parts.iter().zip(&other.parts).all(same)
                || self.parts.iter().zip(other.parts.iter().rev()).all(same))
    }
}

/// RFC 4514, most specific part first if the name was read from a certificate.
impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, part) in self.parts.iter().rev().enumerate() {
            f.write_str(if index == 0 { "" } else { "," })?;
            for (index, one) in part.iter().enumerate() {
                f.write_str(if index == 0 { "" } else { "+" })?;
                let name = match one.name.as_str() {
                    "emailaddress" => "emailAddress".to_owned(),
                    "serialnumber" => "serialNumber".to_owned(),
                    name => name.to_ascii_uppercase(),
                };
                write!(f, "{name}={}", escaped(&one.value))?;
            }
        }
        Ok(())
    }
}

/// `text` at those separators that no backslash stands before.
fn split<'t>(text: &'t str, separators: &[char]) -> Vec<&'t str> {
    let (mut parts, mut start, mut is_escaped) = (Vec::new(), 0, false);
    for (index, letter) in text.char_indices() {
        if !is_escaped && separators.contains(&letter) {
            parts.push(text.get(start..index).unwrap_or_default());
            start = index + letter.len_utf8();
        }
        is_escaped = letter == '\\' && !is_escaped;
    }
    parts.push(text.get(start..).unwrap_or_default());
    parts
}

fn attribute(text: &str) -> Option<Attribute> {
    let (name, value) = text.split_once('=')?;
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '-';
    let name = name.trim();
    if name.is_empty() || !name.chars().all(is_name) {
        return None;
    }
    Some(Attribute::new(name, &unescaped(trimmed(value))?))
}

/// `text` without the spaces around it, but with one that a backslash stands before.
fn trimmed(text: &str) -> &str {
    let text = text.trim_start();
    let kept = text.trim_end();
    let backslashes = kept.bytes().rev().take_while(|byte| *byte == b'\\').count();
    let escaped = text.chars().nth(kept.chars().count()).filter(|_| !backslashes.is_multiple_of(2));
    let end = kept.len() + escaped.map_or(0, char::len_utf8);
    text.get(..end).unwrap_or(kept)
}

/// RFC 4514 2.4 backwards: `\,` and `\2C` are a comma.
fn unescaped(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        let next = rest.next()?;
        match char::from(next).to_digit(16) {
            Some(high) => {
                let low = char::from(rest.next()?).to_digit(16)?;
                bytes.push(u8::try_from(high * 16 + low).ok()?);
            }
            None => bytes.push(next),
        }
    }
    String::from_utf8(bytes).ok()
}

fn escaped(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for (index, letter) in value.chars().enumerate() {
        let is_special = matches!(letter, ',' | '+' | '"' | '\\' | '<' | '>' | ';' | '=')
            || (index == 0 && matches!(letter, '#' | ' '));
        if letter.is_control() {
            let mut buffer = [0; 4];
            for byte in letter.encode_utf8(&mut buffer).bytes() {
                out.push('\\');
                out.extend([byte >> 4, byte & 15].map(hex));
            }
            continue;
        }
        if is_special {
            out.push('\\');
        }
        out.push(letter);
    }
    out
}

fn hex(digit: u8) -> char {
    char::from_digit(digit.into(), 16).unwrap_or_default()
}

/// Letter case and the number of spaces do not matter (X.520 caseIgnoreMatch).
fn prepared(value: &str) -> String {
    value.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Subject;

    fn read(text: &str) -> Subject {
        Subject::parse(text).unwrap()
    }

    #[test]
    fn the_ways_people_write_one_subject_are_one_subject() {
        let registered = read("CN=Bank Client,OU=Payments\\, Retail,O=Example,C=ES");
        for written in [
            "C=es\nO=Example\nOU=Payments, Retail\nCN=bank  client",
            "C = ES, O = Example, OU = Payments\\2C Retail, CN = Bank Client",
            "commonName=Bank Client;2.5.4.11=Payments\\, Retail;organizationName=Example;c=ES",
        ] {
            assert!(registered.matches(&read(written)), "{written}");
        }
    }

    #[test]
    fn another_subject_is_another() {
        let registered = read("CN=bank,O=Example");
        for other in
            ["CN=bank", "CN=bank,O=Example,C=ES", "CN=bank2,O=Example", "O=bank,CN=Example"]
        {
            assert!(!registered.matches(&read(other)), "{other}");
        }
    }

    #[test]
    fn parts_of_several_attributes_have_no_order_within() {
        assert!(read("CN=a+UID=7,O=x").matches(&read("UID=7+CN=a,O=x")));
        assert!(!read("CN=a+UID=7,O=x").matches(&read("CN=a,UID=7,O=x")));
    }

    #[test]
    fn an_escaped_space_at_an_end_is_read() {
        for text in ["CN=\\ ", "CN=a\\ ", "CN= a\\  , O=b"] {
            assert!(Subject::parse(text).is_some(), "{text}");
        }
        assert!(read("CN=a\\ ").matches(&read("CN=a")));
        assert!(Subject::parse("CN=a\\").is_none());
    }

    #[test]
    fn what_is_no_name_is_not_read() {
        for bad in ["", "bank", "=bank", "CN", "C N=x", "CN=a\\", "CN=a\\2"] {
            assert_eq!(Subject::parse(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,300}") {
            if let Some(subject) = Subject::parse(&text) {
                prop_assert!(subject.matches(&subject));
            }
        }

        #[test]
        fn what_is_written_reads_as_the_same(values in prop::collection::vec("\\PC{0,12}", 1..5)) {
            let part = |value: &String| vec![("CN".to_owned(), value.clone())];
            let parts: Vec<_> = values.iter().map(part).collect();
            let subject = Subject::from_parts(&parts).unwrap();
            let again = Subject::parse(&subject.to_string());
            prop_assert!(again.is_some_and(|again| again.matches(&subject)));
        }
    }
}
