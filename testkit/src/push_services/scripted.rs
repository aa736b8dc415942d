//! Outbound HTTP from a script, without any socket.

use std::collections::VecDeque;
use std::sync::Mutex;

use server::outside::{Answer, Call, Calling, Outbound, Unanswered};

/// Answers calls in the order of its script, and keeps them.
#[derive(Debug, Default)]
pub struct Scripted {
    answers: Mutex<VecDeque<Result<Answer, Unanswered>>>,
    calls: Mutex<Vec<Call>>,
}

impl Scripted {
    /// A script that begins with nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// The next call that has no answer yet gets this one.
    pub fn then(&self, status: u16, body: &serde_json::Value) {
        let answer = Answer { status, body: body.to_string().into(), ..Answer::default() };
        self.answers.lock().unwrap().push_back(Ok(answer));
    }

    /// The next call that has no answer yet gets these bytes.
    pub fn then_bytes(&self, status: u16, bytes: &[u8]) {
        let answer = Answer { status, body: bytes.to_vec().into(), ..Answer::default() };
        self.answers.lock().unwrap().push_back(Ok(answer));
    }

    /// The next call that has no answer yet stays without one.
    pub fn then_none(&self, why: Unanswered) {
        self.answers.lock().unwrap().push_back(Err(why));
    }

    /// The calls that were made.
    pub fn calls(&self) -> Vec<Call> {
        self.calls.lock().unwrap().clone()
    }
}

impl Outbound for Scripted {
    fn call(&self, call: Call) -> Calling<'_> {
        self.calls.lock().unwrap().push(call);
        let answer = self.answers.lock().unwrap().pop_front();
        let none = || Err(Unanswered::Unreachable(String::from("the script has ended")));
        Box::pin(std::future::ready(answer.unwrap_or_else(none)))
    }
}
