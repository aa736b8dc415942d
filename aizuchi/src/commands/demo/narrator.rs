//! The voice of the demo: numbered steps for people, or one JSON document at the end.

use serde_json::{Value, json};

use crate::terminal::{Failed, Terminal, shown};

const BOLD: &str = "\u{1b}[1m";
const DIM: &str = "\u{1b}[2m";
const GREEN: &str = "\u{1b}[32m";
const PLAIN: &str = "\u{1b}[0m";
/// Longer facts are cut: a token fills no screen.
const FACT_CHARS: usize = 110;

/// Tells the steps in their order.
pub(super) struct Narrator<'t> {
    terminal: &'t mut Terminal,
    is_json: bool,
    steps: Vec<Value>,
}

impl<'t> Narrator<'t> {
    /// Begins.
    pub(super) const fn new(terminal: &'t mut Terminal, is_json: bool) -> Self {
        Self { terminal, is_json, steps: Vec::new() }
    }

    /// The title above the steps.
    pub(super) fn title(&mut self, text: &str) -> Result<(), Failed> {
        if self.is_json {
            return Ok(());
        }
        let text = self.coloured(BOLD, text);
        self.terminal.line(&format!("\n{text}\n"))?;
        Ok(())
    }

    /// One thing that happened.
    pub(super) fn step(&mut self, headline: &str, facts: &[(&str, String)]) -> Result<(), Failed> {
        let members: serde_json::Map<String, Value> = facts
            .iter()
            .map(|(name, text)| ((*name).to_owned(), Value::from(text.as_str())))
            .collect();
        self.steps.push(json!({"step": headline, "facts": members}));
        if self.is_json {
            return Ok(());
        }
        let number = self.coloured(GREEN, &format!("{:>2}", self.steps.len()));
        let headline = self.coloured(BOLD, headline);
        self.terminal.line(&format!("{number}  {headline}"))?;
        for (name, text) in facts {
            let fact = shown(&cut(text));
            let name = self.coloured(DIM, &format!("{name:<12}"));
            self.terminal.line(&format!("    {name} {fact}"))?;
        }
        self.terminal.line("")?;
        Ok(())
    }

    /// The last word.
    pub(super) fn end(&mut self) -> Result<(), Failed> {
        if self.is_json {
            let steps = std::mem::take(&mut self.steps);
            self.terminal.json(&json!({"approved": true, "denied": true, "steps": steps}))?;
        } else {
            let done = self.coloured(GREEN, "All of it happened, over HTTPS on this machine.");
            self.terminal.line(&done)?;
            self.terminal
                .line("Next: `aizuchi dev` keeps such a server running for your own client.")?;
        }
        Ok(())
    }

    fn coloured(&self, colour: &str, text: &str) -> String {
        if self.terminal.colours() { format!("{colour}{text}{PLAIN}") } else { text.to_owned() }
    }
}

fn cut(text: &str) -> String {
    if text.chars().count() <= FACT_CHARS {
        return text.to_owned();
    }
    let start: String = text.chars().take(FACT_CHARS - 1).collect();
    format!("{start}…")
}
