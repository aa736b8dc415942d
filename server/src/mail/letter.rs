//! What people read: plain text in their language.

use lettre::Message;
use lettre::message::header::ContentType;
use lettre::message::{Mailbox, header};

use crate::language::Language;
use crate::sayings::say_plainly;

/// What a mail is about.
#[derive(Clone, Copy, Debug)]
pub(crate) enum About {
    /// A link that enrolls a device.
    Ticket,
    /// A request that waits.
    Wake,
}

/// One mail, before it has an envelope.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Letter<'a> {
    /// From whom: an address, perhaps with a name.
    pub(crate) from: &'a str,
    /// To whom: an address.
    pub(crate) to: &'a str,
    /// In which language.
    pub(crate) language: Language,
    /// What the tenant is called.
    pub(crate) tenant: &'a str,
    /// The link.
    pub(crate) link: &'a str,
    /// Every try has the same name, so that a mail that arrives twice is known as one.
    pub(crate) id: &'a str,
}

impl Letter<'_> {
    /// The message; why there can be none.
    pub(crate) fn message(&self, about: About) -> Result<Message, String> {
        let from = mailbox(self.from).ok_or("default_from_address is no address")?;
        let to = mailbox(self.to).ok_or("the person's address is none")?;
        let tenant: String = self.tenant.chars().filter(|c| !c.is_control()).collect();
        let say = |key| {
            let arguments = [("tenant", tenant.as_str().into()), ("link", self.link.into())];
            say_plainly(self.language, key, &arguments)
        };
        let (subject, text) = match about {
            About::Ticket => (say("mail-ticket-subject"), say("mail-ticket-text")),
            About::Wake => (say("mail-wake-subject"), say("mail-wake-text")),
        };
        Message::builder()
            .message_id(Some(format!("<{}@aizuchi>", self.id)))
            .from(from)
            .to(to)
            .subject(subject)
            .raw_header(automatic())
            .header(ContentType::TEXT_PLAIN)
            .body(text)
            .map_err(|error| error.to_string())
    }
}

/// An address as people write it.
pub(crate) fn mailbox(text: &str) -> Option<Mailbox> {
    text.parse().ok()
}

/// No answer is wanted from a machine (RFC 3834 5).
fn automatic() -> header::HeaderValue {
    let name = header::HeaderName::new_from_ascii_str("Auto-Submitted");
    header::HeaderValue::new(name, String::from("auto-generated"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter(language: Language) -> Letter<'static> {
        Letter {
            from: "Bank <no-reply@bank.example>",
            to: "alice@example.com",
            language,
            tenant: "Riverbank\r\nBcc: eve@example.com",
            link: "https://bank.example/mfa/enrollment?ticket=AbC",
            id: "abc",
        }
    }

    /// O450: both languages, a name that tries to be a header, and no way to answer by mail.
    #[test]
    fn a_letter_says_what_it_is_about_and_holds_the_link() {
        for language in Language::ALL {
            for about in [About::Ticket, About::Wake] {
                let message = letter(language).message(about).unwrap();
                let text = String::from_utf8(message.formatted()).unwrap();
                let (head, _) = text.split_once("\r\n\r\n").unwrap();
                assert!(!head.to_lowercase().contains("\r\nbcc:"), "{head}");
                assert!(head.contains("Auto-Submitted: auto-generated"), "{head}");
                assert_eq!(message.envelope().to().len(), 1);
                assert!(text.is_ascii(), "{text}");
            }
        }
    }

    #[test]
    fn what_is_no_address_is_no_letter() {
        for to in ["", "alice", "alice@", "a@b, c@d", "a@b\r\nRCPT TO:<eve@example.com>"] {
            let letter = Letter { to, ..letter(Language::English) };
            assert!(letter.message(About::Wake).is_err(), "{to}");
        }
    }
}
