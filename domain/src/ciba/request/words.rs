//! What a binding message may be made of (C30, decision 36): text that a person can compare, and that
//! cannot turn round, hide or imitate anything.

use unicode_normalization::{UnicodeNormalization, is_nfc};
use unicode_properties::{GeneralCategory, GeneralCategoryGroup, UnicodeGeneralCategory};
use unicode_script::{Script, UnicodeScript};
use unicode_security::{GeneralSecurityProfile, RestrictionLevel, RestrictionLevelDetection};
use unicode_width::UnicodeWidthStr;

use crate::oauth::refusal::{Reason, Refusal};

/// So many cells of a fixed-width display at most; a Chinese character takes two.
pub(super) const MAX_CELLS: usize = 64;
/// Marks above and below one letter.
const MAX_MARKS: usize = 2;

/// The scripts that a client's `binding_message_scripts` may open, by their code (ISO 15924). `Jpan`
/// and `Kore` are the scripts that Japanese and Korean are written in.
pub(crate) const SCRIPTS: [&str; 28] = [
    "Arab", "Armn", "Beng", "Bopo", "Cyrl", "Deva", "Ethi", "Geor", "Grek", "Gujr", "Guru", "Hang",
    "Hani", "Hebr", "Hira", "Jpan", "Kana", "Khmr", "Knda", "Kore", "Laoo", "Latn", "Mlym", "Mymr",
    "Sinh", "Taml", "Telu", "Thai",
];

/// Refuses a message that is not printable ASCII and of the `opened` scripts, or too long.
pub(super) fn check(message: &str, opened: &[String]) -> Result<(), Refusal> {
    let opened = scripts(opened);
    if let Some(c) = message.chars().find(|&c| !is_allowed(c, &opened)) {
        let code = u32::from(c);
        return Err(bad(format!("binding_message must not contain U+{code:04X}")));
    }
    if !is_nfc(message) {
        return Err(bad("binding_message must be in Unicode's normalization form C".to_owned()));
    }
    if has_piled_marks(message) {
        let text = format!("binding_message must not have more than {MAX_MARKS} marks on a letter");
        return Err(bad(text));
    }
    let is_part = |c: char| c.is_alphanumeric() || is_mark(c);
    let words = message.split(|c| !is_part(c)).filter(|word| !word.is_empty());
    let highest = RestrictionLevel::HighlyRestrictive;
    if words.into_iter().any(|word| !word.check_restriction_level(highest)) {
        return Err(bad("binding_message must not mix scripts within a word".to_owned()));
    }
    if message.width() > MAX_CELLS {
        return Err(bad(format!("binding_message must not exceed {MAX_CELLS} display cells")));
    }
    Ok(())
}

fn bad(text: String) -> Refusal {
    Refusal::because(Reason::BadBindingMessage, text)
}

fn scripts(opened: &[String]) -> Vec<Script> {
    let parts = |code: &String| match code.as_str() {
        "Jpan" => vec![Script::Han, Script::Hiragana, Script::Katakana],
        "Kore" => vec![Script::Hangul, Script::Han],
        one => Script::from_short_name(one).into_iter().collect(),
    };
    opened.iter().flat_map(parts).collect()
}

fn is_mark(c: char) -> bool {
    c.general_category_group() == GeneralCategoryGroup::Mark
}

/// Printable ASCII; and, of the opened scripts, letters, marks and digits, with the punctuation and
/// the currency signs that go with them. What is another way to write a character is not, nor what has no
/// place in names (UTS 39: obsolete letters, variation selectors, enclosing marks).
fn is_allowed(c: char, opened: &[Script]) -> bool {
    if c.is_ascii() {
        return matches!(c, ' '..='~');
    }
    let extension = c.script_extension();
    let is_opened = opened.iter().any(|script| extension.contains_script(*script));
    let belongs = is_opened && !extension.is_common() && !extension.is_inherited();
    let fits = match c.general_category_group() {
        GeneralCategoryGroup::Letter | GeneralCategoryGroup::Number => {
            belongs && c.identifier_allowed()
        }
        GeneralCategoryGroup::Mark => is_opened && c.identifier_allowed(),
        GeneralCategoryGroup::Punctuation => is_opened,
        GeneralCategoryGroup::Symbol => {
            c.general_category() == GeneralCategory::CurrencySymbol && !opened.is_empty()
        }
        GeneralCategoryGroup::Separator | GeneralCategoryGroup::Other => false,
    };
    fits && std::iter::once(c).nfkc().eq(std::iter::once(c))
}

