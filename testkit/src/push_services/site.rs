//! A site of somebody who has a client here: real TLS, and whatever a test wants to stand at its paths.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Response, StatusCode};
use http_body_util::Full;
use server::listen::DevCa;

use super::wire::{Act, Asked, Book, listen, redirect};

/// What stands at a path.
#[derive(Clone, Debug)]
pub enum Page {
    /// These bytes, called this media type.
    File(&'static str, Bytes),
    /// This status and nothing else.
    Status(u16),
    /// A redirect to another address.
    Moved(String),
}

/// The site.
#[derive(Debug)]
pub struct Site {
    address: SocketAddr,
    book: Arc<Book>,
    pages: Arc<Mutex<HashMap<String, Page>>>,
    asked: Arc<Mutex<Vec<String>>>,
    ca: DevCa,
    _folder: tempfile::TempDir,
}

impl Site {
    /// Starts it on a free port of this machine.
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let ca = DevCa::open(folder.path()).unwrap();
        let book = Arc::new(Book::default());
        let (pages, asked) = (Arc::<Mutex<HashMap<_, _>>>::default(), Arc::<Mutex<_>>::default());
        let (found, seen) = (Arc::clone(&pages), Arc::clone(&asked));
        let judge = Arc::new(move |request: &Asked| act(&found, &seen, request));
        let address = listen(&ca, Arc::clone(&book), judge).await;
        Self { address, book, pages, asked, ca, _folder: folder }
    }

    /// The address of a path, `/…`.
    pub fn url(&self, path: &str) -> String {
        format!("https://localhost:{}{path}", self.address.port())
    }

    /// The PEM file of the authority that vouches for it.
    pub fn ca_file(&self) -> &std::path::Path {
        self.ca.file()
    }

    /// From now on this stands at a path; its address.
    pub fn has(&self, path: &str, page: Page) -> String {
        self.pages.lock().unwrap().insert(path.to_owned(), page);
        self.url(path)
    }

    /// The paths that were asked for, oldest first.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    /// How many connections were made.
    pub fn connections(&self) -> usize {
        self.book.connections.load(Ordering::SeqCst)
    }
}

fn act(pages: &Mutex<HashMap<String, Page>>, asked: &Mutex<Vec<String>>, request: &Asked) -> Act {
    asked.lock().unwrap().push(request.path.clone());
    let page = pages.lock().unwrap().get(&request.path).cloned();
    let plain = |status: u16, body: Bytes| {
        let mut response = Response::new(Full::new(body));
        *response.status_mut() = StatusCode::from_u16(status).unwrap();
        response
    };
    match page.unwrap_or(Page::Status(404)) {
        Page::File(kind, bytes) => {
            let mut response = plain(200, bytes);
            response.headers_mut().insert("content-type", kind.parse().unwrap());
            Act::Answer(response)
        }
        Page::Status(status) => Act::Answer(plain(status, Bytes::new())),
        Page::Moved(to) => Act::Answer(redirect(&to)),
    }
}
