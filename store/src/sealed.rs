//! Everything that is stored sealed, wherever it stands: to be read and sealed anew when the root
//! key changes. A table that keeps sealed values is named here and nowhere else.

use domain::TenantId;

use crate::{Database, Error, Row, Write};

/// Most values that one page gives.
pub const SEALED_PAGE: i64 = 100;

/// A column of sealed values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Private keys that tenants sign with.
    SigningKeys,
    /// Accounts at authorities of certificates.
    AcmeAccounts,
    /// Private keys of certificates that we fetched.
    AcmeCertificates,
    /// Private keys of what authorities are shown.
    AcmeChallenges,
    /// Credentials of push services.
    PushProviders,
    /// What clients want to be shown when they are told an outcome.
    NoticeTokens,
    /// What they are sent.
    NoticeBodies,
    /// Private keys that sign contents and receipts.
    IssuerKeys,
    /// Links that are to be mailed.
    Mails,
}

impl Place {
    /// Every place.
    pub const ALL: [Self; 9] = [
        Self::SigningKeys,
        Self::AcmeAccounts,
        Self::AcmeCertificates,
        Self::AcmeChallenges,
        Self::PushProviders,
        Self::NoticeTokens,
        Self::NoticeBodies,
        Self::IssuerKeys,
        Self::Mails,
    ];

    /// The table, as the associated data of its values begins.
    const fn table(self) -> &'static str {
        match self {
            Self::SigningKeys => "signing_keys",
            Self::AcmeAccounts => "acme_accounts",
            Self::AcmeCertificates => "acme_certificates",
            Self::AcmeChallenges => "acme_challenges",
            Self::PushProviders => "push_providers",
            Self::NoticeTokens => "notice_tokens",
            Self::NoticeBodies => "notice_bodies",
            Self::IssuerKeys => "issuer_keys",
            Self::Mails => "mails",
        }
    }

    const fn read(self) -> &'static str {
        match self {
            Self::SigningKeys => {
                "
                SELECT tenant_id, kid, sealed_private FROM signing_keys
                WHERE tenant_id > $1 OR (tenant_id = $1 AND kid > $2)
                ORDER BY tenant_id, kid LIMIT $3"
            }
            Self::AcmeAccounts => {
                "
                SELECT '', directory, sealed FROM acme_accounts
                WHERE sealed IS NOT NULL AND ('' > $1 OR ('' = $1 AND directory > $2))
                ORDER BY directory LIMIT $3"
            }
            Self::AcmeCertificates => {
                "
                SELECT '', host, sealed FROM acme_certificates
                WHERE sealed IS NOT NULL AND ('' > $1 OR ('' = $1 AND host > $2))
                ORDER BY host LIMIT $3"
            }
            Self::AcmeChallenges => {
                "
                SELECT '', host, sealed FROM acme_challenges
                WHERE sealed IS NOT NULL AND ('' > $1 OR ('' = $1 AND host > $2))
                ORDER BY host LIMIT $3"
            }
            Self::PushProviders => {
                "
                SELECT tenant_id, provider, sealed FROM push_providers
                WHERE sealed IS NOT NULL
                    AND (tenant_id > $1 OR (tenant_id = $1 AND provider > $2))
                ORDER BY tenant_id, provider LIMIT $3"
            }
            Self::NoticeTokens => {
                "
                SELECT tenant_id, txn, sealed_token FROM notices
                WHERE tenant_id > $1 OR (tenant_id = $1 AND txn > $2)
                ORDER BY tenant_id, txn LIMIT $3"
            }
            Self::NoticeBodies => {
                "
                SELECT tenant_id, txn, sealed_body FROM notices
                WHERE sealed_body IS NOT NULL
                    AND (tenant_id > $1 OR (tenant_id = $1 AND txn > $2))
                ORDER BY tenant_id, txn LIMIT $3"
            }
            Self::IssuerKeys => {
                "
                SELECT tenant_id, purpose, sealed_private FROM issuer_keys
                WHERE tenant_id > $1 OR (tenant_id = $1 AND purpose > $2)
                ORDER BY tenant_id, purpose LIMIT $3"
            }
            Self::Mails => {
                "
                SELECT tenant_id, id, sealed FROM mails
                WHERE sealed IS NOT NULL AND (tenant_id > $1 OR (tenant_id = $1 AND id > $2))
                ORDER BY tenant_id, id LIMIT $3"
            }
        }
    }

    const fn replace(self) -> &'static str {
        match self {
            Self::SigningKeys => {
                "
                UPDATE signing_keys SET sealed_private = $4
                WHERE tenant_id = $1 AND kid = $2 AND sealed_private = $3"
            }
            Self::AcmeAccounts => {
                "
                UPDATE acme_accounts SET sealed = $4
                WHERE '' = $1 AND directory = $2 AND sealed = $3"
            }
            Self::AcmeCertificates => {
                "
                UPDATE acme_certificates SET sealed = $4
                WHERE '' = $1 AND host = $2 AND sealed = $3"
            }
            Self::AcmeChallenges => {
                "
                UPDATE acme_challenges SET sealed = $4
                WHERE '' = $1 AND host = $2 AND sealed = $3"
            }
            Self::PushProviders => {
                "
                UPDATE push_providers SET sealed = $4
                WHERE tenant_id = $1 AND provider = $2 AND sealed = $3"
            }
            Self::NoticeTokens => {
                "
                UPDATE notices SET sealed_token = $4
                WHERE tenant_id = $1 AND txn = $2 AND sealed_token = $3"
            }
            Self::NoticeBodies => {
                "
                UPDATE notices SET sealed_body = $4
                WHERE tenant_id = $1 AND txn = $2 AND sealed_body = $3"
            }
            Self::IssuerKeys => {
                "
                UPDATE issuer_keys SET sealed_private = $4
                WHERE tenant_id = $1 AND purpose = $2 AND sealed_private = $3"
            }
            Self::Mails => {
                "
                UPDATE mails SET sealed = $4
                WHERE tenant_id = $1 AND id = $2 AND sealed = $3"
            }
        }
    }
}

