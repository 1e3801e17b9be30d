//! HTTP requests to a server: address, credentials and errors.

use std::io::{self, IsTerminal};
use std::sync::Arc;
use std::time::Duration;

use ::http::{Request, StatusCode, Uri, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use kubesql_runtime::sql::{ErrorKind, SqlError};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use serde::Deserialize;
use serde_json::Value;
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore};

use crate::args::ServerArgs;
use crate::failure::Failure;

/// Timeout of connecting.
const CONNECT: Duration = Duration::from_secs(15);

/// A server and the credentials for it.
pub(super) struct Server {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    /// The base URL without a trailing slash and without credentials.
    base: String,
    authorization: Option<String>,
}

impl Server {
    /// Parses the URL; prompts for a password if a user is given without one.
    pub(super) fn new(url: &str, args: &ServerArgs) -> Result<Self, Failure> {
        const HINT: &str = "example: --server http://127.0.0.1:8080";
        let wrong = |why: String| Failure::usage(format!("--server {url}: {why}"), HINT);
        let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
        if !matches!(scheme, "http" | "https") {
            return Err(wrong(format!("unsupported scheme: {scheme}")));
        }
        let (user, host) = rest.rsplit_once('@').map_or((None, rest), |(user, host)| (Some(user), host));
        let base = format!("{scheme}://{}", host.trim_end_matches('/'));
        base.parse::<Uri>().map_err(|error| wrong(error.to_string()))?;
        let given =
            user.map(|user| user.split_once(':').map_or((user, None), |(name, password)| (name, Some(password))));
        let user = args.user.clone().or_else(|| given.map(|(name, _)| decoded(name)));
        let authorization = match (&args.token, user) {
            (Some(token), _) => Some(format!("Bearer {token}")),
            (None, Some(user)) => {
                let password = match (&args.password, given.and_then(|(_, password)| password)) {
                    (Some(password), _) => password.clone(),
                    (None, Some(password)) => decoded(password),
                    (None, None) if io::stdin().is_terminal() => {
                        rpassword::prompt_password(format!("Password for {user}: "))?
                    }
                    (None, None) => {
                        return Err(Failure::usage(
                            format!("no password for user \"{user}\""),
                            "set KUBESQL_PASSWORD, or enter it at a terminal",
                        ));
                    }
                };
                Some(format!("Basic {}", STANDARD.encode(format!("{user}:{password}"))))
            }
            (None, None) => None,
        };
        let mut connector = HttpConnector::new();
        connector.enforce_http(false);
        connector.set_connect_timeout(Some(CONNECT));
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls(args)?)
            .https_or_http()
            .enable_http1()
            .wrap_connector(connector);
        let client = Client::builder(TokioExecutor::new()).build(connector);
        Ok(Self { client, base, authorization })
    }

    /// The base URL, without credentials.
    pub(super) fn place(&self) -> String {
        self.base.clone()
    }

    /// Posts a JSON document; fails unless the status is a success.
    pub(super) async fn post(
        &self,
        path: &str,
        body: &Value,
        accept: &str,
    ) -> Result<hyper::Response<Incoming>, SqlError> {
        let request = Request::post(format!("{}{path}", self.base))
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::ACCEPT, accept)
            // Warnings that occur later arrive in a trailer.
            .header(header::TE, "trailers");
        self.send(request, Bytes::from(body.to_string())).await
    }

    /// Gets a JSON document.
    pub(super) async fn get(&self, path: &str) -> Result<Bytes, SqlError> {
        let request = Request::get(format!("{}{path}", self.base)).header(header::ACCEPT, "application/json");
        let response = self.send(request, Bytes::new()).await?;
        Ok(response.into_body().collect().await.map_err(|error| self.broken(&error))?.to_bytes())
    }

    async fn send(
        &self,
        mut request: ::http::request::Builder,
        body: Bytes,
    ) -> Result<hyper::Response<Incoming>, SqlError> {
        if let Some(authorization) = &self.authorization {
            request = request.header(header::AUTHORIZATION, authorization);
        }
        let request = request
            .body(Full::new(body))
            .map_err(|error| SqlError::new(ErrorKind::Invalid, format!("{}: {error}", self.base)))?;
        let response = self.client.request(request).await.map_err(|error| self.unreachable(&error))?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let body = response.into_body().collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
        Err(self.refused(status, &body))
    }

    fn unreachable(&self, error: &hyper_util::client::legacy::Error) -> SqlError {
        let message = format!("could not connect to {}: {}", self.base, innermost_cause(error));
        SqlError::new(ErrorKind::Source, message).hint(if is_wrong_certificate(error) {
            "--ca takes the certificate of the authority that signed the server's certificate"
        } else {
            "is kubesql serve running there? use \\c http://HOST:PORT for another address"
        })
    }

    /// An error for a connection that broke while reading.
    pub(super) fn broken(&self, error: &dyn std::error::Error) -> SqlError {
        SqlError::new(ErrorKind::Source, format!("connection to {} lost: {}", self.base, innermost_cause(error)))
    }

    /// The error of a response: a problem document, or only a status.
    fn refused(&self, status: StatusCode, body: &[u8]) -> SqlError {
        #[derive(Deserialize)]
        struct Problem {
            kind: Option<String>,
            detail: Option<String>,
            title: Option<String>,
            hint: Option<String>,
            position: Option<usize>,
        }
        let problem: Option<Problem> = serde_json::from_slice(body).ok();
        let of_status = match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                Some("use --user NAME for a password, or set KUBESQL_TOKEN to a token")
            }
            StatusCode::NOT_FOUND if problem.is_none() => Some("is this the HTTP address of kubesql serve?"),
            _ => None,
        };
        let position = problem.as_ref().and_then(|problem| problem.position);
        let (kind, message, hint) = match problem {
            Some(problem) => {
                let kind = error_kind(problem.kind.as_deref().unwrap_or_default());
                let said = problem.detail.or(problem.title);
                (kind, said.unwrap_or_else(|| format!("{} answered {status}", self.base)), problem.hint)
            }
            None => (ErrorKind::Source, format!("{} answered {status}", self.base), None),
        };
        let mut error = SqlError::new(kind, message);
        error.position = position;
        match hint.or_else(|| of_status.map(str::to_owned)) {
            Some(hint) => error.hint(hint),
            None => error,
        }
    }
}

