//! TLS: the server's certificate and key, and the authorities of client certificates. An error never leads to plain
//! text.

mod certificate;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{Error, RootCertStore, ServerConfig};

use crate::reload::{Reload, Reloaded};

pub(crate) use certificate::common_name;

/// The TLS configuration of all listeners.
pub(crate) struct Tls {
    loaded: Arc<Reloaded<Loaded>>,
}

/// The contents of the files.
struct Loaded {
    config: ServerConfig,
    /// The data for channel binding (`tls-server-end-point`).
    channel_binding: Option<Vec<u8>>,
}

/// The files to read.
#[derive(Debug, Clone)]
pub(crate) struct Files {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
    /// Authorities of client certificates.
    pub(crate) client_ca: Option<PathBuf>,
    /// Whether clients may connect without a certificate, to authenticate in another way.
    pub(crate) client_certificate_is_optional: bool,
}

impl Tls {
    /// Reads and checks the files.
    pub(crate) fn open(files: Files) -> Result<Self, String> {
        let is_optional = files.client_certificate_is_optional;
        let paths = [files.certificate, files.key].into_iter().chain(files.client_ca).collect();
        let read =
            if is_optional { |paths: &[PathBuf]| load(paths, true) } else { |paths: &[PathBuf]| load(paths, false) };
        Ok(Self { loaded: Reloaded::new(paths, read)? })
    }

    /// The value to reload when the files change.
    pub(crate) fn reloadable(&self) -> Arc<dyn Reload> {
        Arc::clone(&self.loaded) as Arc<dyn Reload>
    }

    /// An acceptor for one connection, and its channel binding data. `alpn` lists the application protocols to agree
    /// on.
    pub(crate) fn acceptor(&self, alpn: &[&[u8]]) -> (TlsAcceptor, Option<Vec<u8>>) {
        let loaded = self.loaded.get();
        let mut config = loaded.config.clone();
        config.alpn_protocols = alpn.iter().map(|protocol| protocol.to_vec()).collect();
        (TlsAcceptor::from(Arc::new(config)), loaded.channel_binding.clone())
    }
}

fn load(paths: &[PathBuf], client_certificate_is_optional: bool) -> Result<Loaded, String> {
    let [certificate, key, client_ca @ ..] = paths else {
        return Err("a certificate and a key are required".to_owned());
    };
    let chain = certificates(certificate)?;
    certificate::check_validity(&chain[0]).map_err(|error| format!("{}: {error}", certificate.display()))?;
    let channel_binding = certificate::channel_binding(&chain[0]);
    let private_key = PrivateKeyDer::from_pem_file(key)
        .map_err(|error| format!("could not read a private key in PEM from {}: {}", key.display(), describe(&error)))?;
    let provider = Arc::new(ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| error.to_string())?;
    let builder = match client_ca.first() {
        None => builder.with_no_client_auth(),
        Some(path) => {
            let mut authorities = RootCertStore::empty();
            for authority in certificates(path)? {
                let wrong = |error: Error| format!("{}: {error}", path.display());
                authorities.add(authority).map_err(wrong)?;
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(authorities), provider);
            let verifier = if client_certificate_is_optional { verifier.allow_unauthenticated() } else { verifier };
            builder.with_client_cert_verifier(verifier.build().map_err(|error| format!("{}: {error}", path.display()))?)
        }
    };
    let config = builder.with_single_cert(chain, private_key).map_err(|error| match error {
        Error::InconsistentKeys(_) => {
            format!("the key in {} does not match the certificate in {}", key.display(), certificate.display())
        }
        other => format!("invalid certificate {} or key {}: {other}", certificate.display(), key.display()),
    })?;
    Ok(Loaded { config, channel_binding })
}

/// All certificates of a file, at least one.
fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let failed = |error: &rustls_pki_types::pem::Error| {
        format!("could not read certificates in PEM from {}: {}", path.display(), describe(error))
    };
    let found = CertificateDer::pem_file_iter(path).map_err(|error| failed(&error))?;
    let found = found.collect::<Result<Vec<_>, _>>().map_err(|error| failed(&error))?;
    if found.is_empty() {
        return Err(format!("{} contains no certificate in PEM", path.display()));
    }
    Ok(found)
}

/// Without the words that the library puts before an I/O error.
fn describe(error: &rustls_pki_types::pem::Error) -> String {
    match error {
        rustls_pki_types::pem::Error::Io(error) => error.to_string(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests;
