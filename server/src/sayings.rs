//! What is said to people, from the Fluent files in `locales`: a folder for each language, in it a
//! file for each part of the program. The same files speak in pages made here and, as JSON, in the
//! browser.
//!
//! A file uses what the browser can be told (`web/authenticator/words.js`): texts, variables, and a
//! choice by a variable. `testkit/tests/tidy/sayings.rs` finds keys that are missing or unused.

use std::sync::LazyLock;

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};
use fluent_syntax::ast::{
    Entry, Expression, InlineExpression, Pattern, PatternElement, VariantKey,
};
use fluent_syntax::parser;
use rust_embed::Embed;
use serde_json::{Map, Value, json};
use unic_langid::LanguageIdentifier;

use crate::language::Language;

#[derive(Embed)]
#[folder = "../locales"]
struct Files;

/// The part that the web authenticator speaks.
pub(crate) const AUTHENTICATOR: &str = "authenticator";

/// What people read in mail.
const MAIL: &str = "mail";

/// The parts: a file of this name in each language. A key begins with no other part's words.
const PARTS: [&str; 3] = [AUTHENTICATOR, "enrollment", MAIL];

/// All that is said in one language.
struct Sayings {
    language: Language,
    bundle: FluentBundle<FluentResource>,
}

static ALL: LazyLock<[Sayings; 2]> = LazyLock::new(|| Language::ALL.map(Sayings::read));

impl Sayings {
    fn read(language: Language) -> Self {
        let tag: LanguageIdentifier = language.code().parse().unwrap_or_default();
        let mut bundle = FluentBundle::new_concurrent(vec![tag]);
        for part in PARTS {
            // A line that is not understood is told by a test; what is around it still speaks.
            let (Ok(resource) | Err((resource, _))) = FluentResource::try_new(text(language, part));
            bundle.add_resource_overriding(resource);
        }
        Self { language, bundle }
    }
}

/// What the file of a part says.
fn text(language: Language, part: &str) -> String {
    let file = Files::get(&format!("{}/{part}.ftl", language.code()));
    file.map(|file| String::from_utf8_lossy(&file.data).into_owned()).unwrap_or_default()
}

