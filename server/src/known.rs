//! Tenants, clients, APIs and keys, read once for each change (see [`crate::cache`]).

use std::sync::Arc;
use std::sync::atomic::Ordering;

use domain::ciba::context_policy::ContextPolicy;
use domain::ciba::ladder::Ladder;
use domain::ciba::prompt_limits::PromptLimits;
use domain::jose::{Algorithm, Jwk, PublicKey};
use domain::oauth::api::Api;
use domain::oauth::client::{Authentication, Client};
use domain::oauth::grant::{ClientGrant, SubjectType};
use domain::oauth::subject::Subject;
use domain::{ClientId, Fingerprint, TenantId, Timestamp};
use serde_json::Value;
use store::client_credentials::CredentialRow;
use store::issuer_keys::{IssuerKeyRow, Purpose};
use store::{
    Engine, client_credentials, client_grants, clients, issuer_keys, resource_servers,
    signing_keys, tenants,
};

use crate::App;
use crate::cache::Cache;
use crate::failure::{Broken, Failure};
use crate::fresh::Fresh;
use crate::issuer_keys::IssuerKey;
use crate::keyring::{self, Keyring, Shown};
use crate::push::Accounts;
use crate::tenancy::{self, Base, Context, Settings, Tenant};

/// Where this process alone writes, what it read stays true until it writes: an hour.
const ALONE_MS: i64 = 3_600_000;
/// Where other nodes write too, tenants, APIs and keys may be this old.
const SHARED_MS: i64 = 5_000;

/// The metadata name the types of so many APIs, the oldest.
const LISTED_APIS: u32 = 1_000;

/// A client as authentication needs it.
#[derive(Clone, Debug)]
pub struct KnownClient(Arc<Knowledge>);

#[derive(Debug)]
struct Knowledge {
    client: Client,
    secret: Option<Fingerprint>,
    keys: Vec<Credential>,
    certificates: Vec<CertificateCredential>,
    updated_at: Timestamp,
}

/// A key of a client, with the one algorithm it is registered for.
#[derive(Clone, Debug)]
struct Credential {
    key: PublicKey,
    algorithm: Algorithm,
    expires_at: Option<Timestamp>,
}

/// A certificate of a client, or the subject that its certificates name.
#[derive(Clone, Debug)]
struct CertificateCredential {
    subject: Option<Subject>,
    thumbprint: Option<String>,
    expires_at: Option<Timestamp>,
}

impl KnownClient {
    /// What it is registered as.
    pub fn client(&self) -> &Client {
        &self.0.client
    }

    /// The keys its assertions may be signed with at `now`.
    pub fn keys(&self, now: Timestamp) -> Vec<(PublicKey, Algorithm)> {
        let takes_pkcs1 = self.0.client.profile.rules().takes_pkcs1;
        let lives = |key: &&Credential| {
            let is_strong = takes_pkcs1 || !key.algorithm.is_pkcs1();
            is_strong && key.expires_at.is_none_or(|expires_at| expires_at > now)
        };
        self.0.keys.iter().filter(lives).map(|key| (key.key.clone(), key.algorithm)).collect()
    }

    /// The keys its requests may be signed with at `now`: those of its own set, and those it
    /// authenticates with.
    pub fn request_keys(&self, now: Timestamp) -> Vec<Jwk> {
        let credentials = self.keys(now).into_iter();
        let credentials =
            credentials.map(|(key, alg)| Jwk { key, kid: None, alg: Some(alg), certificate: None });
        self.0.client.jwks.iter().cloned().chain(credentials).collect()
    }

    /// The subjects that its certificates may name at `now`.
    pub fn subjects(&self, now: Timestamp) -> Vec<&Subject> {
        self.certificates(now).filter_map(|one| one.subject.as_ref()).collect()
    }

    /// Whether the certificate of this thumbprint is registered as its own.
    pub fn has_certificate(&self, thumbprint: &str, now: Timestamp) -> bool {
        self.certificates(now).any(|one| one.thumbprint.as_deref() == Some(thumbprint))
    }

    fn certificates(&self, now: Timestamp) -> impl Iterator<Item = &CertificateCredential> {
        let lives = move |one: &&CertificateCredential| one.expires_at.is_none_or(|end| end > now);
        self.0.certificates.iter().filter(lives)
    }

    /// When it was last changed: what a start must find unchanged.
    pub fn updated_at(&self) -> Timestamp {
        self.0.updated_at
    }

    /// Whether it authenticates with this secret. A client registered for assertions or TLS has
    /// none (W41).
    pub fn has_secret(&self, secret: &[u8]) -> bool {
        let client = &self.0.client;
        client.authentication == Authentication::Secret
            && client.profile.rules().takes_secrets
            && self.0.secret.is_some_and(|kept| kept.matches(secret))
    }
}