/// An error for a response that cannot be decoded.
pub(super) fn cannot_decode(error: impl std::fmt::Display) -> SqlError {
    SqlError::new(ErrorKind::Source, format!("could not decode the server's response: {error}"))
        .hint("is this kubesql serve, and of the same release?")
}

/// The error kind by its name in the API.
pub(super) fn error_kind(name: &str) -> ErrorKind {
    match name {
        "syntax" => ErrorKind::Syntax,
        "unknown-table" => ErrorKind::UnknownTable,
        "unknown-column" => ErrorKind::UnknownColumn,
        "read-only" => ErrorKind::ReadOnly,
        "unsupported" => ErrorKind::Unsupported,
        "invalid" => ErrorKind::Invalid,
        "source" => ErrorKind::Source,
        "timeout" => ErrorKind::Timeout,
        "cancelled" => ErrorKind::Cancelled,
        "memory" => ErrorKind::Memory,
        "answer-too-large" => ErrorKind::TooLarge,
        "busy" => ErrorKind::Busy,
        "going-away" => ErrorKind::GoingAway,
        _ => ErrorKind::Internal,
    }
}

/// Whether a connection failed because of the server's certificate.
fn is_wrong_certificate(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(rustls::Error::InvalidCertificate(_)) = error.downcast_ref::<rustls::Error>() {
            return true;
        }
        // The source of an `io::Error` is not the error that it wraps, but that error's source.
        let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        next = match wrapped {
            Some(wrapped) => Some(wrapped as &(dyn std::error::Error + 'static)),
            None => error.source(),
        };
    }
    false
}

/// The innermost cause of an error.
fn innermost_cause(error: &dyn std::error::Error) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}

fn decoded(text: &str) -> String {
    percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// TLS with the certificates of `--ca`, or those that the system trusts.
fn tls(args: &ServerArgs) -> Result<ClientConfig, Failure> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(io::Error::other)?;
    let mut roots = RootCertStore::empty();
    if let Some(path) = &args.ca {
        const HINT: &str = "--ca takes a PEM file";
        let wrong = |why: String| Failure::usage(format!("--ca {}: {why}", path.display()), HINT);
        let certificates = CertificateDer::pem_file_iter(path).map_err(|error| wrong(error.to_string()))?;
        for certificate in certificates {
            let added = roots.add(certificate.map_err(|error| wrong(error.to_string()))?);
            added.map_err(|error| wrong(error.to_string()))?;
        }
        if roots.is_empty() {
            return Err(wrong("it contains no certificate".to_owned()));
        }
    } else {
        // Invalid certificates of the system are skipped.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    }
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}
