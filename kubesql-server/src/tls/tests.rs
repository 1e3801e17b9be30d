//! Errors of invalid certificates and keys, and reloading.

use std::fs;
use std::path::Path;

use rcgen::{CertificateParams, DnType, KeyPair, date_time_ymd};

use super::*;

struct Pair {
    certificate: String,
    key: String,
}

fn pair(change: impl FnOnce(&mut CertificateParams)) -> Pair {
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).expect("parameters");
    change(&mut params);
    let key = KeyPair::generate().expect("a key");
    Pair { certificate: params.self_signed(&key).expect("a certificate").pem(), key: key.serialize_pem() }
}

fn open(folder: &Path, certificate: &str, key: &str, client_ca: Option<&str>) -> Result<Tls, String> {
    let path = |name: &str, text: &str| {
        let path = folder.join(name);
        fs::write(&path, text).expect("a file");
        path
    };
    Tls::open(Files {
        certificate: path("tls.crt", certificate),
        key: path("tls.key", key),
        client_ca: client_ca.map(|text| path("ca.crt", text)),
        client_certificate_is_optional: false,
    })
}

#[test]
fn rejects_invalid_files() {
    let folder = tempfile::tempdir().expect("a folder");
    let good = pair(|_| {});
    let other = pair(|_| {});
    let old = pair(|params| params.not_after = date_time_ymd(2020, 1, 1));
    let early = pair(|params| params.not_before = date_time_ymd(2999, 1, 1));
    assert!(open(folder.path(), &good.certificate, &good.key, Some(&other.certificate)).is_ok());
    for (certificate, key, ca, expect) in [
        (good.certificate.as_str(), other.key.as_str(), None, "does not match the certificate in"),
        (&good.key, &good.key, None, "tls.crt contains no certificate in PEM"),
        ("", &good.key, None, "tls.crt contains no certificate in PEM"),
        (&good.certificate, &good.certificate, None, "could not read a private key in PEM from"),
        (&good.certificate, "rubbish", None, "could not read a private key in PEM from"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", &good.key, None, "invalid certificate"),
        (&old.certificate, &old.key, None, "the certificate expired on"),
        (&early.certificate, &early.key, None, "the certificate is not valid before"),
        (&good.certificate, &good.key, Some("rubbish"), "ca.crt contains no certificate in PEM"),
    ] {
        let error = open(folder.path(), certificate, key, ca).err().expect(expect);
        assert!(error.contains(expect), "{expect}: {error}");
        assert!(!error.contains("PRIVATE KEY"), "{error}");
    }
    let nowhere = folder.path().join("nowhere");
    let files =
        Files { certificate: nowhere.clone(), key: nowhere, client_ca: None, client_certificate_is_optional: false };
    assert!(Tls::open(files).err().expect("no file").contains("nowhere"));
}

#[test]
fn reloads_a_valid_certificate_and_keeps_it_otherwise() {
    let folder = tempfile::tempdir().expect("a folder");
    let (first, second) = (pair(|_| {}), pair(|_| {}));
    let tls = open(folder.path(), &first.certificate, &first.key, None).expect("TLS");
    let binding = || tls.acceptor(&[]).1.expect("ECDSA with SHA-256 has a hash");
    let before = binding();
    // The certificate is new, and the key is not yet.
    fs::write(folder.path().join("tls.crt"), &second.certificate).expect("a file");
    tls.reloadable().reload(false);
    assert_eq!(binding(), before);
    fs::write(folder.path().join("tls.key"), &second.key).expect("a file");
    tls.reloadable().reload(false);
    assert_ne!(binding(), before);
}

#[test]
fn common_names() {
    let name_of = |names: &[&str]| {
        let pair = pair(|params| {
            params.distinguished_name = rcgen::DistinguishedName::new();
            for name in names {
                params.distinguished_name.push(DnType::CommonName, *name);
            }
        });
        common_name(&CertificateDer::from_pem_slice(pair.certificate.as_bytes()).expect("a certificate"))
    };
    assert_eq!(name_of(&["ada"]).as_deref(), Some("ada"));
    assert_eq!(name_of(&[""]), None);
    assert_eq!(name_of(&[]), None);
}
