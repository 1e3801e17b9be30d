//! The configuration of access and limits from the arguments. Insecure configurations must be requested explicitly.

use std::fs;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use kubesql_runtime::sql::Memory;

use crate::args::{AccessArgs, LimitArgs, ServeArgs, TlsUse};
use crate::audit::AuditLog;
use crate::auth::Auth;
use crate::failure::Failure;
use crate::listen::Access;
use crate::query::Limits;
use crate::tls::{Files, Tls};

impl AccessArgs {
    /// Opens the audit log.
    pub(crate) fn audit(&self) -> Result<Option<Arc<AuditLog>>, Failure> {
        let Some(path) = &self.audit_log else { return Ok(None) };
        let log = AuditLog::open(path).map_err(|error| {
            let message = format!("could not open the audit log {}: {error}", path.display());
            Failure::usage(
                message,
                "the server does not start without the audit log; choose a writable file, or `-` for standard error",
            )
        })?;
        Ok(Some(Arc::new(log)))
    }

    /// Reads credentials and certificates. `listeners` are the addresses with their flags.
    pub(crate) fn open(
        &self,
        listeners: &[(&str, SocketAddr)],
        audit_log: Option<Arc<AuditLog>>,
        max_connections: usize,
    ) -> Result<Access, Failure> {
        let invalid = |error| Failure::usage(error, "fix this to start the server");
        let certificates = self.client_ca.is_some();
        let auth =
            Auth::new(self.users.as_deref(), self.tokens.as_deref(), certificates, audit_log).map_err(invalid)?;
        let tls = match (&self.tls_cert, &self.tls_key) {
            (Some(certificate), Some(key)) => {
                let (certificate, key, client_ca) = (certificate.clone(), key.clone(), self.client_ca.clone());
                let client_certificate_is_optional = auth.has_secrets();
                let files = Files { certificate, key, client_ca, client_certificate_is_optional };
                Some(Tls::open(files).map_err(invalid)?)
            }
            _ => None,
        };
        if tls.is_none() && self.tls == TlsUse::Optional {
            return Err(Failure::usage("--tls optional requires a certificate", "add --tls-cert and --tls-key"));
        }
        let access = Access { auth, tls, allows_plain_text: self.tls == TlsUse::Optional, max_connections };
        for (flag, address) in listeners.iter().filter(|(_, address)| !address.ip().is_loopback()) {
            if access.auth.allows_anonymous() && !self.allow_anonymous_access_from_the_network {
                return Err(Failure::usage(
                    format!("{flag} {address}: everybody on the network could read all data"),
                    "configure authentication with --users, --tokens or --client-ca, or listen on 127.0.0.1, or add \
                     --allow-anonymous-access-from-the-network",
                ));
            }
            if !access.auth.allows_anonymous() && !access.requires_tls() && !self.allow_plain_text_on_the_network {
                return Err(Failure::usage(
                    format!("{flag} {address}: passwords and answers would cross the network in plain text"),
                    "enable TLS with --tls-cert and --tls-key, without --tls optional, or add \
                     --allow-plain-text-on-the-network",
                ));
            }
        }
        Ok(access)
    }
}

impl ServeArgs {
    /// The limits of statements.
    pub(crate) fn limits(&self) -> Limits {
        let LimitArgs { max_queued_statements, max_concurrent_per_user, max_rows, max_bytes, .. } = &self.limits;
        Limits {
            timeout: (self.statement_timeout > 0).then(|| Duration::from_secs(self.statement_timeout)),
            concurrent: usize::from(self.max_concurrent_statements),
            queued: Some(*max_queued_statements),
            concurrent_per_user: (*max_concurrent_per_user > 0).then(|| usize::from(*max_concurrent_per_user)),
            rows: (*max_rows > 0).then_some(*max_rows),
            bytes: *max_bytes,
        }
    }
}

impl LimitArgs {
    /// The memory limits of statements.
    pub(crate) fn memory(&self) -> Result<Memory, Failure> {
        if let Some(folder) = &self.spill_folder
            && !folder.is_dir()
        {
            let message = format!("--spill-folder {} is not a folder", folder.display());
            return Err(Failure::usage(message, "create it, or omit the option"));
        }
        let available = available_memory();
        let size = |given: Option<u64>, part: u64| {
            let bytes = given.or_else(|| available.map(|available| available / part));
            bytes.map(|bytes| usize::try_from(bytes).unwrap_or(usize::MAX))
        };
        let all = size(self.memory_total, 2);
        let one = size(self.memory_per_statement, 4);
        Ok(Memory { one, all, spill: self.spill_folder.clone(), spill_bytes: Some(self.spill_limit) })
    }
}

/// The bytes of memory that this process may use: the limit of its control group, or the memory of the machine. `None`
/// if neither is known.
fn available_memory() -> Option<u64> {
    let number = |path: &str| fs::read_to_string(path).ok()?.trim().parse::<u64>().ok();
    let cgroup = number("/sys/fs/cgroup/memory.max").or_else(|| number("/sys/fs/cgroup/memory/memory.limit_in_bytes"));
    let machine = fs::read_to_string("/proc/meminfo").ok().and_then(|text| {
        let kilobytes = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
        kilobytes.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
    });
    cgroup.into_iter().chain(machine).min()
}