/// An API with its scopes and what a client was granted of it.
pub type KnownApi = Arc<Api>;

/// Tenant, client, audience, and whether the grant is for people.
type GrantKey = (TenantId, ClientId, String, bool);

/// What this process remembers.
#[derive(Debug)]
pub(crate) struct Known {
    tenants: Cache<TenantId, Option<Arc<Tenant>>>,
    hosts: Cache<String, TenantId>,
    bases: Cache<(TenantId, bool, String), Arc<Base>>,
    clients: Cache<(TenantId, ClientId), Option<KnownClient>>,
    apis: Cache<(TenantId, String), Option<KnownApi>>,
    client_reads: Fresh<(TenantId, ClientId), Option<KnownClient>>,
    grants: Cache<GrantKey, Option<Arc<ClientGrant>>>,
    grant_reads: Fresh<GrantKey, Option<Arc<ClientGrant>>>,
    details_types: Cache<TenantId, Arc<Vec<String>>>,
    keys: Cache<TenantId, Arc<Keyring>>,
    pub(crate) issuer_keys: Cache<(TenantId, &'static str), Arc<IssuerKey>>,
    pub(crate) push: Cache<TenantId, Arc<Accounts>>,
}

impl Known {
    pub(crate) fn new(engine: Engine) -> Self {
        // A rotated secret or a changed grant counts at once (decision 5): where other nodes
        // write too, nothing of a client is remembered; only reads at the same time are shared.
        let (settled, client) = match engine {
            Engine::Sqlite => (ALONE_MS, ALONE_MS),
            Engine::Postgres => (SHARED_MS, 0),
        };
        Self {
            tenants: Cache::new(settled),
            hosts: Cache::new(settled),
            bases: Cache::new(settled),
            clients: Cache::new(client),
            apis: Cache::new(settled),
            client_reads: Fresh::default(),
            grants: Cache::new(client),
            grant_reads: Fresh::default(),
            details_types: Cache::new(settled),
            keys: Cache::new(settled),
            issuer_keys: Cache::new(settled),
            push: Cache::new(settled),
        }
    }
}

impl App {
    /// The tenant, if there is one of that name.
    pub async fn tenant(
        &self,
        id: &TenantId,
        now: Timestamp,
    ) -> Result<Option<Arc<Tenant>>, Failure> {
        let generation = self.database.configuration_generation();
        if let Some(known) = self.known.tenants.get(id, generation, now) {
            return Ok(known);
        }
        let tenant = match Box::pin(tenants::one(&self.database, id)).await? {
            None => None,
            Some(row) => {
                let settings: Settings =
                    serde_json::from_str(&row.settings).map_err(Broken::because)?;
                let tenant = Tenant {
                    id: row.id,
                    display_name: row.display_name,
                    hint_issuers: settings.hint_issuers(),
                    prompt_limits: PromptLimits::of(&settings.prompt_limits),
                    ladder: Ladder::of(&settings.wake_ladder),
                    context_policy: ContextPolicy::of(&settings.context_policy),
                    settings,
                    hosts: row.hosts,
                };
                if tenancy::rules(&tenant).iter().any(|rules| rules.narrows_tls) {
                    self.narrows_tls.store(true, Ordering::Relaxed);
                }
                Some(Arc::new(tenant))
            }
        };
        self.known.tenants.put(id.clone(), tenant.clone(), generation, now);
        Ok(tenant)
    }

    /// The tenant that `/t/{id}` names, as a request to `host` reaches it.
    pub async fn context_by_prefix(
        &self,
        id: &TenantId,
        host: &str,
        now: Timestamp,
    ) -> Result<Option<Context>, Failure> {
        let Some(tenant) = self.tenant(id, now).await? else { return Ok(None) };
        let base = self.base(&tenant, true, host, now);
        Ok(Some(Context { tenant, base }))
    }

    /// The tenant that has `host`; the first one if none has.
    pub async fn context_by_host(&self, host: &str, now: Timestamp) -> Result<Context, Failure> {
        let label = self.addresses.mtls.as_ref().map_or("", |_mtls| tenancy::MTLS_LABEL);
        let host = host.strip_prefix(label).unwrap_or(host);
        let id = self.tenant_of_host(host, now).await?;
        let tenant = self.tenant(&id, now).await?;
        let tenant = tenant.ok_or_else(|| Broken::because(format!("there is no tenant {id}")))?;
        let base = self.base(&tenant, false, host, now);
        Ok(Context { tenant, base })
    }

