//! Laying settings over a configuration file, with the types the defaults have.

use std::ffi::OsString;

use toml::{Table, Value};

use super::{Config, ConfigError};

/// How the file is called in an error.
const FILE: &str = "the configuration file";

/// Our variables begin so and have `__` between section and key; anything else that begins with
/// `AIZUCHI_` is not ours (Kubernetes makes such names for a service called aizuchi).
const PREFIX: &str = "AIZUCHI_";

/// One `section.key` and its value as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    section: String,
    key: String,
    value: String,
    origin: String,
}

impl Setting {
    /// Reads `section.key=value`, as `--set` takes it.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        let parts = text.split_once('=').and_then(|(name, value)| {
            name.split_once('.').map(|(section, key)| (section, key, value))
        });
        let Some((section, key, value)) = parts else {
            return Err(ConfigError(format!("--set {text}: write --set section.key=value")));
        };
        Ok(Self {
            section: section.trim().to_owned(),
            key: key.trim().to_owned(),
            value: value.to_owned(),
            origin: String::from("--set"),
        })
    }

    /// The settings among the environment's variables.
    pub(super) fn from_environment(
        variables: impl Iterator<Item = (OsString, OsString)>,
    ) -> Vec<Self> {
        variables
            .filter_map(|(name, value)| {
                let (name, value) = (name.into_string().ok()?, value.into_string().ok()?);
                let (section, key) = name.strip_prefix(PREFIX)?.split_once("__")?;
                let (section, key) = (section.to_lowercase(), key.to_lowercase());
                Some(Self { section, key, value, origin: name })
            })
            .collect()
    }
}

/// The file's table with every setting in it; unknown names are refused here.
pub(super) fn merge(text: &str, settings: &[Setting]) -> Result<Table, ConfigError> {
    let known = Table::try_from(Config::default())
        .map_err(|error| ConfigError(format!("configuration defaults: {error}")))?;
    let mut table: Table = text.parse().map_err(|error: toml::de::Error| {
        let line = error.span().map_or(1, |span| {
            text.bytes().take(span.start).filter(|byte| *byte == b'\n').count() + 1
        });
        ConfigError(format!("configuration, line {line}: {}", error.message()))
    })?;
    for (section, keys) in &table {
        let Some(keys) = keys.as_table() else {
            return Err(unknown(&known, section, None, FILE));
        };
        for (key, value) in keys {
            let default = known_value(&known, section, key, FILE)?;
            if !value.same_type(default) {
                let (kind, place) = (kind_of(default), format!("{FILE}: {section}.{key}"));
                return Err(ConfigError(format!("{place} must be {kind}")));
            }
        }
    }
    for setting in settings {
        let default = known_value(&known, &setting.section, &setting.key, &setting.origin)?;
        let value = typed(default, setting)?;
        let section =
            table.entry(setting.section.clone()).or_insert_with(|| Value::Table(Table::new()));
        if let Some(section) = section.as_table_mut() {
            section.insert(setting.key.clone(), value);
        }
    }
    Ok(table)
}

fn known_value<'k>(
    known: &'k Table,
    section: &str,
    key: &str,
    origin: &str,
) -> Result<&'k Value, ConfigError> {
    known
        .get(section)
        .and_then(Value::as_table)
        .and_then(|keys| keys.get(key))
        .ok_or_else(|| unknown(known, section, Some(key), origin))
}

/// What may stand in the place of a default.
fn kind_of(default: &Value) -> &'static str {
    match default {
        Value::String(_) | Value::Datetime(_) => "a text",
        Value::Integer(_) => "a whole number",
        Value::Float(_) => "a number",
        Value::Boolean(_) => "true or false",
        Value::Array(_) => "a list of texts",
        Value::Table(_) => "a section",
    }
}

/// The text as the type that the default has; lists are separated by commas.
fn typed(default: &Value, setting: &Setting) -> Result<Value, ConfigError> {
    let text = setting.value.as_str();
    let wrong = || {
        let (Setting { section, key, origin, .. }, kind) = (setting, kind_of(default));
        ConfigError(format!("{origin}: {section}.{key} must be {kind}, not `{text}`"))
    };
    match default {
        Value::String(_) | Value::Datetime(_) | Value::Table(_) => Ok(Value::String(text.into())),
        Value::Integer(_) => text.trim().parse().map(Value::Integer).map_err(|_unparsed| wrong()),
        Value::Float(_) => text.trim().parse().map(Value::Float).map_err(|_unparsed| wrong()),
        Value::Boolean(_) => text.trim().parse().map(Value::Boolean).map_err(|_unparsed| wrong()),
        Value::Array(_) => Ok(Value::Array(
            text.split(',')
                .map(str::trim)
                .filter(|item| !item.is_empty())
                .map(|item| Value::String(item.to_owned()))
                .collect(),
        )),
    }
}

fn unknown(known: &Table, section: &str, key: Option<&str>, origin: &str) -> ConfigError {
    let asked = key.map_or_else(|| section.to_owned(), |key| format!("{section}.{key}"));
    let nearest = known
        .iter()
        .flat_map(|(section, keys)| {
            keys.as_table()
                .into_iter()
                .flat_map(|keys| keys.keys())
                .map(move |key| format!("{section}.{key}"))
        })
        // What is written short is nearer than what is written alike.
        .min_by_key(|name| (!key_of(name).starts_with(key_of(&asked)), distance(name, &asked)))
        .unwrap_or_default();
    ConfigError(format!("{origin}: unknown key `{asked}`; the nearest known one is `{nearest}`"))
}

