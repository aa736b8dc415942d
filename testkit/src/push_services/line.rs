//! The other side of a browser's push service: the WebSocket that browsers keep open to it, in the
//! protocol of Mozilla's autopush, which Firefox speaks. A subscription that a browser makes here is
//! one of [`super::WebPush`]: what that takes for it is handed on, until the browser says that it has
//! come.

use std::collections::HashMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::{SinkExt as _, StreamExt as _};
use http::HeaderValue;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio_tungstenite::accept_hdr_async;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{
    Callback, ErrorResponse, Request, Response,
};

/// What browsers name the protocol in their handshake.
const PROTOCOL: &str = "push-notification";

/// The application keys that subscriptions are bound to, by token.
pub(super) type Bound = Arc<Mutex<HashMap<String, Option<String>>>>;

/// What is known of browsers, whether they are connected or not.
#[derive(Default)]
pub(super) struct Exchange {
    by_name: Mutex<HashMap<String, Known>>,
    said: Mutex<Vec<Value>>,
}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Exchange(…)")
    }
}

#[derive(Default)]
struct Known {
    /// Tokens of its subscriptions, by the browser's own name for each.
    channels: HashMap<String, String>,
    /// What it has not said to have.
    waiting: Vec<Value>,
    /// The connection, while there is one.
    line: Option<UnboundedSender<Value>>,
}

impl Exchange {
    /// Hands a message to the browser that has the subscription, now or when it comes back.
    pub(super) fn hand_on(&self, token: &str, number: usize, body: &[u8]) {
        let mut browsers = self.by_name.lock().unwrap();
        for browser in browsers.values_mut() {
            let found = browser.channels.iter().find(|(_, known)| *known == token);
            let Some((channel, _)) = found else { continue };
            let message = json!({
                "messageType": "notification", "channelID": channel, "version": number.to_string(),
                "data": URL_SAFE_NO_PAD.encode(body), "headers": { "encoding": "aes128gcm" },
            });
            browser.waiting.push(message.clone());
            browser.says(message);
        }
    }

    /// What browsers said of messages that they were handed, oldest first: `ack` and `nack`.
    pub(super) fn said(&self) -> Vec<Value> {
        self.said.lock().unwrap().clone()
    }
}

impl Known {
    /// Tells the browser; one whose connection has ended hears it when it is back.
    fn says(&self, message: Value) {
        if let Some(line) = &self.line {
            line.send(message).unwrap_or_default();
        }
    }
}

/// Picks the protocol that the browser offers.
struct Greeting;

impl Callback for Greeting {
    fn on_request(self, asked: &Request, mut answer: Response) -> Result<Response, ErrorResponse> {
        let offers = asked.headers().get("sec-websocket-protocol");
        if offers.is_some_and(|offers| offers.to_str().unwrap_or_default().contains(PROTOCOL)) {
            let chosen = HeaderValue::from_static(PROTOCOL);
            answer.headers_mut().insert("sec-websocket-protocol", chosen);
        }
        Ok(answer)
    }
}

/// Listens for browsers on a free port of this machine; subscriptions are below `base`.
pub(super) async fn listen(exchange: Arc<Exchange>, bound: Bound, base: String) -> SocketAddr {
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = socket.accept().await {
            let (exchange, bound) = (Arc::clone(&exchange), Arc::clone(&bound));
            tokio::spawn(serve(stream, Talk { exchange, bound, base: base.clone(), name: None }));
        }
    });
    address
}

async fn serve(stream: TcpStream, mut talk: Talk) {
    let Ok(socket) = accept_hdr_async(stream, Greeting).await else { return };
    let (mut out, mut into) = socket.split();
    let (line, mut messages) = unbounded_channel::<Value>();
    loop {
        tokio::select! {
            Some(message) = messages.recv() => {
                if out.send(Message::text(message.to_string())).await.is_err() {
                    return;
                }
            }
            heard = into.next() => match heard {
                Some(Ok(Message::Text(text))) => talk.hears(&text, &line),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return,
            },
        }
    }
}

/// One connection of a browser.
struct Talk {
    exchange: Arc<Exchange>,
    bound: Bound,
    base: String,
    /// The browser's name, from its greeting on.
    name: Option<String>,
}

impl Talk {
    fn hears(&mut self, text: &str, line: &UnboundedSender<Value>) {
        // An empty object is a sign of life, and is answered by one.
        let said: Value = serde_json::from_str(text).unwrap();
        match said["messageType"].as_str() {
            None => line.send(json!({})).unwrap(),
            Some("hello") => self.greeted(&said, line),
            Some("register") => self.registers(&said),
            Some("unregister") => self.unregisters(&said),
            Some("ack") => self.takes(&said),
            Some("nack") => self.exchange.said.lock().unwrap().push(said),
            // Broadcasts of the browser's maker.
            Some(_) => {}
        }
    }

    /// A browser that was here before keeps its name, its subscriptions and what waits for it.
    fn greeted(&mut self, said: &Value, line: &UnboundedSender<Value>) {
        let mut browsers = self.exchange.by_name.lock().unwrap();
        let known = said["uaid"].as_str().filter(|name| browsers.contains_key(*name));
        let name = known.map_or_else(|| format!("{:032x}", browsers.len() + 1), str::to_owned);
        let browser = browsers.entry(name.clone()).or_default();
        browser.line = Some(line.clone());
        browser.says(json!({
            "messageType": "hello", "uaid": name, "status": 200, "use_webpush": true,
            "broadcasts": {},
        }));
        for message in browser.waiting.clone() {
            browser.says(message);
        }
        self.name = Some(name);
    }

    fn registers(&self, said: &Value) {
        self.with_browser(|browser| {
            let channel = said["channelID"].as_str().unwrap();
            let key = said["key"].as_str().map(|key| key.trim_end_matches('=').to_owned());
            let token = format!("fx-{channel}");
            self.bound.lock().unwrap().insert(token.clone(), key);
            browser.says(json!({
                "messageType": "register", "channelID": channel, "status": 200,
                "pushEndpoint": format!("{}{token}", self.base),
            }));
            browser.channels.insert(channel.to_owned(), token);
        });
    }

    fn unregisters(&self, said: &Value) {
        self.with_browser(|browser| {
            let channel = said["channelID"].as_str().unwrap();
            if let Some(token) = browser.channels.remove(channel) {
                self.bound.lock().unwrap().remove(&token);
            }
            browser
                .says(json!({ "messageType": "unregister", "channelID": channel, "status": 200 }));
        });
    }

    fn takes(&self, said: &Value) {
        let taken = said["updates"].as_array().unwrap();
        self.with_browser(|browser| {
            browser.waiting.retain(|message| {
                !taken.iter().any(|update| update["version"] == message["version"])
            });
        });
        self.exchange.said.lock().unwrap().push(said.clone());
    }

    fn with_browser(&self, act: impl FnOnce(&mut Known)) {
        let mut browsers = self.exchange.by_name.lock().unwrap();
        act(browsers.get_mut(self.name.as_deref().unwrap()).unwrap());
    }
}
