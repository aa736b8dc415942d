//! What may and must be true, told from the answers alone.
//!
//! A request is known to the model by what was acknowledged. What a crash left without an answer is
//! `Maybe`: then either outcome is allowed, but not both, and not neither once it was seen.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use testkit::Answer;

/// Whether something happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Known {
    No,
    Maybe,
    Yes,
}

/// One request for one person's approval.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) id: String,
    pub(crate) client: usize,
    pub(crate) person: &'static str,
    pub(crate) message: String,
    pub(crate) expires_at: i64,
    pub(crate) approved: Known,
    pub(crate) denied: Known,
    pub(crate) withdrawn: Known,
    /// The phone whose answer was acknowledged.
    pub(crate) decided_by: Option<String>,
    /// The user was blocked or the database was away when it was polled.
    pub(crate) failed: Known,
    pub(crate) redeemed: Known,
    pub(crate) token_sets: u32,
    pub(crate) push_seen: bool,
}

impl Request {
    /// Whether nothing is known to have decided it.
    pub(crate) fn is_undecided(&self) -> bool {
        let ends = [self.approved, self.denied, self.withdrawn, self.failed];
        ends.iter().all(|known| *known == Known::No)
    }
}

/// A refresh token that a client was given.
#[derive(Clone, Debug)]
pub(crate) struct RefreshToken {
    pub(crate) token: String,
    pub(crate) client: usize,
    pub(crate) person: &'static str,
    pub(crate) spent: Known,
    /// When it was spent: an echo in that very moment is refused and harms nothing.
    spent_at: i64,
    /// The family that a second use ends.
    pub(crate) family: usize,
}

