//! Properties of certificates: validity, common name, channel binding data.

use ring::digest;
use rustls_pki_types::CertificateDer;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

/// Signature algorithms (by OID) whose hash is used for channel binding as it is (RFC 5929, section 4.1).
const OTHER_HASHES: [(&str, &digest::Algorithm); 4] = [
    ("1.2.840.113549.1.1.12", &digest::SHA384),
    ("1.2.840.10045.4.3.3", &digest::SHA384),
    ("1.2.840.113549.1.1.13", &digest::SHA512),
    ("1.2.840.10045.4.3.4", &digest::SHA512),
];

/// Signature algorithms with SHA-256, or with MD5 or SHA-1, for which RFC 5929 requires SHA-256.
const SHA256: [&str; 5] = [
    "1.2.840.113549.1.1.4",
    "1.2.840.113549.1.1.5",
    "1.2.840.113549.1.1.11",
    "1.2.840.10045.4.1",
    "1.2.840.10045.4.3.2",
];

/// Fails if a certificate has expired or is not valid yet.
pub(super) fn check_validity(certificate: &CertificateDer<'_>) -> Result<(), String> {
    let (_, parsed) =
        X509Certificate::from_der(certificate).map_err(|error| format!("invalid certificate: {error}"))?;
    let now = jiff::Timestamp::now().as_second();
    let (from, until) = (parsed.validity().not_before, parsed.validity().not_after);
    if now > until.timestamp() {
        return Err(format!("the certificate expired on {until}"));
    }
    if now < from.timestamp() {
        return Err(format!("the certificate is not valid before {from}"));
    }
    Ok(())
}

/// The channel binding data `tls-server-end-point`; `None` if it is not defined for the signature algorithm.
pub(super) fn channel_binding(certificate: &CertificateDer<'_>) -> Option<Vec<u8>> {
    let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
    let signature = parsed.signature_algorithm.algorithm.to_id_string();
    let known = OTHER_HASHES.iter().find(|(id, _)| *id == signature).map(|(_, algorithm)| *algorithm);
    let algorithm = known.or_else(|| SHA256.contains(&signature.as_str()).then_some(&digest::SHA256))?;
    Some(digest::digest(algorithm, certificate).as_ref().to_vec())
}

/// The common name of a certificate; `None` unless there is exactly one.
pub(crate) fn common_name(certificate: &CertificateDer<'_>) -> Option<String> {
    let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
    let mut names = parsed.subject().iter_common_name();
    let (Some(name), None) = (names.next(), names.next()) else { return None };
    name.as_str().ok().filter(|name| !name.is_empty() && !name.contains('\0')).map(str::to_owned)
}
