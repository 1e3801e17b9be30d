//! Tests of compressed files and archives.

use std::io::{Cursor, Write};

use flate2::Compression;
use flate2::write::GzEncoder;

use super::{names, read_file, read_files, warnings};

fn pod(name: &str) -> Vec<u8> {
    format!("apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}}}\n").into_bytes()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("written");
    encoder.finish().expect("written")
}

fn tar(files: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for (name, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(u64::try_from(bytes.len()).expect("short"));
        header.set_mode(0o644);
        archive.append_data(&mut header, name, &bytes[..]).expect("written");
    }
    archive.into_inner().expect("written")
}

fn zip(files: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
    for (name, bytes) in files {
        archive.start_file(*name, options).expect("written");
        archive.write_all(bytes).expect("written");
    }
    archive.finish().expect("written").into_inner()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).expect("compressed")
}

/// Files as in a support bundle.
fn bundle() -> Vec<(&'static str, Vec<u8>)> {
    let json = br#"{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"b"}}]}"#.to_vec();
    vec![
        ("./x/pods/b.json", json),
        ("./x/a.yaml", pod("a")),
        ("./x/logs/current.log", b"{: not [ yaml".to_vec()),
        ("./x/logs/old.log.gz", gzip(b"{: not [ yaml")),
        ("./x/._a.yaml", b"\0\x05\x16\x07".to_vec()),
        ("./x/inner.zip", zip(&[("c.yml", pod("c")), ("readme.txt", b"no".to_vec())])),
    ]
}

#[test]
fn archives_are_read_as_folders() {
    let all = ["Pod /a", "Pod /c", "Pod /b"];
    for (name, bytes, expected) in [
        ("bundle.tar", tar(&bundle()), &all[..]),
        ("bundle.tar.gz", gzip(&tar(&bundle())), &all),
        ("bundle.tgz", gzip(&tar(&bundle())), &all),
        ("bundle.tar.zst", zstd(&tar(&bundle())), &all),
        ("bundle.zip", zip(&bundle()), &all),
        ("bundle", gzip(&tar(&bundle())), &all),
        ("a.yaml.gz", gzip(&pod("a")), &all[..1]),
        ("a.json.zst", zstd(br#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a"}}"#), &all[..1]),
        ("two.yaml.gz", [gzip(&pod("a")), gzip(b"---\n"), gzip(&pod("c"))].concat(), &all[..2]),
        ("wrong-name.yaml", gzip(&pod("a")), &all[..1]),
    ] {
        let snapshot = read_file(name, &bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(names(&snapshot), expected, "{name}");
        assert_eq!(warnings(&snapshot), [""; 0], "{name}");
        let folder = read_files(&[("sub/other.txt", b"x"), (&format!("sub/{name}"), &bytes)]);
        if name != "bundle" {
            assert_eq!(names(&folder.expect(name)), expected, "{name} in a folder");
        }
    }
}

#[test]
fn warnings_name_files_within_archives() {
    let bytes = gzip(&tar(&[("x/a.yaml", pod("a")), ("x/b.yaml", b"kind: [\n".to_vec())]));
    let warnings = warnings(&read_file("dump.tgz", &bytes).expect("a pod"));
    assert!(warnings.len() == 1 && warnings[0].starts_with("dump.tgz/x/b.yaml | skipped"), "{warnings:?}");
}

#[test]
fn archives_that_cannot_be_read_are_errors() {
    let whole = gzip(&tar(&bundle()));
    let mut nested = pod("a");
    for _ in 0..10 {
        nested = gzip(&nested);
    }
    let bomb = gzip(&gzip(&vec![b' '; 300 << 20]));
    for (name, bytes, expected) in [
        ("cut.tgz", whole[..whole.len() / 2].to_vec(), "is truncated"),
        ("nested.gz", nested, "has more than 6 archives inside each other"),
        ("bomb.yaml.gz", bomb, "decompresses to more than 256 MiB"),
        ("a.tar.bz2", b"BZh91AY&SY".to_vec(), "bzip2 files are not supported; unpack it first"),
        ("empty.zip", zip(&[]), "contains no file with the extension"),
        ("logs.zip", zip(&[("a.log", b"x".to_vec())]), "contains no file with the extension"),
    ] {
        let error = read_file(name, &bytes).expect_err(name).to_string();
        assert!(error.contains(expected) && error.contains(&name[..3]), "{name}: {error}");
    }
}
