//! What is read of certificates: whose they are, whether they are good now, and what channels are bound to.

use ring::digest;
use rustls_pki_types::CertificateDer;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

/// Signatures whose hash a channel is bound with, where it is not SHA-256: RFC 5929.
const HASHES: [(&str, &digest::Algorithm); 4] = [
    ("1.2.840.113549.1.1.12", &digest::SHA384),
    ("1.2.840.10045.4.3.3", &digest::SHA384),
    ("1.2.840.113549.1.1.13", &digest::SHA512),
    ("1.2.840.10045.4.3.4", &digest::SHA512),
];

/// Signatures by RSA or ECDSA whose hash is SHA-256, or one that is too weak to bind with.
const SHA256: [&str; 5] = [
    "1.2.840.113549.1.1.4",
    "1.2.840.113549.1.1.5",
    "1.2.840.113549.1.1.11",
    "1.2.840.10045.4.1",
    "1.2.840.10045.4.3.2",
];

/// Whether a certificate is good now.
pub(super) fn check(certificate: &CertificateDer<'_>) -> Result<(), String> {
    let (_, parsed) =
        X509Certificate::from_der(certificate).map_err(|error| format!("this is no certificate: {error}"))?;
    let now = jiff::Timestamp::now().as_second();
    let (from, until) = (parsed.validity().not_before, parsed.validity().not_after);
    if now > until.timestamp() {
        return Err(format!("the certificate has expired: it was good until {until}"));
    }
    if now < from.timestamp() {
        return Err(format!("the certificate is not good yet: it will be from {from}"));
    }
    Ok(())
}

/// What channels to a server with this certificate are bound to (`tls-server-end-point`); none where its signature has
/// no hash of its own.
pub(super) fn binding(certificate: &CertificateDer<'_>) -> Option<Vec<u8>> {
    let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
    let signature = parsed.signature_algorithm.algorithm.to_id_string();
    let known = HASHES.iter().find(|(id, _)| *id == signature).map(|(_, algorithm)| *algorithm);
    let algorithm = known.or_else(|| SHA256.contains(&signature.as_str()).then_some(&digest::SHA256))?;
    Some(digest::digest(algorithm, certificate).as_ref().to_vec())
}

/// The one common name of a certificate.
pub(crate) fn common_name(certificate: &CertificateDer<'_>) -> Option<String> {
    let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
    let mut names = parsed.subject().iter_common_name();
    let (Some(name), None) = (names.next(), names.next()) else { return None };
    name.as_str().ok().filter(|name| !name.is_empty() && !name.contains('\0')).map(str::to_owned)
}
