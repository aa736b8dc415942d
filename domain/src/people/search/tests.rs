//! The syntax, and what is refused where.

use proptest::prelude::*;

use super::*;
use crate::Timestamp;

fn is(field: Field, test: Test) -> Query {
    Query::Is(field, test)
}

fn equals(field: Field, value: &str) -> Query {
    is(field, Test::Equals(value.to_owned()))
}

fn lit(text: &str) -> Piece {
    Piece::Literal(text.to_owned())
}

fn refusal(text: &str) -> (usize, String) {
    let refused = parse(text).unwrap_err();
    (refused.at, refused.what)
}

fn ms(text: &str) -> Timestamp {
    let at: jiff::Timestamp = text.parse().unwrap();
    Timestamp::from_ms(at.as_millisecond())
}

#[test]
fn case_is_folded_for_names_and_addresses_only() {
    assert_eq!(
        parse("email:\"Alice@Example.com\"").unwrap(),
        equals(Field::Folded("email"), "alice@example.com")
    );
    assert_eq!(parse("given_name:ALICE").unwrap(), equals(Field::Folded("given_name"), "alice"));
    assert_eq!(parse("user_id:auth0|AbC").unwrap(), equals(Field::UserId, "auth0|AbC"));
    assert_eq!(parse("username:Alice").unwrap(), equals(Field::Member("username"), "Alice"));
}

#[test]
fn nested_fields_are_understood() {
    assert_eq!(
        parse("user_metadata.team.name:\"a\"").unwrap(),
        equals(Field::Metadata(Root::User, vec!["team".into(), "name".into()]), "a")
    );
    assert_eq!(
        parse("app_metadata.plan:x").unwrap(),
        equals(Field::Metadata(Root::App, vec!["plan".into()]), "x")
    );
    assert_eq!(
        parse("identities.connection:\"db\"").unwrap(),
        equals(Field::Identity(Identified::Connection), "db")
    );
    assert_eq!(parse("email.domain:\"e.x\"").unwrap(), equals(Field::EmailDomain, "e.x"));
}

#[test]
fn not_binds_before_and_before_or() {
    let a = || equals(Field::Folded("name"), "a");
    let b = || equals(Field::Folded("name"), "b");
    let c = || equals(Field::Folded("name"), "c");
    let and = |l, r| Query::And(Box::new(l), Box::new(r));
    let or = |l, r| Query::Or(Box::new(l), Box::new(r));
    let not = |q| Query::Not(Box::new(q));
    let cases = [
        ("name:a OR name:b AND name:c", or(a(), and(b(), c()))),
        ("name:a AND name:b OR name:c", or(and(a(), b()), c())),
        ("(name:a OR name:b) AND name:c", and(or(a(), b()), c())),
        ("NOT name:a AND name:b", and(not(a()), b())),
        ("NOT (name:a AND name:b)", not(and(a(), b()))),
        ("name:a && !name:b || name:c", or(and(a(), not(b())), c())),
        ("name:(a OR \"B\") AND name:c", and(or(a(), b()), c())),
        ("name:a OR name:b OR name:c", or(or(a(), b()), c())),
    ];
    for (text, tree) in cases {
        assert_eq!(parse(text).unwrap(), tree, "{text}");
    }
}

#[test]
fn existence_is_asked_by_its_own_field_or_a_lone_star() {
    let exists = is(Field::Folded("nickname"), Test::Exists);
    assert_eq!(parse("_exists_:nickname").unwrap(), exists);
    assert_eq!(parse("nickname:*").unwrap(), exists);
    assert_eq!(parse("NOT _exists_:nickname").unwrap(), Query::Not(Box::new(exists)));
    let metadata = is(Field::Metadata(Root::User, vec![]), Test::Exists);
    assert_eq!(parse("_exists_:user_metadata").unwrap(), metadata);
}

#[test]
fn a_range_of_dates_takes_a_day_as_a_whole() {
    let during = |from, before| is(Field::CreatedAt, Test::During(Span { from, before }));
    assert_eq!(
        parse("created_at:[2026-01-01 TO 2026-02-01}").unwrap(),
        during(Some(ms("2026-01-01T00:00:00Z")), Some(ms("2026-02-01T00:00:00Z")))
    );
    assert_eq!(
        parse("created_at:{2026-01-01 TO 2026-02-01]").unwrap(),
        during(Some(ms("2026-01-02T00:00:00Z")), Some(ms("2026-02-02T00:00:00Z")))
    );
    assert_eq!(
        parse("created_at:[* TO 2026-02-01T10:20:30.5Z]").unwrap(),
        during(None, Some(ms("2026-02-01T10:20:30.501Z")))
    );
    assert_eq!(
        parse("created_at:[2026-02-01T10:20:30+09:00 TO *]").unwrap(),
        during(Some(ms("2026-02-01T01:20:30Z")), None)
    );
    assert_eq!(
        parse("created_at:2026-02").unwrap(),
        during(Some(ms("2026-02-01T00:00:00Z")), Some(ms("2026-03-01T00:00:00Z")))
    );
    assert_eq!(
        parse("created_at:\"2026\"").unwrap(),
        during(Some(ms("2026-01-01T00:00:00Z")), Some(ms("2027-01-01T00:00:00Z")))
    );
}