/// The saying of this key. What comes from others is put into marks (U+2068, U+2069), so that it
/// cannot turn the text around it.
pub(crate) fn say(language: Language, key: &str, arguments: &[(&str, FluentValue<'_>)]) -> String {
    let known = ALL.iter().find(|sayings| sayings.language == language);
    let said = known.and_then(|Sayings { bundle, .. }| {
        let pattern = bundle.get_message(key)?.value()?;
        let arguments: FluentArgs<'_> =
            arguments.iter().map(|(name, value)| (*name, value.clone())).collect();
        let mut faults = Vec::new();
        let said = bundle.format_pattern(pattern, Some(&arguments), &mut faults).into_owned();
        if !faults.is_empty() {
            tracing::error!(key, ?faults, "a saying lacks something");
        }
        Some(said)
    });
    said.unwrap_or_else(|| {
        tracing::error!(key, language = language.code(), "nothing is said here");
        key.to_owned()
    })
}

/// The same without the marks, for what is no running text: names, mail.
pub(crate) fn say_plainly(
    language: Language,
    key: &str,
    arguments: &[(&str, FluentValue<'_>)],
) -> String {
    say(language, key, arguments).replace(['\u{2068}', '\u{2069}'], "")
}

/// What a part says, for the browser: a text, or a list of texts, `{"is": variable}` and
/// `{"by": variable, "of": {variant: …}, "or": variant}`.
pub(crate) fn for_browsers(language: Language, part: &str) -> Value {
    let (Ok(resource) | Err((resource, _))) = parser::parse(text(language, part));
    let messages = resource.body.into_iter().filter_map(|entry| match entry {
        Entry::Message(message) => Some((message.id.name, pattern(&message.value?))),
        Entry::Term(_)
        | Entry::Comment(_)
        | Entry::GroupComment(_)
        | Entry::ResourceComment(_)
        | Entry::Junk { .. } => None,
    });
    Value::Object(messages.collect::<Map<String, Value>>())
}

fn pattern(pattern: &Pattern<String>) -> Value {
    let mut parts: Vec<Value> = Vec::new();
    for element in &pattern.elements {
        let part = match element {
            PatternElement::TextElement { value } => value.as_str().into(),
            PatternElement::Placeable { expression } => placed(expression),
        };
        // A text of several lines comes in pieces.
        match (parts.last_mut(), part) {
            (Some(Value::String(before)), Value::String(more)) => before.push_str(&more),
            (_, part) => parts.push(part),
        }
    }
    match parts.as_slice() {
        [Value::String(text)] => text.as_str().into(),
        _ => parts.into(),
    }
}

fn placed(expression: &Expression<String>) -> Value {
    match expression {
        Expression::Inline(
            InlineExpression::StringLiteral { value } | InlineExpression::NumberLiteral { value },
        ) => value.as_str().into(),
        Expression::Inline(inline) => json!({ "is": variable(inline) }),
        Expression::Select { selector, variants } => {
            let named = |key: &VariantKey<String>| match key {
                VariantKey::Identifier { name } => name.clone(),
                VariantKey::NumberLiteral { value } => value.clone(),
            };
            let of: Map<String, Value> =
                variants.iter().map(|one| (named(&one.key), pattern(&one.value))).collect();
            let or = variants.iter().find(|one| one.default).map(|one| named(&one.key));
            json!({ "by": variable(selector), "of": of, "or": or })
        }
    }
}

/// The variable's name; nothing for what browsers are not told.
fn variable(inline: &InlineExpression<String>) -> Option<&str> {
    match inline {
        InlineExpression::VariableReference { id } => Some(&id.name),
        InlineExpression::StringLiteral { .. }
        | InlineExpression::NumberLiteral { .. }
        | InlineExpression::FunctionReference { .. }
        | InlineExpression::MessageReference { .. }
        | InlineExpression::TermReference { .. }
        | InlineExpression::Placeable { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// The names of variables in a saying as browsers get it.
    fn variables(saying: &Value, found: &mut BTreeSet<String>) {
        for name in ["is", "by"] {
            if let Some(variable) = saying.get(name) {
                found.insert(variable.as_str().unwrap_or("what browsers are not told").to_owned());
            }
        }
        match saying {
            Value::Array(parts) => parts.iter().for_each(|part| variables(part, found)),
            Value::Object(members) => members.values().for_each(|part| variables(part, found)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    /// O420: in every language the same keys, with the same variables, of what browsers are told.
    #[test]
    fn every_language_says_the_same_with_the_same_variables() {
        for part in PARTS {
            let said = Language::ALL.map(|language| {
                let file = text(language, part);
                assert!(parser::parse(file.as_str()).is_ok(), "{part} in {}", language.code());
                let said = for_browsers(language, part);
                let said = said.as_object().unwrap().clone();
                let of = |(key, saying): (String, Value)| {
                    let mut found = BTreeSet::new();
                    variables(&saying, &mut found);
                    assert!(!found.contains("what browsers are not told"), "{key}");
                    (key, found)
                };
                said.into_iter().map(of).collect::<Vec<_>>()
            });
            let [english, japanese] = said;
            assert!(!english.is_empty(), "{part}");
            assert_eq!(english, japanese, "{part}");
        }
    }

    #[test]
    fn no_key_is_in_two_parts() {
        let mut seen = BTreeSet::new();
        for part in PARTS {
            for key in for_browsers(Language::English, part).as_object().unwrap().keys() {
                assert!(seen.insert(key.clone()), "{key}");
            }
        }
    }

    #[test]
    fn numbers_choose_their_words_and_foreign_text_is_kept_apart() {
        let said =
            |minutes: i64| say(Language::English, "left-minutes", &[("count", minutes.into())]);
        assert!(said(1).contains("minute left") && said(2).contains("minutes left"), "{}", said(2));
        let asks = say(Language::Japanese, "request-title", &[("name", "Bank".into())]);
        assert!(asks.contains("\u{2068}Bank\u{2069}"), "{asks}");
        assert_eq!(say(Language::English, "no-such-key", &[]), "no-such-key");
    }
}