    async fn tenant_of_host(&self, host: &str, now: Timestamp) -> Result<TenantId, Failure> {
        let name = tenancy::host_name(host).to_ascii_lowercase();
        let generation = self.database.configuration_generation();
        if let Some(known) = self.known.hosts.get(&name, generation, now) {
            return Ok(known);
        }
        let found = Box::pin(tenants::by_host(&self.database, &name)).await?;
        let id = found.unwrap_or_else(|| TenantId::new(tenancy::FIRST_TENANT));
        self.known.hosts.put(name, id.clone(), generation, now);
        Ok(id)
    }

    fn base(&self, tenant: &Tenant, by_prefix: bool, host: &str, now: Timestamp) -> Arc<Base> {
        // Only a host of the tenant's own makes a difference; any other is the same as none.
        let own = tenant.hosts.iter().find(|name| tenancy::same_host(name, host));
        let key = (tenant.id.clone(), by_prefix, own.cloned().unwrap_or_default());
        let generation = self.database.configuration_generation();
        if let Some(known) = self.known.bases.get(&key, generation, now) {
            return known;
        }
        let base = Arc::new(self.addresses.base(tenant, by_prefix, host));
        self.known.bases.put(key, Arc::clone(&base), generation, now);
        base
    }

    /// The client of that id.
    pub async fn client(
        &self,
        tenant: &TenantId,
        id: &ClientId,
        now: Timestamp,
    ) -> Result<Option<KnownClient>, Failure> {
        let generation = self.database.configuration_generation();
        let key = (tenant.clone(), id.clone());
        if let Some(known) = self.known.clients.get(&key, generation, now) {
            return Ok(known);
        }
        let reads = &self.known.client_reads;
        // Apart: whoever finds it known needs no room for reading it.
        let known = Box::pin(reads.read(&key, self.read_client(tenant, id))).await?;
        self.known.clients.put(key, known.clone(), generation, now);
        Ok(known)
    }

    async fn read_client(
        &self,
        tenant: &TenantId,
        id: &ClientId,
    ) -> Result<Option<KnownClient>, Failure> {
        let Some(row) = clients::one(&self.database, tenant, id).await? else { return Ok(None) };
        let document: Value = serde_json::from_str(&row.document).map_err(Broken::because)?;
        let client = Client::from_document(&document)
            .map_err(|_no_client| Broken::because(format!("client {id} cannot be read")))?;
        let (keys, certificates) = match &client.authentication {
            Authentication::PrivateKeyJwt { credentials } => {
                let rows = self.credentials(tenant, id, credentials).await?;
                let key = |row: &CredentialRow| credential(&row.document, row.expires_at);
                (rows.iter().filter_map(key).collect(), Vec::new())
            }
            Authentication::TlsClientAuth { credentials }
            | Authentication::SelfSignedTlsClientAuth { credentials } => {
                let rows = self.credentials(tenant, id, credentials).await?;
                (Vec::new(), rows.iter().filter_map(certificate).collect())
            }
            Authentication::TlsSubject(name) => {
                let subject = Subject::parse(name);
                let named = CertificateCredential { subject, thumbprint: None, expires_at: None };
                (Vec::new(), vec![named])
            }
            Authentication::Public
            | Authentication::Secret
            | Authentication::KeyOfSet
            | Authentication::CertificateOfSet => (Vec::new(), Vec::new()),
        };
        let (secret, updated_at) = (row.secret_hash, row.updated_at);
        let knowledge = Knowledge { client, secret, keys, certificates, updated_at };
        Ok(Some(KnownClient(Arc::new(knowledge))))
    }

    /// The rows of those credentials that a client authenticates with.
    async fn credentials(
        &self,
        tenant: &TenantId,
        client: &ClientId,
        named: &[String],
    ) -> Result<Vec<CredentialRow>, Failure> {
        let mut rows = client_credentials::of_client(&self.database, tenant, client).await?;
        rows.retain(|row| named.contains(&row.id));
        Ok(rows)
    }

    /// The API of that identifier.
    pub async fn api(
        &self,
        tenant: &TenantId,
        identifier: &str,
        now: Timestamp,
    ) -> Result<Option<KnownApi>, Failure> {
        let generation = self.database.configuration_generation();
        let key = (tenant.clone(), identifier.to_owned());
        if let Some(known) = self.known.apis.get(&key, generation, now) {
            return Ok(known);
        }
        let row = resource_servers::by_identifier(&self.database, tenant, identifier).await?;
        let api = match row {
            None => None,
            Some(row) => {
                let document: Value =
                    serde_json::from_str(&row.document).map_err(Broken::because)?;
                let api = Api::from_document(&document).map_err(|_no_api| {
                    Broken::because(format!("API {identifier} cannot be read"))
                })?;
                Some(Arc::new(api))
            }
        };
        self.known.apis.put(key, api.clone(), generation, now);
        Ok(api)
    }

