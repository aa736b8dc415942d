//! The web authenticator: the files of `web/authenticator`, as they lie there, and what it is told
//! of the tenant. Nothing here knows a device; the app speaks `/device/v1` like any other.
//!
//! All but the page and its service worker stand below one path with the hash of everything in it:
//! relative imports stay valid, and a browser never asks for the same file twice.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::{Arc, LazyLock, OnceLock};

use aws_lc_rs::digest::{Context as Digest, SHA256, digest};
use axum::Router;
use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use rust_embed::Embed;
use serde_json::json;

use super::pages;
use crate::App;
use crate::language::Language;
use crate::sayings::{AUTHENTICATOR, for_browsers, say_plainly};
use crate::tenancy::Context;

#[derive(Embed)]
#[folder = "../web/authenticator"]
struct Folder;

/// Nothing that the app could be made to do beyond what its own files do. The one policy of trusted
/// types names the service worker.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; \
                      connect-src 'self'; manifest-src 'self'; worker-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
                      require-trusted-types-for 'script'; trusted-types aizuchi-worker";
const FEATURES: &str = "camera=(self), publickey-credentials-create=(self), \
                        publickey-credentials-get=(self), geolocation=(), microphone=()";
/// What files that name others say for their folder's name.
const PLACEHOLDER: &str = "{version}";
/// What the service worker keeps, one path a line.
const LIST: &str = "{files}";
/// The language of the page, and of the words that it fetches first.
const LANGUAGE: &str = "{language}";
const PAGE: &str = "index.html";
const WORKER: &str = "sw.js";
/// Characters of a hash that tell versions apart.
const VERSION_LENGTH: usize = 16;

/// Every path of the app.
pub(crate) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/authenticator", get(beside))
        .route("/authenticator/", get(page))
        .route("/authenticator/sw.js", get(worker))
        .route("/authenticator/manifest.webmanifest", get(manifest))
        .route("/authenticator/files/{version}/{*path}", get(file))
}

/// One file as it is sent.
#[derive(Debug)]
struct File {
    kind: &'static str,
    bytes: Bytes,
    /// The same, compressed when it is first asked for.
    small: OnceLock<Bytes>,
    hash: String,
}

/// All of them, by their path, and what names their present state.
#[derive(Debug)]
struct Files {
    version: String,
    all: BTreeMap<String, File>,
}

static BUILT: LazyLock<Arc<Files>> = LazyLock::new(|| Arc::new(Files::read()));

/// The files; in a debug build as they lie in their folder at this moment.
fn files() -> Arc<Files> {
    if cfg!(debug_assertions) { Arc::new(Files::read()) } else { Arc::clone(&BUILT) }
}

impl Files {
    fn read() -> Self {
        let mut raw: BTreeMap<String, Vec<u8>> = Folder::iter()
            .filter_map(|path| Some((path.to_string(), Folder::get(&path)?.data.into_owned())))
            .collect();
        for language in Language::ALL {
            let words = for_browsers(language, AUTHENTICATOR).to_string().into_bytes();
            raw.insert(format!("words/{}.json", language.code()), words);
        }
        let mut whole = Digest::new(&SHA256);
        for (path, bytes) in &raw {
            whole.update(path.as_bytes());
            whole.update(digest(&SHA256, bytes).as_ref());
        }
        let whole = BASE64_URL_SAFE_NO_PAD.encode(whole.finish());
        let version: String = whole.chars().take(VERSION_LENGTH).collect();
        let paths: Vec<&str> =
            raw.keys().map(String::as_str).filter(|path| is_kept(path)).collect();
        let list = paths.join("\n");
        let all = raw.iter().map(|(path, bytes)| {
            let bytes = if [PAGE, WORKER].contains(&path.as_str()) {
                let text = String::from_utf8_lossy(bytes);
                Bytes::from(text.replace(PLACEHOLDER, &version).replace(LIST, &list))
            } else {
                Bytes::copy_from_slice(bytes)
            };
            (path.clone(), File::new(path, bytes))
        });
        Self { all: all.collect(), version }
    }
}

/// Whether the service worker keeps a file: all but itself, the page, and pictures for installing.
fn is_kept(path: &str) -> bool {
    path != PAGE && path != WORKER && !path.starts_with("icons/")
}

impl File {
    fn new(path: &str, bytes: Bytes) -> Self {
        let hash = BASE64_URL_SAFE_NO_PAD.encode(digest(&SHA256, &bytes));
        let ending = path.rsplit('.').next().unwrap_or_default();
        let kind = match ending {
            "html" => "text/html; charset=utf-8",
            "css" => "text/css; charset=utf-8",
            "js" => "text/javascript; charset=utf-8",
            "json" => "application/json",
            "svg" => "image/svg+xml",
            "png" => "image/png",
            _ => "application/octet-stream",
        };
        Self { kind, bytes, small: OnceLock::new(), hash }
    }

