//! Finding a person by whatever is at hand: a name, an address, an id, or the search language of
//! the Management API.

use std::time::Duration;

use domain::TenantId;
use domain::people::User;
use domain::people::search::{self, Field, Piece, Query, Test};
use store::users_search::{self, Search, SortField};
use store::{enrollments, users};

use crate::App;
use crate::denied::{Denial, Denied};

/// People of one page.
pub const PAGE_SIZE: u32 = 25;
/// How far can be paged.
const REACH: u32 = 1_000;
/// How long a search may take.
const SEARCH_TIME: Duration = Duration::from_secs(2);
/// Longest text that is searched for, in characters.
const TEXT_LIMIT: usize = 512;
/// What is looked through beside the id.
const NAMES: [&str; 5] = ["email", "name", "nickname", "given_name", "family_name"];

/// A person in the list.
#[derive(Clone, Debug)]
pub struct ListedUser {
    /// Who.
    pub user: User,
    /// How many devices they have.
    pub devices: usize,
    /// Whether a request would reach one of them.
    pub is_reachable: bool,
}

/// A page of people.
#[derive(Clone, Debug)]
pub struct FoundUsers {
    /// Who, newest first.
    pub users: Vec<ListedUser>,
    /// Whether there is a further page.
    pub has_more: bool,
}

/// The people that `text` finds; everybody if it is empty.
pub async fn find_users(
    app: &App,
    tenant: &TenantId,
    text: &str,
    page: u32,
) -> Result<FoundUsers, Denial> {
    let text: String = text.chars().filter(|letter| *letter != '\0').take(TEXT_LIMIT).collect();
    let found = tokio::time::timeout(SEARCH_TIME, find(app, tenant, text.trim(), page)).await;
    let mut found = found.map_err(|_elapsed| Denied::TooSlow)??;
    let most = PAGE_SIZE as usize;
    let has_more = found.len() > most && (page + 1) * PAGE_SIZE < REACH;
    found.truncate(most);
    let mut listed = Vec::with_capacity(found.len());
    for user in found {
        let devices = enrollments::of_user(&app.database, tenant, user.id()).await?;
        let is_reachable = devices.iter().any(domain::people::Device::is_reachable);
        listed.push(ListedUser { user, devices: devices.len(), is_reachable });
    }
    Ok(FoundUsers { users: listed, has_more })
}

async fn find(app: &App, tenant: &TenantId, text: &str, page: u32) -> Result<Vec<User>, Denial> {
    let skipped = page.saturating_mul(PAGE_SIZE);
    if skipped >= REACH {
        return Err(Denied::InvalidPaging.into());
    }
    if page == 0 && !text.is_empty() {
        // The two that an index answers, whatever the number of people.
        let id = domain::UserId::new(text);
        if let Some(user) = users::one(&app.database, tenant, &id).await? {
            return Ok(vec![user]);
        }
        let same = users::by_email(&app.database, tenant, &text.to_lowercase()).await?;
        if !same.is_empty() {
            return Ok(same);
        }
    }
    let search = Search {
        query: understood(text)?,
        sort: SortField::CreatedAt,
        is_descending: true,
        ..Search::default()
    };
    Ok(users_search::find(&app.database, tenant, &search, skipped, PAGE_SIZE + 1).await?)
}

/// A text with a colon is a question in the search language, any other is looked for as it is.
fn understood(text: &str) -> Result<Option<Query>, Denial> {
    if text.is_empty() {
        return Ok(None);
    }
    if text.contains(':') {
        return Ok(Some(search::parse(text)?));
    }
    let around =
        |text: String| Test::Like(vec![Piece::Anything, Piece::Literal(text), Piece::Anything]);
    let by_id = Query::Is(Field::UserId, around(text.to_owned()));
    let query = NAMES.iter().fold(by_id, |query, name| {
        let by_name = Query::Is(Field::Folded(name), around(text.to_lowercase()));
        Query::Or(Box::new(query), Box::new(by_name))
    });
    Ok(Some(query))
}