fn has_piled_marks(message: &str) -> bool {
    let mut marks = 0;
    let mut is_bare = true;
    for c in message.chars() {
        if is_mark(c) {
            marks += 1;
            if marks > MAX_MARKS || is_bare {
                return true;
            }
        } else {
            (marks, is_bare) = (0, c == ' ');
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(message: &str, opened: &[&str]) -> String {
        let opened: Vec<String> = opened.iter().map(|&code| code.to_owned()).collect();
        match check(message, &opened) {
            Ok(()) => String::from("ok"),
            Err(refusal) => refusal.description(crate::ciba::profile::Profile::Ciba).into_owned(),
        }
    }

    /// C30: without opened scripts, printable ASCII; each opened script, with what goes with it.
    #[test]
    fn scripts_are_opened_one_by_one() {
        for (message, opened, expected) in [
            ("Pay 20.00 EUR to \"A & B\" (#7)?", &[][..], "ok"),
            ("Caf\u{e9}", &[], "binding_message must not contain U+00E9"),
            ("Caf\u{e9} d'\u{c5}rhus, \u{20ac}20", &["Latn"], "ok"),
            (
                "\u{a5}24,800 \u{3092}\u{66f8}\u{5e97}\u{3078}\u{3001}\u{30ab}\u{30fc}\u{30c9}\u{3067}\u{3002}",
                &["Jpan"],
                "ok",
            ),
            ("\u{a5}24,800 \u{3092}", &["Latn"], "binding_message must not contain U+3092"),
            ("\u{41e}\u{43f}\u{43b}\u{430}\u{442}\u{438}\u{442}\u{44c} 20", &["Cyrl"], "ok"),
            ("\u{bc15} 20", &["Kore"], "ok"),
            ("\u{5d3}\u{5d5}\u{5d0}\u{5e8} 20", &["Hebr"], "ok"),
        ] {
            assert_eq!(told(message, opened), expected, "{message}");
        }
    }

    /// C30, A5: what hides, turns round or imitates is refused whatever is open.
    #[test]
    fn what_deceives_is_refused_in_every_script() {
        let all = &SCRIPTS[..];
        for c in [
            '\u{0}',
            '\n',
            '\t',
            '\u{7f}',
            '\u{85}',
            '\u{a0}',
            '\u{ad}',
            '\u{61c}',
            '\u{200b}',
            '\u{200d}',
            '\u{200e}',
            '\u{202e}',
            '\u{2028}',
            '\u{2066}',
            '\u{feff}',
            '\u{fe0f}',
            '\u{e0041}',
            '\u{e000}',
            '\u{378}',
            '\u{1f600}',
            '\u{2460}',
            '\u{2215}',
            '\u{ff11}',
            '\u{ff2d}',
            '\u{fb01}',
            '\u{20dd}',
            '\u{3000}',
            '\u{2026}',
        ] {
            let expected = format!("binding_message must not contain U+{:04X}", u32::from(c));
            assert_eq!(told(&format!("Pay{c}20"), all), expected);
        }
        assert_eq!(told("p\u{430}ypal", all), "binding_message must not mix scripts within a word");
        assert_eq!(told("\u{440}\u{430}\u{443} Bank", all), "ok");
        assert_eq!(
            told("Cafe\u{301}", all),
            "binding_message must be in Unicode's normalization form C"
        );
        let piled = format!("z{}", "\u{300}".repeat(3));
        let expected = "binding_message must not have more than 2 marks on a letter";
        assert_eq!(
            (told(&piled, all).as_str(), told("\u{300}x", all).as_str()),
            (expected, expected)
        );
    }

    /// C30: 64 cells, of which a wide character takes two.
    #[test]
    fn a_message_has_sixty_four_cells() {
        let too_long = "binding_message must not exceed 64 display cells";
        for (letter, opened, most) in
            [('x', &[][..], 64), ('\u{e9}', &["Latn"][..], 64), ('\u{66f8}', &["Hani"][..], 32)]
        {
            let of = |count: usize| told(&letter.to_string().repeat(count), opened);
            assert_eq!((of(most).as_str(), of(most + 1).as_str()), ("ok", too_long));
        }
    }

    #[test]
    fn every_code_names_a_script() {
        for code in SCRIPTS {
            assert!(!scripts(&[code.to_owned()]).is_empty(), "{code}");
        }
        assert!(SCRIPTS.is_sorted());
    }
}