    /// What a client was granted of an API, on its own behalf or a person's.
    pub async fn grant(
        &self,
        tenant: &TenantId,
        client: &ClientId,
        audience: &str,
        subject: SubjectType,
        now: Timestamp,
    ) -> Result<Option<Arc<ClientGrant>>, Failure> {
        let generation = self.database.configuration_generation();
        let is_user = subject == SubjectType::User;
        let key = (tenant.clone(), client.clone(), audience.to_owned(), is_user);
        if let Some(known) = self.known.grants.get(&key, generation, now) {
            return Ok(known);
        }
        let reads = &self.known.grant_reads;
        let read = self.read_grant(tenant, client, (audience, subject));
        let grant = Box::pin(reads.read(&key, read)).await?;
        self.known.grants.put(key, grant.clone(), generation, now);
        Ok(grant)
    }

    async fn read_grant(
        &self,
        tenant: &TenantId,
        client: &ClientId,
        (audience, subject): (&str, SubjectType),
    ) -> Result<Option<Arc<ClientGrant>>, Failure> {
        let subject = subject.as_str();
        let row = client_grants::by_client(&self.database, tenant, client, audience, subject);
        let Some(row) = row.await? else { return Ok(None) };
        let document: Value = serde_json::from_str(&row.document).map_err(Broken::because)?;
        let grant = ClientGrant::from_document(&document)
            .map_err(|_no_grant| Broken::because(format!("grant {} cannot be read", row.id)))?;
        Ok(Some(Arc::new(grant)))
    }

    /// The types of `authorization_details` that the tenant's APIs have registered, each once.
    pub async fn details_types(
        &self,
        tenant: &TenantId,
        now: Timestamp,
    ) -> Result<Arc<Vec<String>>, Failure> {
        let generation = self.database.configuration_generation();
        if let Some(known) = self.known.details_types.get(tenant, generation, now) {
            return Ok(known);
        }
        let mut types = Vec::new();
        for row in resource_servers::list(&self.database, tenant, 0, LISTED_APIS).await? {
            let document: Value = serde_json::from_str(&row.document).map_err(Broken::because)?;
            let listed = document.get("authorization_details").and_then(Value::as_array);
            let names = listed.into_iter().flatten().filter_map(|one| one.get("type")?.as_str());
            types.extend(names.map(str::to_owned));
        }
        types.sort_unstable();
        types.dedup();
        let types = Arc::new(types);
        self.known.details_types.put(tenant.clone(), Arc::clone(&types), generation, now);
        Ok(types)
    }

    /// The tenant's signing keys.
    pub async fn signing_keys(
        &self,
        tenant: &TenantId,
        now: Timestamp,
    ) -> Result<Arc<Keyring>, Failure> {
        let generation = self.database.configuration_generation();
        if let Some(known) = self.known.keys.get(tenant, generation, now) {
            return Ok(known);
        }
        let rows = signing_keys::list(&self.database, tenant).await?;
        let wanted = |one: Algorithm| signing_keys::is_wanted(&self.database, tenant, one.name());
        let elliptic = wanted(Algorithm::Es256).await?;
        let mut shown = Shown { elliptic, further: Vec::new() };
        for algorithm in keyring::FURTHER {
            if wanted(algorithm).await? {
                shown.further.push(algorithm);
            }
        }
        let mut keyring = Keyring::open(tenant, &rows, &self.secrets.sealing, &shown)?;
        let of_issuer = issuer_keys::of_tenant(&self.database, tenant).await?;
        let is_for_receipts = |row: &&IssuerKeyRow| row.purpose == Purpose::Receipt;
        if let Some(row) = of_issuer.iter().find(is_for_receipts) {
            let jwk = serde_json::from_str(&row.public_jwk).map_err(Broken::because)?;
            keyring = keyring.showing(jwk)?;
        }
        let keyring = Arc::new(keyring);
        self.known.keys.put(tenant.clone(), Arc::clone(&keyring), generation, now);
        Ok(keyring)
    }
}

fn credential(document: &str, expires_at: Option<Timestamp>) -> Option<Credential> {
    let document: Value = serde_json::from_str(document).ok()?;
    let algorithm = Algorithm::from_name(document.get("alg")?.as_str()?)?;
    let key = PublicKey::from_jwk(document.get("public_jwk")?).ok()?;
    key.fits(algorithm).then_some(Credential { key, algorithm, expires_at })
}

fn certificate(row: &CredentialRow) -> Option<CertificateCredential> {
    let document: Value = serde_json::from_str(&row.document).ok()?;
    let text = |name: &str| document.get(name).and_then(Value::as_str);
    Some(CertificateCredential {
        subject: text("subject_dn").and_then(Subject::parse),
        thumbprint: text("thumbprint_sha256").map(str::to_owned),
        expires_at: row.expires_at,
    })
}
