//! The web authenticator: the files of `web/authenticator`, as they lie there, and what it is told
//! of the tenant. Nothing here knows a device; the app speaks `/device/v1` like any other.
//!
//! All but the page and its service worker stand below one path with the hash of everything in it:
//! relative imports stay valid, and a browser never asks for the same file twice.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use aws_lc_rs::digest::{Context as Digest, SHA256, digest};
use axum::Router;
use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use bytes::Bytes;
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
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
                      connect-src 'self'; manifest-src 'self'; worker-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
                      require-trusted-types-for 'script'; trusted-types aizuchi-worker";
const FEATURES: &str = "camera=(self), publickey-credentials-create=(self), \
                        publickey-credentials-get=(self), geolocation=(), microphone=()";
/// What files that name others say for their folder's name.
const PLACEHOLDER: &str = "{version}";
/// What the service worker keeps, one path a line.
const LIST: &str = "{files}";
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
    tag: String,
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
        let hash = digest(&SHA256, &bytes);
        let tag = format!("\"{}\"", BASE64_URL_SAFE_NO_PAD.encode(hash));
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
        Self { kind, bytes, tag }
    }

    /// The file, or that it is the one the browser has.
    fn answer(&self, asked: &HeaderMap, keep: &'static str) -> Response {
        let known = asked.get(header::IF_NONE_MATCH).and_then(|tags| tags.to_str().ok());
        let is_known = known.is_some_and(|tags| tags.split(',').any(|tag| tag.trim() == self.tag));
        let headers = [
            (header::ETAG, HeaderValue::from_str(&self.tag).ok()),
            (header::CACHE_CONTROL, Some(HeaderValue::from_static(keep))),
            (header::X_CONTENT_TYPE_OPTIONS, Some(HeaderValue::from_static("nosniff"))),
            (header::CONTENT_TYPE, Some(HeaderValue::from_static(self.kind))),
            // Also for the worker: what it may fetch is its own file's policy.
            (header::CONTENT_SECURITY_POLICY, Some(HeaderValue::from_static(POLICY))),
        ];
        let mut response = if is_known {
            StatusCode::NOT_MODIFIED.into_response()
        } else {
            self.bytes.clone().into_response()
        };
        for (name, value) in headers {
            if let Some(value) = value {
                response.headers_mut().insert(name, value);
            }
        }
        response
    }
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
    let mut response = page.answer(&asked, ASK_AGAIN);
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
    let accepted = asked.get(header::ACCEPT_LANGUAGE).and_then(|wanted| wanted.to_str().ok());
    let language = Language::accepted(accepted.unwrap_or_default());
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
