//! Where a command writes, what its failures look like, and its exit codes.

use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use serde_json::Value;

/// The command did what it was asked to do.
pub(crate) const DONE: u8 = 0;
/// It could not.
pub(crate) const FAILED: u8 = 1;
/// The command line itself is wrong (decision 33).
pub(crate) const WRONG_USAGE: u8 = 64;

/// Why a command stops: one sentence that says what to do next, and the exit code.
#[derive(Debug)]
pub(crate) struct Failed {
    sentence: String,
    code: u8,
}

impl Failed {
    /// The command was understood but cannot be done.
    pub(crate) fn because(sentence: impl Into<String>) -> Self {
        Self { sentence: sentence.into(), code: FAILED }
    }

    /// The command line asks for something that makes no sense.
    pub(crate) fn usage(sentence: impl Into<String>) -> Self {
        Self { sentence: sentence.into(), code: WRONG_USAGE }
    }

    /// The same with another code, unless the command line was at fault.
    pub(crate) fn with_code(self, code: u8) -> Self {
        let code = if self.code == WRONG_USAGE { WRONG_USAGE } else { code };
        Self { code, ..self }
    }

    /// The exit code.
    pub(crate) const fn code(&self) -> u8 {
        self.code
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence)
    }
}

impl From<io::Error> for Failed {
    fn from(error: io::Error) -> Self {
        Self::because(format!("the output cannot be written: {error}"))
    }
}

/// What a command returns.
pub(crate) type Outcome = Result<ExitCode, Failed>;

/// Standard output and standard error, or what stands in for them.
pub(crate) struct Terminal {
    out: Box<dyn Write + Send + Sync>,
    err: Box<dyn Write + Send + Sync>,
    colours: bool,
    is_elsewhere: bool,
}

impl Terminal {
    /// The process's own.
    pub(crate) fn standard() -> Self {
        Self {
            out: Box::new(io::stdout()),
            err: Box::new(io::stderr()),
            colours: io::stdout().is_terminal(),
            is_elsewhere: false,
        }
    }

    /// Whether a person sits in front of it, who can be shown a screen and press keys.
    pub(crate) fn is_for_people(&self) -> bool {
        self.colours && io::stdin().is_terminal()
    }

    /// Shows these lines and nothing else.
    pub(crate) fn screen(&mut self, lines: &[String]) -> io::Result<()> {
        // Home, clear; lines begin at the left in every mode of a terminal.
        write!(self.out, "\x1b[H\x1b[J{}", lines.join("\r\n"))?;
        self.out.flush()
    }

    /// Turns to a screen of its own, or back to what was there before.
    pub(crate) fn other_screen(&mut self, is_on: bool) -> io::Result<()> {
        if is_on == self.is_elsewhere {
            return Ok(());
        }
        self.is_elsewhere = is_on;
        self.out.write_all(if is_on { b"\x1b[?1049h" } else { b"\x1b[?1049l" })?;
        self.out.flush()
    }

    /// Whether colours will be seen as such.
    pub(crate) const fn colours(&self) -> bool {
        self.colours
    }

    /// One line of the answer.
    pub(crate) fn line(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.out, "{text}")?;
        self.out.flush()
    }

    /// The answer as one JSON document on one line.
    pub(crate) fn json(&mut self, document: &Value) -> io::Result<()> {
        self.line(&document.to_string())
    }

    /// One line for the person, beside the answer.
    pub(crate) fn note(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.err, "{text}")
    }
}

/// Text that came from elsewhere, made safe to show: no control character reaches the terminal.
pub(crate) fn shown(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut safe, letter| {
        if letter.is_control() || is_direction_mark(letter) {
            safe.extend(letter.escape_unicode());
        } else {
            safe.push(letter);
        }
        safe
    })
}

/// Marks that turn the reading direction around and so show a text as another one.
const fn is_direction_mark(letter: char) -> bool {
    matches!(letter, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::{FAILED, Failed, WRONG_USAGE, shown};

    #[test]
    fn a_text_from_elsewhere_cannot_steer_the_terminal() {
        assert_eq!(shown("Pay 20\u{1b}[2K EUR\n"), "Pay 20\\u{1b}[2K EUR\\u{a}");
        assert_eq!(shown("Zahlung ü 21-49"), "Zahlung ü 21-49");
        assert_eq!(shown("\u{202e}001"), "\\u{202e}001");
    }

    #[test]
    fn wrong_usage_keeps_its_code() {
        assert_eq!(Failed::because("no").with_code(3).code(), 3);
        assert_eq!(Failed::usage("no").with_code(3).code(), WRONG_USAGE);
        assert_eq!(Failed::because("no").code(), FAILED);
    }
}
