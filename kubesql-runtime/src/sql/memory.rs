//! Memory limits per statement and for all statements, and spilling to disk.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use datafusion::error::{DataFusionError, Result};
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::{
    FairSpillPool, MemoryConsumer, MemoryLimit, MemoryPool, MemoryReservation, human_readable_size,
};
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use parking_lot::Mutex;

use super::error::{ErrorKind, SqlError};

/// Limits of the memory that statements use to sort, group and join.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Memory {
    /// Maximum bytes per statement; `None` for no limit.
    pub one: Option<usize>,
    /// Maximum bytes of all statements together; `None` for no limit.
    pub all: Option<usize>,
    /// The folder for spilled data; the system's folder for temporary files by default.
    pub spill: Option<PathBuf>,
    /// Maximum bytes of spilled data of all statements together; `None` for DataFusion's default.
    pub spill_bytes: Option<u64>,
}

/// The memory of all statements.
#[derive(Debug)]
pub(crate) struct Memories {
    base: RuntimeEnv,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    one: usize,
    all: usize,
    used: AtomicUsize,
}

impl Memories {
    pub(crate) fn new(limits: &Memory) -> Result<Self, SqlError> {
        let mode = match &limits.spill {
            Some(folder) => DiskManagerMode::Directories(vec![folder.clone()]),
            None => DiskManagerMode::OsTmpDirectory,
        };
        let mut disk = DiskManagerBuilder::default().with_mode(mode);
        if let Some(bytes) = limits.spill_bytes {
            disk.set_max_temp_directory_size(bytes);
        }
        let base = RuntimeEnvBuilder::new().with_disk_manager_builder(disk).build();
        let base = base.map_err(|error| SqlError::new(ErrorKind::Internal, error.to_string()))?;
        let (one, all) = (limits.one.unwrap_or(usize::MAX), limits.all.unwrap_or(usize::MAX));
        Ok(Self { base, shared: Arc::new(Shared { one, all, used: AtomicUsize::new(0) }) })
    }

    /// Creates the runtime environment of a statement.
    pub(crate) fn statement_runtime(&self) -> Arc<RuntimeEnv> {
        let own = FairSpillPool::new(self.shared.one);
        let pool = StatementPool { own, shared: Arc::clone(&self.shared), refusal: Mutex::default() };
        Arc::new(RuntimeEnv { memory_pool: Arc::new(pool), ..self.base.clone() })
    }

    /// Bytes that all statements use together.
    #[cfg(test)]
    pub(crate) fn used(&self) -> usize {
        self.shared.used.load(Ordering::Relaxed)
    }
}

/// The memory of one statement. Its operators that can spill have equal shares.
#[derive(Debug)]
struct StatementPool {
    own: FairSpillPool,
    shared: Arc<Shared>,
    /// The error of the last refused reservation.
    refusal: Mutex<Option<SqlError>>,
}

impl StatementPool {
    /// Refuses a reservation. An operator that can spill does so; otherwise the statement fails.
    fn refuse(&self, limit: usize, message: &str, hint: &str) -> DataFusionError {
        let error = SqlError::new(ErrorKind::Memory, format!("{message}: {}", human_readable_size(limit))).hint(hint);
        let refusal = DataFusionError::ResourcesExhausted(error.message.clone());
        *self.refusal.lock() = Some(error);
        refusal
    }
}

/// The error of the last reservation that was refused to the statement with this runtime environment.
pub(crate) fn last_refusal(runtime: &RuntimeEnv) -> Option<SqlError> {
    runtime.memory_pool.downcast_ref::<StatementPool>()?.refusal.lock().clone()
}

impl MemoryPool for StatementPool {
    fn name(&self) -> &'static str {
        "statement"
    }

    fn register(&self, consumer: &MemoryConsumer) {
        self.own.register(consumer);
    }

    fn unregister(&self, consumer: &MemoryConsumer) {
        self.own.unregister(consumer);
    }

    fn grow(&self, reservation: &MemoryReservation, additional: usize) {
        self.own.grow(reservation, additional);
        self.shared.used.fetch_add(additional, Ordering::Relaxed);
    }

    fn shrink(&self, reservation: &MemoryReservation, shrink: usize) {
        self.own.shrink(reservation, shrink);
        self.shared.used.fetch_sub(shrink, Ordering::Relaxed);
    }

    fn try_grow(&self, reservation: &MemoryReservation, additional: usize) -> Result<()> {
        self.own.try_grow(reservation, additional).map_err(|_| {
            self.refuse(
                self.shared.one,
                "statement exceeds the memory limit per statement",
                "select fewer columns, groups or rows, or raise --memory-per-statement of kubesql serve",
            )
        })?;
        let more = |used: usize| used.checked_add(additional).filter(|used| *used <= self.shared.all);
        if self.shared.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_err() {
            self.own.shrink(reservation, additional);
            return Err(self.refuse(
                self.shared.all,
                "statement exceeds the memory limit of all statements",
                "retry when other statements have ended, or raise --memory-total of kubesql serve",
            ));
        }
        Ok(())
    }

    fn reserved(&self) -> usize {
        self.own.reserved()
    }

    fn memory_limit(&self) -> MemoryLimit {
        MemoryLimit::Finite(self.shared.one.min(self.shared.all))
    }
}

impl fmt::Display for StatementPool {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "{} of {}", human_readable_size(self.reserved()), human_readable_size(self.shared.one))
    }
}
