//! TLS: the server's certificate and key, and the authorities whose certificates let clients in. Never falls back.

mod certificate;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{Error, RootCertStore, ServerConfig};

use crate::reload::{Look, Reloaded};

pub(crate) use certificate::common_name;

/// TLS of all doors.
pub(crate) struct Tls {
    loaded: Arc<Reloaded<Loaded>>,
}

/// What was read of the files.
struct Loaded {
    config: ServerConfig,
    /// What channels are bound to: the hash of the certificate.
    binding: Option<Vec<u8>>,
}

/// Where certificates and keys are.
#[derive(Debug, Clone)]
pub(crate) struct Files {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
    /// Authorities of clients' certificates.
    pub(crate) client_ca: Option<PathBuf>,
    /// Whether clients without a certificate may go on, and show something else.
    pub(crate) others_may: bool,
}

impl Tls {
    /// Reads the files; whatever is wrong with one of them is an error.
    pub(crate) fn open(files: Files) -> Result<Self, String> {
        let others_may = files.others_may;
        let paths = [files.certificate, files.key].into_iter().chain(files.client_ca).collect();
        let read =
            if others_may { |paths: &[PathBuf]| load(paths, true) } else { |paths: &[PathBuf]| load(paths, false) };
        Ok(Self { loaded: Reloaded::new(paths, read)? })
    }

    /// What has to be read again when it changes.
    pub(crate) fn files(&self) -> Arc<dyn Look> {
        Arc::clone(&self.loaded) as Arc<dyn Look>
    }

    /// For one connection, which may speak one of these protocols; and what its channel can be bound to.
    pub(crate) fn acceptor(&self, protocols: &[&[u8]]) -> (TlsAcceptor, Option<Vec<u8>>) {
        let loaded = self.loaded.get();
        let mut config = loaded.config.clone();
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
        (TlsAcceptor::from(Arc::new(config)), loaded.binding.clone())
    }
}

fn load(paths: &[PathBuf], others_may: bool) -> Result<Loaded, String> {
    let [certificate, key, rest @ ..] = paths else { return Err("there is no certificate and key".to_owned()) };
    let chain = certificates(certificate)?;
    certificate::check(&chain[0]).map_err(|error| format!("{}: {error}", certificate.display()))?;
    let binding = certificate::binding(&chain[0]);
    let secret = PrivateKeyDer::from_pem_file(key).map_err(|error| {
        format!("{} has no private key in PEM that can be read: {}", key.display(), in_words(&error))
    })?;
    let provider = Arc::new(ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| error.to_string())?;
    let builder = match rest.first() {
        None => builder.with_no_client_auth(),
        Some(path) => {
            let mut authorities = RootCertStore::empty();
            for authority in certificates(path)? {
                let wrong = |error: Error| format!("{}: {error}", path.display());
                authorities.add(authority).map_err(wrong)?;
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(authorities), provider);
            let verifier = if others_may { verifier.allow_unauthenticated() } else { verifier };
            builder.with_client_cert_verifier(verifier.build().map_err(|error| format!("{}: {error}", path.display()))?)
        }
    };
    let config = builder.with_single_cert(chain, secret).map_err(|error| match error {
        Error::InconsistentKeys(_) => {
            format!("the key in {} is not that of the certificate in {}", key.display(), certificate.display())
        }
        other => format!("{} and {} cannot be used: {other}", certificate.display(), key.display()),
    })?;
    Ok(Loaded { config, binding })
}

/// All certificates of a file, of which there has to be one.
fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let failed = |error: &rustls_pki_types::pem::Error| {
        format!("{} has no certificates in PEM that can be read: {}", path.display(), in_words(error))
    };
    let found = CertificateDer::pem_file_iter(path).map_err(|error| failed(&error))?;
    let found = found.collect::<Result<Vec<_>, _>>().map_err(|error| failed(&error))?;
    if found.is_empty() {
        return Err(format!("{} has no certificate in PEM", path.display()));
    }
    Ok(found)
}

fn in_words(error: &rustls_pki_types::pem::Error) -> String {
    match error {
        rustls_pki_types::pem::Error::Io(error) => error.to_string(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests;