    /// The file, or that it is the one the browser has. Each encoding has a tag of its own.
    fn answer(&self, asked: &HeaderMap, keep: &'static str) -> Response {
        let said = |name| asked.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let is_small = said(header::ACCEPT_ENCODING).contains("gzip") && self.kind != "image/png";
        let tag = format!("\"{}{}\"", self.hash, if is_small { "-gzip" } else { "" });
        let is_known = said(header::IF_NONE_MATCH).split(',').any(|known| known.trim() == tag);
        let mut response = if is_known {
            StatusCode::NOT_MODIFIED.into_response()
        } else if is_small {
            self.small.get_or_init(|| compressed(&self.bytes)).clone().into_response()
        } else {
            self.bytes.clone().into_response()
        };
        let headers = response.headers_mut();
        if let Ok(tag) = HeaderValue::from_str(&tag) {
            headers.insert(header::ETAG, tag);
        }
        if is_small && !is_known {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        for (name, value) in [
            (header::CACHE_CONTROL, keep),
            (header::VARY, "accept-encoding"),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (header::CONTENT_TYPE, self.kind),
            // Also for the worker: what it may fetch is its own file's policy.
            (header::CONTENT_SECURITY_POLICY, POLICY),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        response
    }
}

/// In gzip; what cannot be written into memory is sent empty, and told by its length.
fn compressed(bytes: &[u8]) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    let written = encoder.write_all(bytes).and_then(|()| encoder.finish());
    written.map(Bytes::from).unwrap_or_default()
}

/// The reader's language, as the browser says.
fn language_of(asked: &HeaderMap) -> Language {
    let accepted = asked.get(header::ACCEPT_LANGUAGE).and_then(|wanted| wanted.to_str().ok());
    Language::accepted(accepted.unwrap_or_default())
}

const ASK_AGAIN: &str = "no-cache";
const FOR_EVER: &str = "public, max-age=31536000, immutable";

/// Without its final slash, the page's relative addresses would lead elsewhere.
async fn beside(_: Context) -> Response {
    (StatusCode::PERMANENT_REDIRECT, [(header::LOCATION, "authenticator/")]).into_response()
}

async fn page(_: Context, asked: HeaderMap) -> Response {
    let files = files();
    let Some(page) = files.all.get(PAGE) else { return pages::not_found().await };
    let text = String::from_utf8_lossy(&page.bytes);
    let text = text.replace(LANGUAGE, language_of(&asked).code());
    let mut response = File::new(PAGE, Bytes::from(text)).answer(&asked, ASK_AGAIN);
    let vary = HeaderValue::from_static("accept-encoding, accept-language");
    response.headers_mut().insert(header::VARY, vary);
    for (name, value) in [
        ("permissions-policy", FEATURES),
        ("cross-origin-opener-policy", "same-origin"),
        ("referrer-policy", "no-referrer"),
    ] {
        let name = HeaderName::from_static(name);
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

async fn worker(_: Context, asked: HeaderMap) -> Response {
    match files().all.get(WORKER) {
        Some(file) => file.answer(&asked, ASK_AGAIN),
        None => pages::not_found().await,
    }
}

/// A file of this version. Another version's program gets nothing that does not belong to it.
async fn file(_: Context, Path(names): Path<(String, String)>, asked: HeaderMap) -> Response {
    let (version, path) = names;
    let files = files();
    match files.all.get(&path).filter(|_| version == files.version && path != WORKER) {
        Some(file) => file.answer(&asked, FOR_EVER),
        None => pages::not_found().await,
    }
}

/// What a phone needs to put the app beside its others.
async fn manifest(context: Context, asked: HeaderMap) -> Response {
    let language = language_of(&asked);
    let name = context.tenant.display_name.as_str();
    let icon = |file: &str, size: &str, purpose: &str| {
        let path = format!("files/{}/icons/{file}", files().version);
        json!({ "src": path, "sizes": size, "type": "image/png", "purpose": purpose })
    };
    let body = json!({
        "id": "./",
        "start_url": "./",
        "scope": "./",
        "lang": language.code(),
        "name": say_plainly(language, "app-name", &[("name", name.into())]),
        "short_name": name,
        "description": say_plainly(language, "app-description", &[]),
        "display": "standalone",
        "background_color": "#eef1f5",
        "theme_color": "#0b5cad",
        "icons": [
            icon("192.png", "192x192", "any"),
            icon("512.png", "512x512", "any"),
            icon("maskable.png", "512x512", "maskable"),
        ],
    });
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/manifest+json")),
        (header::CACHE_CONTROL, HeaderValue::from_static(ASK_AGAIN)),
        (header::VARY, HeaderValue::from_static("accept-language")),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ];
    (headers, body.to_string()).into_response()
}
