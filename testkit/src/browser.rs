//! A person's browser at the console: it keeps cookies, follows redirects and submits the forms
//! that it was shown. It runs no programs.

use std::collections::BTreeMap;
use std::sync::Mutex;

use http::Method;

use crate::answer::Answer;
use crate::form::Form;
use crate::world::World;

/// Redirects that are followed in a row.
const REDIRECTS: usize = 5;

/// A browser.
#[derive(Debug)]
pub struct Browser<'w> {
    world: &'w World,
    cookies: Mutex<BTreeMap<String, String>>,
    language: String,
}

impl<'w> Browser<'w> {
    pub(crate) fn new(world: &'w World) -> Self {
        Self { world, cookies: Mutex::default(), language: String::new() }
    }

    /// The same browser, asking for pages in these languages.
    #[must_use]
    pub fn speaking(self, language: &str) -> Self {
        Self { language: language.to_owned(), ..self }
    }

    /// A browser that was signed in to the console by a one-time link.
    pub async fn signed_in(self) -> Self {
        let link = self.world.console_link("operator").await;
        let page = self.opens(&link).await;
        let page = self.submits(&page, "console/sign-in", &[]).await;
        assert_eq!(page.status, 200, "{}", page.text());
        self
    }

    /// `GET`, following redirects.
    pub async fn opens(&self, address: &str) -> Answer {
        let mut answer = self.asks(Method::GET, address, &[], String::new()).await;
        for _ in 0..REDIRECTS {
            let to = answer.header("location").to_owned();
            if to.is_empty() {
                break;
            }
            answer = self.asks(Method::GET, &to, &[], String::new()).await;
        }
        answer
    }

    /// Submits the form of `page` whose action ends with `action`, with further fields, and
    /// follows redirects.
    pub async fn submits(&self, page: &Answer, action: &str, more: &[(&str, &str)]) -> Answer {
        let answer = self.posts(page, action, more).await;
        match answer.header("location") {
            "" => answer,
            to => self.opens(to).await,
        }
    }

    /// The same, with the very answer to the form.
    pub async fn posts(&self, page: &Answer, action: &str, more: &[(&str, &str)]) -> Answer {
        let (address, fields) = form(&page.text(), action);
        let mut form = Form::new();
        for (name, value) in &fields {
            form = form.with(name, value);
        }
        for (name, value) in more {
            form = form.with(name, *value);
        }
        self.sends(&address, &form, &[("sec-fetch-site", "same-origin")]).await
    }

    /// `POST` of a form that no page showed.
    pub async fn sends(&self, address: &str, form: &Form, headers: &[(&str, &str)]) -> Answer {
        let mut all = vec![("content-type", "application/x-www-form-urlencoded")];
        all.extend_from_slice(headers);
        self.asks(Method::POST, address, &all, form.encode()).await
    }

    /// `POST` of JSON, as the passkey program does it.
    pub async fn calls(&self, address: &str, token: &str, body: &serde_json::Value) -> Answer {
        let headers = [
            ("content-type", "application/json"),
            ("sec-fetch-site", "same-origin"),
            ("x-form-token", token),
        ];
        self.asks(Method::POST, address, &headers, body.to_string()).await
    }

    /// A cookie whose name ends so.
    pub fn cookie(&self, name: &str) -> Option<String> {
        let cookies = self.cookies.lock().unwrap();
        let found = cookies.iter().find(|(known, _)| known.ends_with(name));
        found.map(|(_, value)| value.clone())
    }

    /// Takes over the cookies of another browser, as a thief would.
    pub fn steals(&self, other: &Self) {
        self.cookies.lock().unwrap().clone_from(&other.cookies.lock().unwrap());
    }

    async fn asks(
        &self,
        method: Method,
        address: &str,
        headers: &[(&str, &str)],
        body: String,
    ) -> Answer {
        let mut all = headers.to_vec();
        let cookies: Vec<String> = {
            let cookies = self.cookies.lock().unwrap();
            cookies.iter().map(|(name, value)| format!("{name}={value}")).collect()
        };
        let cookies = cookies.join("; ");
        if !cookies.is_empty() {
            all.push(("cookie", &cookies));
        }
        if !self.language.is_empty() {
            all.push(("accept-language", &self.language));
        }
        let root = self.world.path("");
        let path = match address.split_once("://") {
            Some((_, rest)) => rest.find('/').map_or("/", |at| rest.get(at..).unwrap()),
            None => address,
        };
        let path = path.strip_prefix(&root).unwrap_or(path);
        let answer = self.world.request(method, path, &all, body).await;
        for cookie in answer.headers.get_all("set-cookie") {
            let text = cookie.to_str().unwrap();
            let (name, rest) = text.split_once('=').unwrap();
            let value = rest.split(';').next().unwrap().to_owned();
            let mut cookies = self.cookies.lock().unwrap();
            if text.contains("Max-Age=0") {
                cookies.remove(name);
            } else {
                cookies.insert(name.to_owned(), value);
            }
        }
        answer
    }
}

/// The action and the hidden fields of the form whose action ends with `action`.
#[track_caller]
fn form(page: &str, action: &str) -> (String, Vec<(String, String)>) {
    for form in page.split("<form ").skip(1) {
        let form = form.split("</form>").next().unwrap();
        let address = unescaped(attribute(form, "action").unwrap_or_default());
        if !address.ends_with(action) {
            continue;
        }
        let fields = form.split("<input ").skip(1).filter_map(|input| {
            let input = input.split('>').next().unwrap();
            let value = attribute(input, "value").unwrap_or_default();
            Some((attribute(input, "name")?.to_owned(), unescaped(value)))
        });
        return (address, fields.collect());
    }
    panic!("no form to {action} in {page}");
}

fn attribute<'t>(tag: &'t str, name: &str) -> Option<&'t str> {
    let (_, rest) = tag.split_once(&format!("{name}=\""))?;
    rest.split('"').next()
}

/// Text as it stood before it was put into a page.
pub fn unescaped(text: &str) -> String {
    let entities =
        [("&#38;", "&"), ("&#60;", "<"), ("&#62;", ">"), ("&#34;", "\""), ("&#39;", "'")];
    entities.iter().fold(text.to_owned(), |text, (entity, letter)| text.replace(entity, letter))
}
