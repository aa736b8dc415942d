//! What deployment tools look up and this server never has: connections, roles, organizations (W276,
//! W277).

use super::administrator::Administrator;
use super::error::Error;
use super::request::Named;
use crate::denied::Inexistent;

/// `GET /connections/{id}`.
pub(super) async fn connection(
    administrator: Administrator,
    Named(_id): Named<String>,
) -> Result<(), Error> {
    administrator.needs(&["read:connections"])?;
    Err(Inexistent::Connection.into())
}

/// `GET /roles/{id}`.
pub(super) async fn role(
    administrator: Administrator,
    Named(_id): Named<String>,
) -> Result<(), Error> {
    administrator.needs(&["read:roles"])?;
    Err(Inexistent::Role.into())
}

/// `GET /organizations/{id}` and `/organizations/name/{name}`.
pub(super) async fn organization(
    administrator: Administrator,
    Named(_id): Named<String>,
) -> Result<(), Error> {
    administrator.needs(&["read:organizations"])?;
    Err(Inexistent::Organization.into())
}
