//! The rules of ARCHITECTURE.md, read from the source: which module may use which, how files begin, how long they are.

mod circles;
mod source;

use std::path::Path;

use super::support::root;
use source::{code, is_test, mentions, module, shown, sources};

/// Paths that must not be used below a folder or in a file, except in some places.
struct Rule {
    folder: &'static str,
    never: &'static [&'static str],
    except: &'static [&'static str],
}

const fn rule(folder: &'static str, never: &'static [&'static str], except: &'static [&'static str]) -> Rule {
    Rule { folder, never, except }
}

const TOKENS: &[&str] = &["quote", "syn", "prettyplease", "proc_macro2"];
const DATAFUSION: &[&str] = &["datafusion", "datafusion_functions_json", "sqlparser"];
const OUTSIDE: &[&str] = &["std::fs", "std::net", "std::env", "std::process", "tokio", "reqwest", "hyper"];

const RULES: &[Rule] = &[
    // Only `sql`, `postgres` and `system` use DataFusion. Only `ingest` uses kube, and so does the task of xtask that
    // imports from servers.
    rule(
        "kubesql-runtime/src",
        DATAFUSION,
        &["kubesql-runtime/src/sql", "kubesql-runtime/src/postgres", "kubesql-runtime/src/system"],
    ),
    rule("kubesql-runtime/src", &["kube", "kube_runtime", "k8s_openapi"], &["kubesql-runtime/src/ingest"]),
    rule("kubesql-server/src", DATAFUSION, &[]),
    rule("kubesql-server/src", &["kube", "kube_runtime", "k8s_openapi"], &[]),
    // Protocols are modules of their own; `query`, which all of them use, uses none of them.
    rule("kubesql-server/src", &["pgwire", "arrow_pg", "postgres_types"], &["kubesql-server/src/pg"]),
    rule(
        "kubesql-server/src",
        &["tokio_rustls", "x509_parser"],
        &["kubesql-server/src/tls", "kubesql-server/src/listen", "kubesql-server/src/shell/backend/remote"],
    ),
    // Authentication and TLS depend on no protocol.
    rule("kubesql-server/src/auth", &["crate::pg", "crate::http", "crate::listen", "crate::tls", "crate::args"], &[]),
    rule("kubesql-server/src/tls", &["crate::pg", "crate::http", "crate::auth", "crate::query", "crate::args"], &[]),
    rule("kubesql-server/src/listen", &["crate::pg", "crate::http", "crate::query", "crate::args"], &[]),
    rule(
        "kubesql-server/src/query",
        &["crate::pg", "crate::http", "crate::flight", "crate::commands", "crate::args", "crate::output"],
        &[],
    ),
    rule("kubesql-server/src/pg", &["crate::commands", "crate::args", "crate::sources", "crate::http"], &[]),
    rule("kubesql-server/src/pg", &["crate::flight"], &[]),
    rule("kubesql-server/src", &["tonic", "arrow_flight", "prost"], &["kubesql-server/src/flight"]),
    rule("kubesql-server/src/flight", &["crate::pg", "crate::http", "crate::commands", "crate::args"], &[]),
    rule("kubesql-server/src/flight", &["crate::sources"], &[]),
    rule("kubesql-server/src/http", &["crate::flight"], &[]),
    rule("kubesql-server/src", &["axum", "utoipa", "utoipa_axum"], &["kubesql-server/src/http"]),
    rule("kubesql-server/src/http", &["crate::commands", "crate::args", "crate::sources", "crate::pg"], &[]),
    rule("kubesql-server/src/http/api", &["crate::http::presto"], &[]),
    rule("kubesql-server/src/http/presto", &["crate::http::api"], &[]),
    // Only the shell edits lines and is a client of a server: it runs statements by `query`, or over HTTP.
    rule("kubesql-server/src", &["reedline", "nu_ansi_term"], &["kubesql-server/src/shell"]),
    // Beside it, one file of `http` uses hyper without axum: the one that accepts connections.
    rule(
        "kubesql-server/src",
        &["hyper", "hyper_util"],
        &["kubesql-server/src/shell", "kubesql-server/src/http/connection.rs"],
    ),
    rule("kubesql-server/src/shell", &["crate::pg", "crate::http", "crate::flight", "kubesql_demo", "axum"], &[]),
    rule("kubesql-server/src/query", &["crate::shell"], &[]),
    // The demo cluster is a cluster like others: it is reached over HTTP only.
    rule("kubesql-server/demo/src", &["kubesql_runtime", "kubesql_server", "arrow"], &[]),
    rule("xtask/src", &["kubesql_runtime", "kubesql_server"], &[]),
    rule("xtask/src", DATAFUSION, &[]),
    // The generator is a pure library; its model knows no tokens.
    rule("kubesql-codegen/src", &["kubesql_runtime", "kubesql_server", "xtask"], &[]),
    rule("kubesql-codegen/src", OUTSIDE, &[]),
    rule("kubesql-codegen/src", TOKENS, &["kubesql-codegen/src/emit"]),
    // The runtime's modules: each uses those before it.
    rule("kubesql-runtime/src/value", &["crate::schema", "crate::flatten", "crate::generated"], &[]),
    rule("kubesql-runtime/src/value", &["crate::store", "crate::ingest", "crate::sql"], &[]),
    rule("kubesql-runtime/src/schema", &["crate::flatten", "crate::generated", "crate::store"], &[]),
    rule("kubesql-runtime/src/schema", &["crate::value", "crate::ingest", "crate::sql"], &[]),
    rule("kubesql-runtime/src/flatten", &["crate::store", "crate::ingest", "crate::sql"], &[]),
    rule("kubesql-runtime/src/discovery", &["crate::store", "crate::ingest", "crate::sql"], &[]),
    rule("kubesql-runtime/src/store", &["crate::discovery"], &[]),
    rule("kubesql-runtime/src/flatten", &["crate::discovery"], &[]),
    rule("kubesql-runtime/src/schema", &["crate::discovery"], &[]),
    rule("kubesql-runtime/src/sql", &["crate::discovery"], &[]),
    rule("kubesql-runtime/src/store", &["crate::generated", "crate::ingest", "crate::sql"], &[]),
    rule("kubesql-runtime/src/generated", &["crate::store", "crate::ingest", "crate::sql"], &[]),
    rule("kubesql-runtime/src/ingest", &["crate::sql"], &[]),
    rule("kubesql-runtime/src/sql", &["crate::ingest"], &[]),
    rule("kubesql-runtime/src/postgres", &["crate::ingest", "crate::discovery", "crate::system"], &[]),
    rule("kubesql-runtime/src/system", &["crate::ingest", "crate::discovery", "crate::postgres"], &[]),
];

#[test]
fn modules_use_only_what_they_may() {
    let mut broken = Vec::new();
    for rule in RULES {
        let files = sources(&root().join(rule.folder));
        assert!(!files.is_empty(), "{} is gone: correct its rule", rule.folder);
        for file in files {
            let name = shown(&file);
            if is_test(&name) || rule.except.iter().any(|place| Path::new(&name).starts_with(place)) {
                continue;
            }
            for mention in mentions(&module(&name), &code(&file)) {
                let (line, path) = (mention.line, mention.text());
                if let Some(never) = rule.never.iter().find(|never| is_below(&path, never)) {
                    broken.push(format!("{name}:{line}: {path}: {} must not use {never}", rule.folder));
                }
            }
        }
    }
    assert!(broken.is_empty(), "\n{}", broken.join("\n"));
}

#[test]
fn files_begin_with_their_purpose_and_stay_short() {
    let mut broken = Vec::new();
    for folder in ["kubesql-codegen", "kubesql-runtime", "kubesql-server", "xtask", "tests"] {
        for file in sources(&root().join(folder)) {
            let (name, text) = (shown(&file), std::fs::read_to_string(&file).expect("UTF-8"));
            // What the generator writes is as long as it must be, and says who owns it.
            if text.starts_with("// @generated") || name.contains("/goldens/") {
                continue;
            }
            if !text.starts_with("//! ") {
                broken.push(format!("{name}:1: does not begin with `//!` and its purpose"));
            }
            let lines = text.lines().count();
            if lines >= 500 {
                broken.push(format!("{name}:{lines}: is too long: split it"));
            }
        }
    }
    assert!(broken.is_empty(), "\n{}", broken.join("\n"));
}

/// Whether a path is this one or inside it.
fn is_below(path: &str, of: &str) -> bool {
    path.strip_prefix(of).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

#[test]
fn compares_paths_word_by_word() {
    assert!(is_below("crate::sql::Engine", "crate::sql") && !is_below("kube_runtime::x", "kube"));
}
