//! `aizuchi phone watch` on a terminal, in our own dialect: an inbox that is drawn anew as things
//! happen, with keys to answer.
//!
//! What is shown and what a key means is `Inbox`, which does no I/O.

use std::io::{Read, stdin};

use device_protocol::guardian::resolve::Decision;
use domain::Timestamp;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use tokio::sync::mpsc;

use super::Session;
use crate::commands::{now, pause};
use crate::phone::{Answered, Consent, Device, Push};
use crate::terminal::{Failed, shown};

/// The screen is drawn at least so often: the time left runs.
const DRAW_EVERY_MS: u64 = 1000;
/// A stream that ended is opened again after this long.
const REOPEN_AFTER_MS: u64 = 2000;
/// Keys and events that wait to be looked at.
const QUEUE: usize = 64;
/// Whoever is about to press a key when another request takes the place has not read that one.
const UNREAD_MS: i64 = 500;
/// Requests that are listed; more are counted.
const LISTED: usize = 8;
/// Digits of a number.
const DIGITS: usize = 2;

/// Something to look at.
enum Event {
    Key(Key),
    /// The inbox may have changed.
    Changed,
    /// The server cannot be reached, and why.
    Lost(String),
}

/// A key that means something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Key {
    Letter(char),
    Up,
    Down,
    Enter,
    Back,
    Escape,
}

/// What a person wants.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Wish {
    Approve(Option<String>),
    Deny,
    Report,
    Quit,
}

struct Item {
    push: Push,
    consent: Consent,
}

impl Item {
    fn id(&self) -> &str {
        &self.push.consent_id
    }

    fn headline(&self) -> String {
        let asker = shown(self.consent.asker(&self.push));
        match self.consent.message() {
            "" => asker,
            message => format!("{asker}: {}", shown(message)),
        }
    }

    fn left(&self, now: Timestamp) -> String {
        let ends_at = Timestamp::from_iso(self.consent.ends_at());
        let left_s = ends_at.map_or(0, |at| at.ms_since(now).max(0) / 1000);
        format!("{}:{:02} left", left_s / 60, left_s % 60)
    }
}

/// The requests that wait, oldest first, and the one that is shown.
#[derive(Default)]
struct Inbox {
    items: Vec<Item>,
    chosen: Option<String>,
    chosen_at: Option<Timestamp>,
    /// The digits of a number so far, while one is entered.
    entry: Option<String>,
    notice: String,
    done: Vec<String>,
}

impl Inbox {
    /// Takes what waits now. The request that is shown stays, as long as it is there.
    fn takes(&mut self, items: Vec<Item>, now: Timestamp) {
        self.items = items;
        let is_there = |id: &String| self.items.iter().any(|item| item.id() == id);
        if self.chosen.as_ref().is_some_and(is_there) {
            return;
        }
        if self.chosen.is_some() && self.notice.is_empty() {
            self.notice = String::from("that request is over, or was answered elsewhere");
        }
        self.chosen = self.items.first().map(|item| item.id().to_owned());
        (self.chosen_at, self.entry) = (Some(now), None);
    }

    fn chosen(&self) -> Option<(usize, &Item)> {
        let id = self.chosen.as_deref()?;
        self.items.iter().enumerate().find(|(_, item)| item.id() == id)
    }

    fn moves(&mut self, step: isize, now: Timestamp) {
        let Some((place, _)) = self.chosen() else { return };
        let next = place.checked_add_signed(step).and_then(|next| self.items.get(next));
        if let Some(next) = next {
            (self.chosen, self.chosen_at) = (Some(next.id().to_owned()), Some(now));
            self.entry = None;
        }
    }

    /// What a key means here and now.
    fn pressed(&mut self, key: Key, now: Timestamp) -> Option<Wish> {
        match key {
            Key::Letter('q') => return Some(Wish::Quit),
            Key::Up | Key::Letter('k') => self.moves(-1, now),
            Key::Down | Key::Letter('j') => self.moves(1, now),
            Key::Letter(_) | Key::Enter | Key::Back | Key::Escape => {
                let is_unread = self.chosen_at.is_some_and(|at| now.ms_since(at) < UNREAD_MS);
                return if is_unread { None } else { self.answered(key) };
            }
        }
        None
    }

