//! After a start: which requests are still undecided, so that polls of them are free again.

use domain::Timestamp;
use store::{Engine, transactions};

use crate::App;
use crate::failure::Failure;
use crate::open::OpenTransaction;

/// Fills the index of undecided requests, page by page.
pub async fn find_open_transactions(app: &App, now: Timestamp) -> Result<(), Failure> {
    if app.database.engine() != Engine::Sqlite {
        return Ok(());
    }
    let mut after = None;
    loop {
        let page = transactions::open_page(&app.database, now, after).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = Some(last.position());
        for row in page {
            app.open.insert(
                row.auth_req_hash,
                OpenTransaction {
                    tenant: row.tenant,
                    client: row.client,
                    expires_at: row.expires_at,
                    pacing: row.pacing,
                },
            );
        }
    }
}