/// All that happened in one run.
#[derive(Debug, Default)]
pub(crate) struct Model {
    pub(crate) requests: Vec<Request>,
    pub(crate) blocked: Vec<&'static str>,
    pub(crate) tokens: Vec<RefreshToken>,
    ended_families: Vec<(usize, Known)>,
    /// Acknowledged starts and starts without an answer: person, moment.
    starts: Vec<(&'static str, i64)>,
    ghosts: Vec<(&'static str, i64)>,
}

pub(crate) type Checked = Result<(), String>;

fn broken(what: &str, about: &Request, answer: &Answer) -> Checked {
    Err(format!("{what}: {} {} for {about:?}", answer.status, answer.text()))
}

impl Model {
    fn is_blocked(&self, person: &str) -> bool {
        self.blocked.contains(&person)
    }

    fn recent(list: &[(&'static str, i64)], person: &str, now: i64) -> usize {
        list.iter().filter(|(who, at)| *who == person && *at > now - 60_000).count()
    }

    /// A start was answered.
    pub(crate) fn started(&mut self, request: Request, answer: &Answer, now: i64) -> Checked {
        self.begun(&request, answer, now)?;
        if answer.status == 200 {
            self.requests.push(Request { id: answer.member("auth_req_id"), ..request });
        }
        Ok(())
    }

    /// A start was answered, which nobody will follow up.
    pub(crate) fn begun(&mut self, request: &Request, answer: &Answer, now: i64) -> Checked {
        let person = request.person;
        match answer.status {
            200 => {
                self.starts.push((person, now));
                if Self::recent(&self.starts, person, now) > 5 {
                    return Err(format!("more than five requests reached {person} in a minute"));
                }
                if self.is_blocked(person) {
                    return broken("a blocked user was asked", request, answer);
                }
                Ok(())
            }
            429 => {
                let most = Self::recent(&self.starts, person, now)
                    + Self::recent(&self.ghosts, person, now);
                if most < 5 { broken("refused below the limit", request, answer) } else { Ok(()) }
            }
            403 if self.is_blocked(person) => Ok(()),
            503 => {
                self.ghosts.push((person, now));
                Ok(())
            }
            _ => broken("a good start was refused", request, answer),
        }
    }

    /// The rightful client's poll was answered.
    pub(crate) fn polled(&mut self, index: usize, answer: &Answer, now: i64) -> Checked {
        let blocked = self.is_blocked(self.requests[index].person);
        let request = &mut self.requests[index];
        let before = request.clone();
        let is_over = now >= before.expires_at;
        let summary = answer.summary();
        match summary.as_str() {
            "200" => {
                request.token_sets += 1;
                request.redeemed = Known::Yes;
                if before.token_sets > 0 || before.redeemed == Known::Yes {
                    return broken("a second token set", &before, answer);
                }
                if is_over {
                    return broken("tokens after the end", &before, answer);
                }
                if before.approved == Known::No {
                    return broken("tokens without an approval", &before, answer);
                }
                if before.denied == Known::Yes || before.withdrawn == Known::Yes || blocked {
                    return broken("tokens after a refusal", &before, answer);
                }
                about_the_right_person(&before, answer)
            }
            "403 invalid_grant" => {
                // Ten minutes after its end a request may be forgotten (W137).
                let is_forgotten = now >= before.expires_at + 600_000;
                if before.redeemed == Known::No && !is_forgotten {
                    return broken("an acknowledged request is unknown", &before, answer);
                }
                Ok(())
            }
            "400 access_denied" => {
                let allowed = is_over
                    || blocked
                    || [before.denied, before.withdrawn, before.failed]
                        .iter()
                        .any(|k| *k != Known::No);
                if !allowed {
                    return broken("an approval was lost", &before, answer);
                }
                if blocked && !is_over {
                    request.failed = Known::Maybe;
                }
                if before.redeemed == Known::Yes && !is_over {
                    return broken("a redeemed request was denied", &before, answer);
                }
                Ok(())
            }
            "400 authorization_pending" | "429 slow_down" => {
                let decided = [before.approved, before.denied, before.withdrawn, before.redeemed];
                if decided.contains(&Known::Yes) || is_over {
                    return broken("a decision was not told", &before, answer);
                }
                Ok(())
            }
            _ if answer.status == 503 => {
                if request.redeemed == Known::No && before.approved != Known::No {
                    request.redeemed = Known::Maybe;
                }
                Ok(())
            }
            _ => broken("a poll got a strange answer", &before, answer),
        }
    }

    /// Another client's poll was answered.
    pub(crate) fn stolen(&self, index: usize, answer: &Answer) -> Checked {
        match answer.summary().as_str() {
            "403 invalid_grant" => Ok(()),
            _ if answer.status == 503 => Ok(()),
            _ => broken("another client's request was shown", &self.requests[index], answer),
        }
    }

    /// A phone's answer was answered.
    pub(crate) fn answered(
        &mut self,
        index: usize,
        (phone, says_yes): (&str, bool),
        answer: &Answer,
        now: i64,
    ) -> Checked {
        let blocked = self.is_blocked(self.requests[index].person);
        let request = &mut self.requests[index];
        let before = request.clone();
        let is_over = now >= before.expires_at;
        let (same, other) = if says_yes {
            (before.approved, before.denied)
        } else {
            (before.denied, before.approved)
        };
        match answer.status {
            204 => {
                if is_over {
                    return broken("an answer was taken after the end", &before, answer);
                }
                if other == Known::Yes || before.withdrawn == Known::Yes {
                    return broken("a decision was changed", &before, answer);
                }
                if blocked && same == Known::No {
                    return broken("a blocked user decided", &before, answer);
                }
                if before.decided_by.as_deref().is_some_and(|by| by != phone) {
                    return broken("two phones decided", &before, answer);
                }
                request.decided_by = Some(phone.to_owned());
                let (yes, no) =
                    if says_yes { (Known::Yes, Known::No) } else { (Known::No, Known::Yes) };
                (request.approved, request.denied) = (yes, no);
                Ok(())
            }
            404 | 401 => {
                let again = same == Known::Yes && before.decided_by.as_deref() == Some(phone);
                if (before.is_undecided() || again)
                    && !is_over
                    && !blocked
                    && before.failed == Known::No
                {
                    return broken("an answer in time was refused", &before, answer);
                }
                Ok(())
            }
            503 => {
                let known = if says_yes { &mut request.approved } else { &mut request.denied };
                if *known == Known::No && before.decided_by.is_none() {
                    *known = Known::Maybe;
                }
                Ok(())
            }
            _ => broken("an answer got a strange answer", &before, answer),
        }
    }

    /// A cancellation was answered.
    pub(crate) fn cancelled(&mut self, index: usize, answer: &Answer, now: i64) -> Checked {
        let request = &mut self.requests[index];
        let before = request.clone();
        match answer.status {
            204 if before.withdrawn != Known::No => {
                request.withdrawn = Known::Yes;
                Ok(())
            }
            204 if now >= before.expires_at => broken("cancelled after the end", &before, answer),
            204 if [before.approved, before.denied].contains(&Known::Yes) => {
                broken("cancelled after a decision", &before, answer)
            }
            204 => {
                request.withdrawn = Known::Yes;
                Ok(())
            }
            503 => {
                if before.withdrawn == Known::No {
                    request.withdrawn = Known::Maybe;
                }
                Ok(())
            }
            400 | 403 => Ok(()),
            _ => broken("a cancellation got a strange answer", &before, answer),
        }
    }
}

impl Model {
    /// A refresh token was given with the tokens of a request.
    pub(crate) fn given(&mut self, index: usize, answer: &Answer) {
        let (client, person) = (self.requests[index].client, self.requests[index].person);
        if let Some(token) = answer.json()["refresh_token"].as_str() {
            let token = token.to_owned();
            let family = self.tokens.len();
            self.tokens.push(RefreshToken {
                token,
                client,
                person,
                spent: Known::No,
                spent_at: 0,
                family,
            });
        }
    }

    fn is_ended(&self, family: usize) -> Known {
        let ends = self.ended_families.iter().filter(|(ended, _)| *ended == family);
        ends.map(|(_, known)| *known).max_by_key(|known| *known as u8).unwrap_or(Known::No)
    }

    /// A refresh was answered.
    pub(crate) fn refreshed(&mut self, index: usize, answer: &Answer, now: i64) -> Checked {
        let before = self.tokens[index].clone();
        let blocked = self.is_blocked(before.person);
        let ended = self.is_ended(before.family);
        let violation = |what: &str| Err(format!("{what}: {} {}", answer.status, answer.text()));
        match answer.status {
            200 => {
                (self.tokens[index].spent, self.tokens[index].spent_at) = (Known::Yes, now);
                if before.spent == Known::Yes {
                    return violation("a refresh token was exchanged twice");
                }
                if ended == Known::Yes || blocked {
                    return violation("a dead refresh token gave tokens");
                }
                let token = answer.member("refresh_token");
                self.tokens.push(RefreshToken { token, spent: Known::No, ..before });
                Ok(())
            }
            400 | 403 => {
                let is_dead = before.spent != Known::No || ended != Known::No || blocked;
                if !is_dead {
                    return violation("a living refresh token was refused");
                }
                if before.spent != Known::No {
                    let is_theft = before.spent == Known::Yes && now > before.spent_at;
                    let known = if is_theft { Known::Yes } else { Known::Maybe };
                    self.ended_families.push((before.family, known));
                }
                Ok(())
            }
            503 => {
                if before.spent == Known::No {
                    self.tokens[index].spent = Known::Maybe;
                }
                if before.spent != Known::No {
                    self.ended_families.push((before.family, Known::Maybe));
                }
                Ok(())
            }
            _ => violation("a refresh got a strange answer"),
        }
    }
}

/// That tokens name the person asked and the client that asked.
fn about_the_right_person(request: &Request, answer: &Answer) -> Checked {
    let tokens = answer.json();
    let part =
        tokens["id_token"].as_str().unwrap_or_default().split('.').nth(1).unwrap_or_default();
    let claims = URL_SAFE_NO_PAD.decode(part).unwrap_or_default();
    let claims: Value = serde_json::from_slice(&claims).unwrap_or_default();
    if claims["sub"] == format!("auth0|{}", request.person) {
        Ok(())
    } else {
        broken("tokens of another person", request, answer)
    }
}