    fn answered(&mut self, key: Key) -> Option<Wish> {
        let (_, item) = self.chosen()?;
        let number = item.consent.number();
        self.notice.clear();
        match (key, &mut self.entry) {
            (Key::Letter(digit), Some(entry)) if digit.is_ascii_digit() => {
                if let Some(choices) = number.filter(|choices| !choices.is_empty()) {
                    // A choice is named by its place.
                    let place = digit.to_digit(10).and_then(|place| place.checked_sub(1));
                    let place = place.and_then(|place| usize::try_from(place).ok());
                    let choice = place.and_then(|place| choices.get(place)).cloned()?;
                    self.entry = None;
                    return Some(Wish::Approve(Some(choice)));
                }
                if entry.len() < DIGITS {
                    entry.push(digit);
                }
                None
            }
            (Key::Enter, Some(entry)) if entry.len() == DIGITS => {
                Some(Wish::Approve(self.entry.take()))
            }
            (Key::Back, Some(entry)) => {
                entry.pop();
                None
            }
            (Key::Escape, Some(_)) => {
                self.entry = None;
                None
            }
            (Key::Letter('a'), None) if number.is_some() => {
                self.entry = Some(String::new());
                None
            }
            (Key::Letter('a'), None) => Some(Wish::Approve(None)),
            (Key::Letter('d'), _) => Some(Wish::Deny),
            (Key::Letter('w'), _) => Some(Wish::Report),
            (Key::Letter(_) | Key::Enter | Key::Back | Key::Escape | Key::Up | Key::Down, _) => {
                None
            }
        }
    }

    /// The whole screen.
    fn lines(&self, whose: &str, now: Timestamp) -> Vec<String> {
        let waiting = match self.items.len() {
            0 => String::from("nothing waits"),
            1 => String::from("1 request waits"),
            count => format!("{count} requests wait"),
        };
        let mut lines = vec![format!("{}, {waiting}", shown(whose)), String::new()];
        for item in self.items.iter().take(LISTED) {
            let mark = if self.chosen.as_deref() == Some(item.id()) { ">" } else { " " };
            lines.push(format!("{mark} {}  ({})", item.headline(), item.left(now)));
        }
        if self.items.len() > LISTED {
            lines.push(format!("  and {} more", self.items.len() - LISTED));
        }
        if let Some((_, item)) = self.chosen() {
            lines.push(String::new());
            lines.extend(item.consent.lines(item.consent.asker(&item.push)));
            lines.extend([String::new(), self.prompt(item)]);
        }
        if !self.notice.is_empty() {
            lines.extend([String::new(), shown(&self.notice)]);
        }
        let shown_done = self.done.iter().rev().take(LISTED);
        if !self.done.is_empty() {
            lines.extend([String::new(), String::from("answered:")]);
            lines.extend(shown_done.map(|line| format!("  {line}")));
        }
        lines.extend([String::new(), String::from("arrows choose a request, q ends")]);
        lines
    }

    fn prompt(&self, item: &Item) -> String {
        let choices = item.consent.number().unwrap_or_default();
        match &self.entry {
            Some(_) if !choices.is_empty() => {
                let choices =
                    (1..).zip(&choices).map(|(place, n)| format!("{place} for {}", shown(n)));
                let choices = choices.collect::<Vec<_>>().join(", ");
                format!("the number on the other screen: press {choices}; escape goes back")
            }
            Some(entry) => {
                format!(
                    "the number on the other screen: {entry:_<DIGITS$}  (enter approves, escape goes back)"
                )
            }
            None => String::from("a approve    d deny    w this wasn't me"),
        }
    }
}

/// Shows the inbox until the person has enough of it.
pub(super) async fn run(session: &mut Session<'_>, mut device: Device) -> Result<(), Failed> {
    let whose = device
        .enrollment()
        .map(|enrolled| format!("{} at {}", enrolled.user_id, enrolled.issuer))?;
    let (sender, mut events) = mpsc::channel(QUEUE);
    let listening = tokio::spawn(listen(session.device()?, sender.clone()));
    read_keys(sender);
    let raw = Raw::begin()?;
    session.terminal.other_screen(true)?;
    let mut inbox = Inbox::default();
    let ended = watch(session, &mut device, (&mut inbox, &whose, &mut events)).await;
    listening.abort();
    session.terminal.other_screen(false)?;
    drop(raw);
    for line in &inbox.done {
        session.terminal.line(line)?;
    }
    ended
}

async fn watch(
    session: &mut Session<'_>,
    device: &mut Device,
    (inbox, whose, events): (&mut Inbox, &str, &mut mpsc::Receiver<Event>),
) -> Result<(), Failed> {
    look(device, inbox).await;
    loop {
        session.terminal.screen(&inbox.lines(whose, now()))?;
        let event = tokio::select! {
            event = events.recv() => event,
            () = pause(DRAW_EVERY_MS) => continue,
        };
        let wish = match event {
            None => return Ok(()),
            Some(Event::Lost(why)) => {
                inbox.notice = why;
                None
            }
            Some(Event::Changed) => {
                look(device, inbox).await;
                None
            }
            Some(Event::Key(key)) => inbox.pressed(key, now()),
        };
        match wish {
            None => {}
            Some(Wish::Quit) => return Ok(()),
            Some(wish) => {
                answer(session, device, (inbox, &wish)).await?;
                look(device, inbox).await;
            }
        }
    }
}

