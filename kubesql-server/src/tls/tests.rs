//! Certificates and keys that are wrong, and what is said of them.

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
        others_may: false,
    })
}

#[test]
fn what_is_wrong_is_refused_in_words() {
    let folder = tempfile::tempdir().expect("a folder");
    let good = pair(|_| {});
    let other = pair(|_| {});
    let old = pair(|params| params.not_after = date_time_ymd(2020, 1, 1));
    let early = pair(|params| params.not_before = date_time_ymd(2999, 1, 1));
    assert!(open(folder.path(), &good.certificate, &good.key, Some(&other.certificate)).is_ok());
    for (certificate, key, ca, expect) in [
        (good.certificate.as_str(), other.key.as_str(), None, "is not that of the certificate in"),
        (&good.key, &good.key, None, "tls.crt has no certificate in PEM"),
        ("", &good.key, None, "tls.crt has no certificate in PEM"),
        (&good.certificate, &good.certificate, None, "tls.key has no private key in PEM"),
        (&good.certificate, "rubbish", None, "tls.key has no private key in PEM"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", &good.key, None, "this is no certificate"),
        (&old.certificate, &old.key, None, "the certificate has expired: it was good until"),
        (&early.certificate, &early.key, None, "the certificate is not good yet"),
        (&good.certificate, &good.key, Some("rubbish"), "ca.crt has no certificate in PEM"),
    ] {
        let error = open(folder.path(), certificate, key, ca).err().expect(expect);
        assert!(error.contains(expect), "{expect}: {error}");
        assert!(!error.contains("PRIVATE KEY"), "{error}");
    }
    let nowhere = folder.path().join("nowhere");
    let files = Files { certificate: nowhere.clone(), key: nowhere, client_ca: None, others_may: false };
    assert!(Tls::open(files).err().expect("no file").contains("nowhere"));
}

#[test]
fn a_new_certificate_is_taken_and_a_wrong_one_is_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let (first, second) = (pair(|_| {}), pair(|_| {}));
    let tls = open(folder.path(), &first.certificate, &first.key, None).expect("TLS");
    let bound = || tls.acceptor(&[]).1.expect("ECDSA with SHA-256 has a hash");
    let before = bound();
    // Only half of it is new so far.
    fs::write(folder.path().join("tls.crt"), &second.certificate).expect("a file");
    tls.files().look(false);
    assert_eq!(bound(), before);
    fs::write(folder.path().join("tls.key"), &second.key).expect("a file");
    tls.files().look(false);
    assert_ne!(bound(), before);
}

#[test]
fn names_of_certificates() {
    let named = |names: &[&str]| {
        let pair = pair(|params| {
            params.distinguished_name = rcgen::DistinguishedName::new();
            for name in names {
                params.distinguished_name.push(DnType::CommonName, *name);
            }
        });
        common_name(&CertificateDer::from_pem_slice(pair.certificate.as_bytes()).expect("a certificate"))
    };
    assert_eq!(named(&["ada"]).as_deref(), Some("ada"));
    assert_eq!(named(&[""]), None);
    assert_eq!(named(&[]), None);
}
