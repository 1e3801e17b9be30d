//! From the arguments to who may come in and how much they may ask; what would be open by mistake is refused.

use std::fs;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use kubesql_runtime::sql::Memory;

use crate::args::{AccessArgs, LimitArgs, ServeArgs, TlsUse};
use crate::audit::Audit;
use crate::auth::Auth;
use crate::failure::Failure;
use crate::listen::Access;
use crate::query::Limits;
use crate::tls::{Files, Tls};

impl AccessArgs {
    /// Where statements and refused attempts are written down.
    pub(crate) fn audit(&self) -> Result<Option<Arc<Audit>>, Failure> {
        let Some(path) = &self.audit_log else { return Ok(None) };
        let audit = Audit::open(path).map_err(|error| {
            let message = format!("--audit-log {} cannot be written: {error}", path.display());
            Failure::usage(message, "nothing is served that should be written down and cannot be")
        })?;
        Ok(Some(Arc::new(audit)))
    }

    /// Who may come in by doors on these addresses, each called by its flag.
    pub(crate) fn open(
        &self,
        doors: &[(&str, SocketAddr)],
        audit: Option<Arc<Audit>>,
        connections: usize,
    ) -> Result<Access, Failure> {
        let wrong = |error| Failure::usage(error, "nothing is served until that is mended");
        let certificates = self.client_ca.is_some();
        let auth = Auth::new(self.users.as_deref(), self.tokens.as_deref(), certificates, audit).map_err(wrong)?;
        let tls = match (&self.tls_cert, &self.tls_key) {
            (Some(certificate), Some(key)) => {
                let (certificate, key, client_ca) = (certificate.clone(), key.clone(), self.client_ca.clone());
                let files = Files { certificate, key, client_ca, others_may: auth.has_secrets() };
                Some(Tls::open(files).map_err(wrong)?)
            }
            _ => None,
        };
        if tls.is_none() && self.tls == TlsUse::Optional {
            return Err(Failure::usage("--tls optional: there is no TLS", "give --tls-cert and --tls-key"));
        }
        let access = Access { auth, tls, plain: self.tls == TlsUse::Optional, connections };
        for (flag, address) in doors.iter().filter(|(_, address)| !address.ip().is_loopback()) {
            if access.auth.is_open() && !self.allow_anonymous_access_from_the_network {
                return Err(Failure::usage(
                    format!("{flag} {address}: whoever reaches that address could read everything"),
                    "say who may come in: --users, --tokens or --client-ca; or listen on 127.0.0.1; or say \
                     --allow-anonymous-access-from-the-network",
                ));
            }
            if !access.auth.is_open() && !access.wants_tls() && !self.allow_plain_text_on_the_network {
                return Err(Failure::usage(
                    format!("{flag} {address}: passwords and answers could be read on the way there"),
                    "turn on TLS: --tls-cert and --tls-key, without --tls optional; or say \
                     --allow-plain-text-on-the-network",
                ));
            }
        }
        Ok(access)
    }
}

impl ServeArgs {
    /// What statements have to keep to.
    pub(crate) fn limits(&self) -> Limits {
        let LimitArgs { max_queued_statements, max_concurrent_per_user, max_rows, max_bytes, .. } = &self.limits;
        Limits {
            timeout: (self.statement_timeout > 0).then(|| Duration::from_secs(self.statement_timeout)),
            at_once: usize::from(self.max_concurrent_statements),
            waiting: Some(*max_queued_statements),
            each: (*max_concurrent_per_user > 0).then(|| usize::from(*max_concurrent_per_user)),
            rows: (*max_rows > 0).then_some(*max_rows),
            bytes: *max_bytes,
        }
    }
}

impl LimitArgs {
    /// How much statements may hold.
    pub(crate) fn memory(&self) -> Result<Memory, Failure> {
        if let Some(folder) = &self.spill_folder
            && !folder.is_dir()
        {
            let message = format!("--spill-folder {} is no folder", folder.display());
            return Err(Failure::usage(message, "make it, or leave it out"));
        }
        let there = installed();
        let size = |given: Option<u64>, part: u64| {
            let bytes = given.or_else(|| there.map(|there| there / part));
            bytes.map(|bytes| usize::try_from(bytes).unwrap_or(usize::MAX))
        };
        let all = size(self.memory_total, 2);
        let one = size(self.memory_per_statement, 4);
        Ok(Memory { one, all, spill: self.spill_folder.clone(), spill_bytes: Some(self.spill_limit) })
    }
}

/// Bytes of memory that this process may have, as far as that can be known.
fn installed() -> Option<u64> {
    let number = |path: &str| fs::read_to_string(path).ok()?.trim().parse::<u64>().ok();
    let group = number("/sys/fs/cgroup/memory.max").or_else(|| number("/sys/fs/cgroup/memory/memory.limit_in_bytes"));
    let machine = fs::read_to_string("/proc/meminfo").ok().and_then(|text| {
        let kilobytes = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
        kilobytes.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
    });
    group.into_iter().chain(machine).min()
}