/// The associated data of a value: it opens only in its own row.
pub fn associated(place: Place, tenant: &TenantId, id: &str) -> Vec<u8> {
    format!("{}/{tenant}/{id}", place.table()).into_bytes()
}

/// One sealed value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedValue {
    /// Where it stands.
    pub place: Place,
    /// Whose it is.
    pub tenant: TenantId,
    /// Which of the tenant's.
    pub id: String,
    /// The value.
    pub sealed: Vec<u8>,
}

impl SealedValue {
    /// The associated data it was sealed with: it opens only in its own row.
    pub fn associated(&self) -> Vec<u8> {
        associated(self.place, &self.tenant, &self.id)
    }
}

/// The values of a place behind `(tenant, id)`, in that order.
pub async fn page(
    database: &Database,
    place: Place,
    (tenant, id): (&str, &str),
) -> Result<Vec<SealedValue>, Error> {
    let rows = database.few(place.read(), &[tenant.into(), id.into(), SEALED_PAGE.into()]).await?;
    let read = |row: &Row| {
        Ok(SealedValue {
            place,
            tenant: TenantId::new(row.text(0)?),
            id: row.text(1)?.to_owned(),
            sealed: row.blob(2)?.to_vec(),
        })
    };
    rows.iter().map(read).collect()
}

/// Puts the same secret, sealed anew, in a value's place. `Overtaken`: it has changed since.
pub fn replace(value: &SealedValue, sealed: &[u8]) -> Write {
    let params = [
        (&value.tenant).into(),
        (&value.id).into(),
        (&value.sealed).into(),
        sealed.to_vec().into(),
    ];
    Write::new().exactly(1, value.place.replace(), params).changes_configuration()
}