/// A key without its section.
fn key_of(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or_default()
}

/// The number of letters to change, add or drop to make one name of the other.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        let mut next = vec![left];
        for (to, above) in b.iter().zip(row.iter().skip(1)) {
            let cost = usize::from(from != *to);
            left = (diagonal + cost).min(left + 1).min(above + 1);
            diagonal = *above;
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, settings: &[&str]) -> Result<Config, ConfigError> {
        let settings: Vec<Setting> =
            settings.iter().map(|setting| Setting::parse(setting).unwrap()).collect();
        Config::from_parts(text, &settings)
    }

    #[test]
    fn a_setting_wins_over_the_file_and_the_file_over_the_default() {
        let config = read("[ciba]\ninterval_s = 7\ndefault_expiry_s = 100", &["ciba.interval_s=9"]);
        let ciba = config.unwrap().ciba;
        assert_eq!((ciba.interval_s, ciba.default_expiry_s), (9, 100));
    }

    /// O46: in the file, in a setting.
    #[test]
    fn an_unknown_key_names_the_nearest_known_one() {
        let error = read("[ciba]\nintervals = 7", &[]).unwrap_err().0;
        assert!(
            error.contains("`ciba.intervals`") && error.contains("`ciba.interval_s`"),
            "{error}"
        );
        let error = read("", &["limit.prompts_per_user=3"]).unwrap_err().0;
        assert!(error.contains("limits.prompts_per_user_per_minute"), "{error}");
    }

    #[test]
    fn only_variables_with_two_underscores_are_ours() {
        let variables = [("AIZUCHI_OUTBOUND__ALLOW", "a:1,b:2"), ("AIZUCHI_PORT", "tcp://x")];
        let settings = Setting::from_environment(
            variables.iter().map(|(name, value)| (OsString::from(name), OsString::from(value))),
        );
        let config = Config::from_parts("", &settings).unwrap();
        assert_eq!(config.outbound.allow, ["a:1", "b:2"]);
    }

    /// O47: the key, where the value stands, and what may stand there.
    #[test]
    fn a_wrong_value_says_where_it_stands_and_what_is_allowed() {
        let cases = [
            (
                "[ciba]\ninterval_s = \"soon\"",
                "",
                "the configuration file: ciba.interval_s",
                "whole",
            ),
            ("[listen]\nhttps = 8443", "", "the configuration file: listen.https", "a text"),
            ("[outbound]\nallow = \"x\"", "", "the configuration file: outbound.allow", "a list"),
            ("", "limits.connections=many", "--set: limits.connections", "a whole number"),
            ("", "limits.connections=0", "limits.connections", "at least 1"),
            ("", "ciba.interval_s=0", "ciba.interval_s", "at least 1"),
            ("", "ciba.default_expiry_s=-5", "ciba.default_expiry_s", "u32"),
            ("", "proxy.headers=all", "proxy.headers", "`x-forwarded`"),
            ("", "log.format=xml", "log.format", "`json`"),
            ("", "listen.https=here", "listen.https", "0.0.0.0:8443"),
        ];
        for (file, setting, place, allowed) in cases {
            let settings: Vec<&str> = [setting].into_iter().filter(|set| !set.is_empty()).collect();
            let error = read(file, &settings).unwrap_err().0;
            assert!(error.contains(place) && error.contains(allowed), "{setting}{file}: {error}");
            assert!(!error.contains('\n'), "{error}");
        }
    }

    #[test]
    fn a_wrong_type_says_what_is_wanted() {
        let error = read("", &["ciba.interval_s=soon"]).unwrap_err().0;
        assert!(error.contains("ciba.interval_s must be a whole number, not `soon`"), "{error}");
        let error = read("[ciba\n", &[]).unwrap_err().0;
        assert!(error.starts_with("configuration, line 1"), "{error}");
    }

    #[test]
    fn the_public_address_must_be_https_with_a_slash() {
        for bad in ["http://x/", "https://x/a", "https://x?a/", "https://x#/", "nonsense"] {
            assert!(read("", &[&format!("server.public_url={bad}")]).is_err(), "{bad}");
        }
        assert!(read("", &["server.public_url=https://x.example/t/a/"]).is_ok());
    }

    /// O522: a host alone is its address, as with the slash that belongs there.
    #[test]
    fn a_public_address_without_a_path_gets_its_slash() {
        for (given, kept) in [
            ("https://x.example", "https://x.example/"),
            ("https://x.example:8443", "https://x.example:8443/"),
            ("https://x.example/", "https://x.example/"),
            ("https://x.example/a/", "https://x.example/a/"),
        ] {
            let settings = ["public_url", "mtls_url"].map(|key| format!("server.{key}={given}"));
            let server = read("", &settings.each_ref().map(String::as_str)).unwrap().server;
            assert_eq!((server.public_url.as_str(), server.mtls_url.as_str()), (kept, kept));
        }
        assert_eq!(read("", &[]).unwrap().server.mtls_url, "", "none is none");
    }
}
