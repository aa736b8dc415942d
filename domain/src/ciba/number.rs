//! The number of a request that only the asking side shows, and how the person enters it (C57, D17).

use serde_json::{Value, json};

/// Numbers there are: all of two digits.
const NUMBERS: u64 = 100;
/// Numbers that a person chooses from.
const CHOICES: u64 = 3;

/// How a person enters the number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// By typing it.
    Type,
    /// By picking it out of three.
    Choose,
}

impl Style {
    /// The style of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "type" => Some(Self::Type),
            "choose" => Some(Self::Choose),
            _ => None,
        }
    }
}

/// The number of one request. Devices are told what they show, never which is right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Number {
    /// The two digits that the asking side shows.
    pub code: String,
    /// What the person picks from, in the order that is shown; empty where the number is typed.
    pub choices: Vec<String>,
}

impl Number {
    /// Draws a number. Of the choices each is as likely the right one, wherever it stands.
    pub fn drawn(style: Style, random: u64) -> Self {
        let (mut left, mut random) = ((0..NUMBERS).collect::<Vec<_>>(), random);
        let mut draw = |among: u64| {
            let drawn = random % among;
            random /= among;
            usize::try_from(drawn).unwrap_or_default()
        };
        let which = draw(CHOICES);
        let mut numbers = Vec::new();
        for count in 0..CHOICES {
            numbers.push(left.remove(draw(NUMBERS - count)));
        }
        let texts: Vec<String> = numbers.iter().map(|number| format!("{number:02}")).collect();
        let code = texts.get(which).cloned().unwrap_or_default();
        let choices = match style {
            Style::Type => Vec::new(),
            Style::Choose => texts,
        };
        Self { code, choices }
    }

    /// How it is entered.
    pub const fn style(&self) -> Style {
        if self.choices.is_empty() { Style::Type } else { Style::Choose }
    }

    /// What a device is told of it: how it is entered, not which it is.
    pub fn asked(&self) -> Value {
        match self.style() {
            Style::Type => json!({ "style": "type" }),
            Style::Choose => json!({ "style": "choose", "numbers": self.choices }),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{Number, Style};

    #[test]
    fn a_number_that_is_typed_has_two_digits_and_no_choices() {
        for random in [0, 1, 99, 12_345, u64::MAX] {
            let number = Number::drawn(Style::Type, random);
            assert!(number.code.len() == 2 && number.code.parse::<u8>().is_ok(), "{number:?}");
            assert_eq!((number.choices.len(), number.style()), (0, Style::Type));
            assert!(!number.asked().to_string().contains(&number.code));
        }
    }

    /// Three different ones, and the right one stands in each place alike.
    #[test]
    fn numbers_to_choose_from_do_not_tell_the_right_one() {
        let mut places = [0_u32; 3];
        for random in 0..30_000_u64 {
            // Spread as random numbers are.
            let random = random.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let number = Number::drawn(Style::Choose, random);
            assert_eq!(number.choices.iter().collect::<BTreeSet<_>>().len(), 3, "{number:?}");
            let place = number.choices.iter().position(|choice| *choice == number.code).unwrap();
            places[place] += 1;
        }
        assert!(places.iter().all(|count| (9_500..10_500).contains(count)), "{places:?}");
    }
}