/// Reads what waits; trouble is shown, and the next event tries again. A request that cannot be
/// read stands in no other's way.
async fn look(device: &Device, inbox: &mut Inbox) {
    let pushes = match device.pushes(now()).await {
        Ok(pushes) => pushes,
        Err(failed) => {
            inbox.notice = failed.to_string();
            return;
        }
    };
    let mut items = Vec::new();
    for push in pushes.into_iter().rev() {
        match device.open_consent(&push, now()).await {
            Ok(Some(consent)) => items.push(Item { push, consent }),
            Ok(None) => {}
            Err(failed) => inbox.notice = failed.to_string(),
        }
    }
    inbox.takes(items, now());
}

/// Signs and sends an answer. What the server refuses is shown; a file that cannot be written ends it.
async fn answer(
    session: &mut Session<'_>,
    device: &mut Device,
    (inbox, wish): (&mut Inbox, &Wish),
) -> Result<(), Failed> {
    let Some((_, item)) = inbox.chosen() else { return Ok(()) };
    let (decision, number, word) = match wish {
        Wish::Approve(number) => (Decision::Accepted, number.as_deref(), "approved"),
        Wish::Deny => (Decision::Rejected { reason: None }, None, "denied"),
        Wish::Report => (Decision::Rejected { reason: Some("hack") }, None, "denied and reported"),
        Wish::Quit => return Ok(()),
    };
    let (push, done) = (item.push.clone(), format!("{word}  {}  {}", item.id(), item.headline()));
    match device.answer(&push, (decision, number), now()).await {
        Ok(Answered::Counts) => {
            session.file.write(device.state())?;
            inbox.done.push(done);
            inbox.notice =
                format!("{word}; `aizuchi phone receipt {}` has the proof", push.consent_id);
        }
        Ok(Answered::WrongNumber(why)) => inbox.notice = why,
        Ok(Answered::TooLate(why)) | Err(why) => inbox.notice = why.to_string(),
    }
    Ok(())
}

/// Tells of every change, and opens the stream again when it ends.
async fn listen(device: Device, sender: mpsc::Sender<Event>) {
    loop {
        match device.events(now()).await {
            Ok(mut events) => {
                while events.next().await {
                    if sender.send(Event::Changed).await.is_err() {
                        return;
                    }
                }
            }
            Err(failed) => {
                if sender.send(Event::Lost(failed.to_string())).await.is_err() {
                    return;
                }
            }
        }
        pause(REOPEN_AFTER_MS).await;
        if sender.send(Event::Changed).await.is_err() {
            return;
        }
    }
}

/// Reads keys on a thread of its own, which nobody waits for at the end.
fn read_keys(sender: mpsc::Sender<Event>) {
    let _detached = std::thread::spawn(move || {
        let mut bytes = [0_u8; 16];
        while let Ok(count @ 1..) = stdin().read(&mut bytes) {
            for key in keys(bytes.get(..count).unwrap_or_default()) {
                if sender.blocking_send(Event::Key(key)).is_err() {
                    return;
                }
            }
        }
    });
}

/// The keys in what a terminal sent at once.
fn keys(bytes: &[u8]) -> Vec<Key> {
    match bytes {
        b"\x1b[A" | b"\x1bOA" => return vec![Key::Up],
        b"\x1b[B" | b"\x1bOB" => return vec![Key::Down],
        b"\x1b" => return vec![Key::Escape],
        _ if bytes.first() == Some(&0x1b) => return Vec::new(),
        _ => {}
    }
    let key = |byte: &u8| match byte {
        b'\r' | b'\n' => Some(Key::Enter),
        0x7f | 0x08 => Some(Key::Back),
        b'a'..=b'z' | b'0'..=b'9' => Some(Key::Letter(char::from(*byte))),
        _ => None,
    };
    bytes.iter().filter_map(key).collect()
}

/// A terminal that gives each key at once and shows none; as it was before when dropped.
struct Raw(Termios);

impl Raw {
    fn begin() -> Result<Self, Failed> {
        let wrong = |error| Failed::because(format!("the terminal cannot be used: {error}"));
        let before = tcgetattr(stdin()).map_err(wrong)?;
        let mut raw = before.clone();
        raw.local_modes &= !(LocalModes::ICANON | LocalModes::ECHO);
        tcsetattr(stdin(), OptionalActions::Now, &raw).map_err(wrong)?;
        Ok(Self(before))
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        // Nobody is left to tell if the terminal is gone.
        let _gone = tcsetattr(stdin(), OptionalActions::Now, &self.0);
    }
}

#[cfg(test)]
mod tests {
    use domain::Timestamp;
    use serde_json::{Value, json};

    use super::{Inbox, Item, Key, Wish, keys};
    use crate::phone::{Consent, Push};

