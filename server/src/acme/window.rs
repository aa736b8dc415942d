//! The way to the authority: https only, its certificate verified, bounded in time and size.

use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use instant_acme::{BodyWrapper, BytesResponse, Error, HttpClient};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

use crate::config::Acme;

/// An answer must be there within this time.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);
/// No answer may be larger.
const ANSWER_BYTES: usize = 256 * 1024;
/// Where systems keep the certificates they trust.
const SYSTEM_ROOTS: [&str; 3] =
    ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"];

pub(super) struct Window {
    client: Client<HttpsConnector<HttpConnector>, BodyWrapper<Bytes>>,
}

impl Window {
    pub(super) fn new(settings: &Acme) -> Result<Self, String> {
        let roots = roots(&settings.ca_file)?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let connector =
            HttpsConnectorBuilder::new().with_tls_config(tls).https_only().enable_http1().build();
        Ok(Self { client: Client::builder(TokioExecutor::new()).build(connector) })
    }
}

fn roots(file: &Path) -> Result<RootCertStore, String> {
    let mut system = SYSTEM_ROOTS.iter().map(PathBuf::from).filter(|path| path.exists());
    let named = Some(file.to_path_buf()).filter(|path| !path.as_os_str().is_empty());
    let path = named.or_else(|| system.next()).ok_or(
        "acme.ca_file: no certificates to verify the authority's with; name a file of roots",
    )?;
    let failed = |error: String| format!("acme.ca_file: {}: {error}", path.display());
    let mut roots = RootCertStore::empty();
    for root in CertificateDer::pem_file_iter(&path).map_err(|error| failed(error.to_string()))? {
        // A bundle may hold roots that rustls cannot use; the others count all the same.
        roots.add_parsable_certificates([root.map_err(|error| failed(error.to_string()))?]);
    }
    if roots.is_empty() {
        return Err(failed(String::from("no usable certificate")));
    }
    Ok(roots)
}

impl HttpClient for Window {
    fn request(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        let answer = self.client.request(request);
        let exchange = async move {
            let answer = answer.await.map_err(|error| Error::Other(Box::new(error)))?;
            let (parts, body) = answer.into_parts();
            let body = Limited::new(body, ANSWER_BYTES).collect().await.map_err(Error::Other)?;
            Ok(BytesResponse { parts, body: Box::new(body.to_bytes()) })
        };
        Box::pin(async move {
            tokio::time::timeout(ANSWER_WITHIN, exchange).await.unwrap_or_else(|_elapsed| {
                let told = format!("the authority did not answer in {ANSWER_WITHIN:?}");
                Err(Error::Other(told.into()))
            })
        })
    }
}
