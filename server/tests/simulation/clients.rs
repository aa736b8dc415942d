//! What clients do.

use testkit::Answer;

use crate::model::{Checked, Known, Request};
use crate::script::{CLIENTS, KEY_CLIENT, PEOPLE, Run};

const EXPIRIES: [i64; 4] = [2, 60, 300, 300];

impl Run<'_> {
    /// A form that asks somebody something, and the request as the model knows it so far.
    pub(super) fn question(&mut self, person: &'static str) -> (usize, testkit::Form, Request) {
        let client = self.random.below(CLIENTS.len());
        let expiry = self.random.one_of(&EXPIRIES);
        let scope = if self.random.happens(50) { "openid offline_access" } else { "openid" };
        let form = self.client(client).asking(person).with("scope", scope);
        let form = form.with("requested_expiry", expiry.to_string());
        let request = Request {
            id: String::new(),
            client,
            person,
            message: form.get("binding_message").unwrap_or_default().to_owned(),
            expires_at: self.now() + expiry * 1000,
            approved: Known::No,
            denied: Known::No,
            withdrawn: Known::No,
            decided_by: None,
            failed: Known::No,
            redeemed: Known::No,
            token_sets: 0,
            push_seen: false,
        };
        (client, form, request)
    }

    pub(super) async fn starts(&mut self) -> Checked {
        let person = self.random.one_of(&PEOPLE);
        let (client, form, request) = self.question(person);
        let answer = self.client(client).posts("bc-authorize", form).await;
        self.counted("start");
        self.is_no_fault_of_ours(&answer)?;
        let now = self.now();
        self.model.started(request, &answer, now)
    }

    pub(super) async fn starts_in_a_burst(&mut self) -> Checked {
        let person = self.random.one_of(&PEOPLE);
        let questions: Vec<_> = (0..3).map(|_| self.question(person)).collect();
        let answers = {
            let post = |at: usize| {
                let (client, form, _) = &questions[at];
                let (client, form) = (self.client(*client), form.clone());
                async move { client.posts("bc-authorize", form).await }
            };
            let (a, b, c) = tokio::join!(post(0), post(1), post(2));
            [a, b, c]
        };
        self.counted("burst of starts");
        let now = self.now();
        let mut pairs: Vec<_> = questions.into_iter().zip(answers).collect();
        pairs.sort_by_key(|(_, answer)| answer.status);
        for ((_, _, request), answer) in pairs {
            self.is_no_fault_of_ours(&answer)?;
            self.model.started(request, &answer, now)?;
        }
        Ok(())
    }

    /// A request to do something with: mostly one of the newest.
    pub(super) fn some_request(&mut self) -> Option<usize> {
        let count = self.model.requests.len();
        if count == 0 {
            return None;
        }
        let back =
            if self.random.happens(85) { self.random.below(6) } else { self.random.below(count) };
        Some(count - 1 - back.min(count - 1))
    }

    pub(super) async fn poll(&self, index: usize, client: usize) -> Answer {
        let client = self.client(client);
        client.poll(&self.model.requests[index].id).await
    }

    pub(super) async fn polls(&mut self) -> Checked {
        let Some(index) = self.some_request() else { return Ok(()) };
        let answer = self.poll(index, self.model.requests[index].client).await;
        self.counted("poll");
        self.is_no_fault_of_ours(&answer)?;
        self.polled(index, &answer)
    }

    pub(super) fn polled(&mut self, index: usize, answer: &Answer) -> Checked {
        let now = self.now();
        self.model.polled(index, answer, now)?;
        if answer.status == 200 {
            self.counted("tokens");
            self.model.given(index, answer);
        }
        Ok(())
    }

    pub(super) async fn polls_twice_at_once(&mut self) -> Checked {
        let Some(index) = self.some_request() else { return Ok(()) };
        let client = self.model.requests[index].client;
        let (one, two) = tokio::join!(self.poll(index, client), self.poll(index, client));
        self.counted("two polls at once");
        let mut answers = [one, two];
        answers.sort_by_key(|answer| answer.status);
        for answer in answers {
            self.is_no_fault_of_ours(&answer)?;
            self.polled(index, &answer)?;
        }
        Ok(())
    }

    pub(super) async fn polls_as_another_client(&mut self) -> Checked {
        let Some(index) = self.some_request() else { return Ok(()) };
        let thief = (self.model.requests[index].client + 1) % CLIENTS.len();
        let answer = self.poll(index, thief).await;
        self.counted("poll of another client");
        self.is_no_fault_of_ours(&answer)?;
        self.model.stolen(index, &answer)
    }

    pub(super) async fn cancels(&mut self) -> Checked {
        let Some(index) = self.some_request() else { return Ok(()) };
        let request = &self.model.requests[index];
        let answer = self.client(request.client).cancels(&request.id).await;
        self.counted("cancellation");
        self.is_no_fault_of_ours(&answer)?;
        let now = self.now();
        self.model.cancelled(index, &answer, now)
    }

    /// A token is refreshed, alone or twice at once.
    pub(super) async fn refreshes(&mut self) -> Checked {
        let count = self.model.tokens.len();
        if count == 0 {
            return Ok(());
        }
        let index = count - 1 - self.random.below(4).min(count - 1);
        let token = self.model.tokens[index].clone();
        let client = self.world.registered(CLIENTS[token.client]);
        self.counted("refresh");
        let now = self.now();
        if self.random.happens(50) {
            let answer = client.refreshes(&token.token).await;
            self.is_no_fault_of_ours(&answer)?;
            return self.model.refreshed(index, &answer, now);
        }
        let both = tokio::join!(client.refreshes(&token.token), client.refreshes(&token.token));
        let mut answers = [both.0, both.1];
        answers.sort_by_key(|answer| answer.status);
        for answer in answers {
            self.is_no_fault_of_ours(&answer)?;
            self.model.refreshed(index, &answer, now)?;
        }
        Ok(())
    }

    /// One start, sent twice at once under one idempotency key: one request.
    pub(super) async fn starts_twice_with_one_key(&mut self) -> Checked {
        let person = self.random.one_of(&PEOPLE);
        let (client, form, request) = self.question(person);
        let (form, _) = self.client(client).credentials(form);
        let headers = [("idempotency-key", request.message.as_str())];
        let post = || self.world.post_form("bc-authorize", &form, &headers);
        let (one, two) = tokio::join!(post(), post());
        self.counted("one key twice");
        if one.status == 200 && two.status == 200 {
            let (one, two) = (one.member("auth_req_id"), two.member("auth_req_id"));
            if one != two {
                return Err(format!("one key began two requests, {one} and {two}"));
            }
        }
        self.is_no_fault_of_ours(&one)?;
        self.is_no_fault_of_ours(&two)?;
        let now = self.now();
        self.model.started(request, if one.status == 200 { &one } else { &two }, now)
    }

    /// One start, sent twice at once with one assertion: one of them is refused. Or an old one,
    /// perhaps after a restart: it is refused too.
    pub(super) async fn starts_twice_with_one_assertion(&mut self) -> Checked {
        if let (Some(form), true) = (self.spent.last(), self.random.happens(50)) {
            let again = self.world.post_form("bc-authorize", form, &[]).await;
            self.counted("an old assertion");
            self.is_no_fault_of_ours(&again)?;
            return match again.status {
                401 | 503 => Ok(()),
                _ => Err(format!("an old assertion was taken: {}", again.text())),
            };
        }
        let person = self.random.one_of(&PEOPLE);
        let (_, form, request) = self.question(person);
        let client = self.world.registered_with_key(KEY_CLIENT);
        let (form, _) = client.credentials(form);
        let post = || self.world.post_form("bc-authorize", &form, &[]);
        let (one, two) = tokio::join!(post(), post());
        self.counted("one assertion twice");
        let refused = [&one, &two].iter().filter(|answer| answer.status == 401).count();
        let away = [&one, &two].iter().any(|answer| answer.status == 503);
        self.is_no_fault_of_ours(&one)?;
        self.is_no_fault_of_ours(&two)?;
        if refused != 1 && !away {
            return Err(format!("of two equal assertions {refused} were refused"));
        }
        if refused == 2 {
            return Ok(());
        }
        if !away {
            self.spent.push(form);
        }
        let (other, now) = (if one.status == 401 { two } else { one }, self.now());
        // Nobody polls this client's requests here.
        self.model.begun(&request, &other, now)
    }
}