    const LATER: Timestamp = Timestamp::from_ms(10_000);

    fn item(id: &str, number: &Value) -> Item {
        let push = Push {
            consent_id: id.into(),
            device_id: "dev_1".into(),
            transaction_token: String::new(),
            challenge: String::new(),
            began: String::new(),
            asker: "Bank".into(),
        };
        let consent = json!({
            "id": id, "expires_at": "1970-01-01T00:01:15.000Z",
            "requested_details": { "binding_message": format!("Pay {id}"), "match": number },
        });
        Item { push, consent: Consent(consent) }
    }

    fn inbox(items: Vec<Item>) -> Inbox {
        let mut inbox = Inbox::default();
        inbox.takes(items, Timestamp::from_ms(0));
        inbox
    }

    fn press(inbox: &mut Inbox, text: &[u8]) -> Vec<Wish> {
        keys(text).into_iter().filter_map(|key| inbox.pressed(key, LATER)).collect()
    }

    #[test]
    fn a_key_answers_the_request_that_is_shown() {
        for (key, wish) in [
            (b"a", Wish::Approve(None)),
            (b"d", Wish::Deny),
            (b"w", Wish::Report),
            (b"q", Wish::Quit),
        ] {
            assert_eq!(press(&mut inbox(vec![item("cns_1", &Value::Null)]), key), [wish]);
        }
        assert_eq!(press(&mut inbox(Vec::new()), b"adw"), []);
        let screen = inbox(vec![item("cns_1", &Value::Null)]).lines("alice", LATER).join("\n");
        assert!(screen.contains("Bank: Pay cns_1  (1:05 left)"), "{screen}");
    }

    /// Nobody has read what came under their finger a moment ago.
    #[test]
    fn a_request_that_took_the_place_is_not_answered_by_the_key_for_the_other() {
        let mut inbox = inbox(vec![item("cns_1", &Value::Null), item("cns_2", &Value::Null)]);
        inbox.takes(vec![item("cns_2", &Value::Null)], LATER);
        assert_eq!(inbox.pressed(Key::Letter('a'), LATER.plus_ms(499)), None);
        assert_eq!(inbox.pressed(Key::Letter('a'), LATER.plus_ms(500)), Some(Wish::Approve(None)));
        // A newer one comes below, and the one that is shown stays.
        inbox.takes(vec![item("cns_2", &Value::Null), item("cns_3", &Value::Null)], LATER);
        assert_eq!(inbox.chosen().unwrap().1.id(), "cns_2");
        assert_eq!(press(&mut inbox, b"\x1b[B"), []);
        assert_eq!(inbox.chosen().unwrap().1.id(), "cns_3");
        assert_eq!(press(&mut inbox, b"\x1b[A"), []);
        assert_eq!(inbox.chosen().unwrap().1.id(), "cns_2");
    }

    #[test]
    fn a_number_is_typed_digit_by_digit() {
        let typed = || inbox(vec![item("cns_1", &json!({ "style": "type" }))]);
        assert_eq!(press(&mut typed(), b"a42\r"), [Wish::Approve(Some("42".into()))]);
        assert_eq!(press(&mut typed(), b"a4\x7f07\r"), [Wish::Approve(Some("07".into()))]);
        assert_eq!(press(&mut typed(), b"a4\r"), [], "one digit is not enough");
        let mut back = typed();
        assert_eq!(press(&mut back, b"a4"), []);
        assert!(back.lines("alice", LATER).join("\n").contains("4_"));
        assert_eq!(press(&mut back, b"\x1b"), []);
        assert_eq!(press(&mut back, b"d"), [Wish::Deny]);
    }

    #[test]
    fn a_number_is_chosen_by_its_place() {
        let number = json!({ "style": "choose", "numbers": ["07", "13", "40"] });
        let mut inbox = inbox(vec![item("cns_1", &number)]);
        assert_eq!(press(&mut inbox, b"a"), []);
        let screen = inbox.lines("alice", LATER).join("\n");
        assert!(screen.contains("1 for 07, 2 for 13, 3 for 40"), "{screen}");
        assert_eq!(press(&mut inbox, b"904"), []);
        assert_eq!(press(&mut inbox, b"2"), [Wish::Approve(Some("13".into()))]);
    }

    /// What a client wrote cannot steer the terminal.
    #[test]
    fn a_request_is_shown_without_its_control_characters() {
        let mut item = item("cns_1", &Value::Null);
        item.consent.0["requested_details"]["binding_message"] = "Pay\u{1b}[2J\u{202e}".into();
        let screen = inbox(vec![item]).lines("alice\u{7}", LATER).join("\n");
        assert!(!screen.contains(['\u{1b}', '\u{202e}', '\u{7}']), "{screen}");
    }
}