#[test]
fn other_ranges_compare_text_or_numbers() {
    let end = |value: &str, is_included| Some(End { value: value.to_owned(), is_included });
    assert_eq!(
        parse("logins_count:{10 TO 20]").unwrap(),
        is(Field::Member("logins_count"), Test::Between(end("10", false), end("20", true)))
    );
    assert_eq!(end("-1.5", true).unwrap().number(), Some(-1.5));
    assert_eq!(end("abc", true).unwrap().number(), None);
    assert_eq!(end("nan", true).unwrap().number(), None);
}

#[test]
fn wildcards_stand_before_after_and_around() {
    let like = |pieces: &[Piece]| is(Field::Folded("name"), Test::Like(pieces.to_vec()));
    assert_eq!(parse("name:Test*").unwrap(), like(&[lit("test"), Piece::Anything]));
    assert_eq!(
        parse("name:*example*").unwrap(),
        like(&[Piece::Anything, lit("example"), Piece::Anything])
    );
    assert_eq!(parse("name:*abc").unwrap(), like(&[Piece::Anything, lit("abc")]));
    assert_eq!(parse("name:\"a*\"").unwrap(), equals(Field::Folded("name"), "a*"));
    assert_eq!(parse(r"name:a\*b").unwrap(), equals(Field::Folded("name"), "a*b"));
}

#[test]
fn what_is_not_understood_is_refused_at_its_character() {
    let cases = [
        ("alice", 1, "needs a field"),
        ("\"alice\"", 1, "needs a field"),
        ("name:a alice", 8, "AND or OR"),
        ("name:a name:b", 8, "AND or OR"),
        ("name:", 6, "a value"),
        ("name:\"alice", 6, "closing quotation mark"),
        ("(name:a", 1, "never closed"),
        ("name:a)", 7, "never opened"),
        ("name:a AND", 11, "a condition"),
        ("AND name:a", 1, "a condition"),
        ("", 1, "a condition"),
        ("shoe_size:9", 1, "no field shoe_size"),
        ("näme:a OR nme:b", 1, "no field näme"),
        ("name:ä OR nme:b", 11, "no field nme"),
        ("name:*ab", 6, "3 literal"),
        ("name:a*b*c*d*e*f", 15, "at most 4 wildcards"),
        ("name:a?", 7, "? is not supported"),
        ("name:a~2", 7, "~ is not supported"),
        ("name:a^2", 7, "^ is not supported"),
        ("user_metadata.x:a*", 17, "by wildcard"),
        ("user_metadata.x:[1 TO 2]", 17, "by range"),
        ("user_metadata..x:a", 1, "a path has letters"),
        ("user_metadata.a'b:a", 1, "a path has letters"),
        ("created_at:yesterday", 12, "yesterday is no date"),
        ("created_at:[2026-13-01 TO *]", 12, "2026-13-01 is no date"),
        ("created_at:2026*", 12, "by wildcard"),
        ("created_at:[2026-01-01 2026-02-01]", 24, "[from TO to]"),
        ("created_at:[2026-01-01 TO 2026-02-01", 12, "is missing"),
        ("name:(a OR name:b)", 16, "inside a field's brackets"),
        ("name:a & name:b", 8, "single &"),
        ("name:a\\", 7, "backslash"),
        ("_exists_:", 10, "field's name"),
        ("_exists_:shoe", 10, "no field shoe"),
        ("-name:a", 1, "no field -name"),
    ];
    for (text, at, what) in cases {
        let (found_at, found) = refusal(text);
        assert_eq!(found_at, at, "{text}: {found}");
        assert!(found.contains(what), "{text}: {found}");
    }
}

#[test]
fn a_refusal_says_the_character_in_its_sentence() {
    let text = parse("alice").unwrap_err().to_string();
    assert!(text.starts_with("The query is not understood at character 1: "), "{text}");
}

#[test]
fn length_conditions_and_depth_have_limits() {
    assert!(refusal(&format!("name:{}", "a".repeat(QUERY_LIMIT))).1.contains("characters"));
    let many = vec!["name:a"; CONDITION_LIMIT.saturating_add(1)].join(" OR ");
    assert!(refusal(&many).1.contains("conditions"));
    let enough = vec!["name:a"; CONDITION_LIMIT].join(" OR ");
    assert!(parse(&enough).is_ok());
    assert!(refusal(&"(".repeat(1000)).1.contains("nest"));
    assert!(refusal(&"NOT ".repeat(1000)).1.contains("nest"));
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in ".{0,200}") {
        drop(parse(&text));
    }

    #[test]
    fn no_mix_of_its_own_words_makes_it_panic(words in prop::collection::vec(
        prop::sample::select(vec![
            "name", ":", "a*", "*", "\"", "(", ")", "[", "]", "{", "}", " TO ", " AND ", " OR ",
            "NOT ", "_exists_", "user_metadata.x", "created_at", "2026-01-01", "\\", "é", "-", "~",
        ]), 0..40))
    {
        drop(parse(&words.concat()));
    }

    #[test]
    fn any_phrase_is_found_again_as_it_was(value in "[^\"\\\\]{1,40}") {
        let query = parse(&format!("username:\"{value}\"")).unwrap();
        prop_assert_eq!(query, equals(Field::Member("username"), &value));
    }

    #[test]
    fn a_refusal_points_into_the_text_or_just_behind_it(text in ".{0,60}") {
        if let Err(refused) = parse(&text) {
            prop_assert!(refused.at >= 1 && refused.at <= text.chars().count().saturating_add(1));
        }
    }
}
