//! Whether a request that changes something was made by one of our own pages.

use http::request::Parts;

use crate::tenancy::Base;

/// Whether a request that changes something comes from one of our own pages, which the browser
/// reached as `host`: what the browser says by `Sec-Fetch-Site`, or else by `Origin`. A program that
/// says neither has no cookies to abuse.
pub(crate) fn is_from_our_page(parts: &Parts, base: &Base, host: &str) -> bool {
    let text = |name: &str| parts.headers.get(name).map(|value| value.to_str().unwrap_or_default());
    if let Some(site) = text("sec-fetch-site") {
        return site == "same-origin";
    }
    let Some(origin) = text("origin") else { return true };
    let authority = origin.split_once("://").map_or("", |(_, authority)| authority);
    let mut known = base.all.iter();
    authority.eq_ignore_ascii_case(host)
        || known
            .any(|address| address.strip_prefix(origin).is_some_and(|rest| rest.starts_with('/')))
}
