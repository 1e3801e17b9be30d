//! Memory of statements: how much one and all may hold, and where they put what does not fit.

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

use super::error::{ErrorKind, SqlError};

/// How much statements may hold while they sort, group and join.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Memory {
    /// Bytes of one statement; `None` for no limit.
    pub one: Option<usize>,
    /// Bytes of all statements together; `None` for no limit.
    pub all: Option<usize>,
    /// Where they put what does not fit; the system's folder for temporary files where it is `None`.
    pub spill: Option<PathBuf>,
    /// Bytes that all of them may put there.
    pub spill_bytes: Option<u64>,
}

/// The memory of all statements.
#[derive(Debug)]
pub(super) struct Memories {
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
    pub(super) fn new(limits: &Memory) -> Result<Self, SqlError> {
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

    /// What one more statement runs in.
    pub(super) fn of_statement(&self) -> Arc<RuntimeEnv> {
        let pool = StatementPool { own: FairSpillPool::new(self.shared.one), shared: Arc::clone(&self.shared) };
        Arc::new(RuntimeEnv { memory_pool: Arc::new(pool), ..self.base.clone() })
    }

    /// What all statements hold together.
    #[cfg(test)]
    pub(super) fn used(&self) -> usize {
        self.shared.used.load(Ordering::Relaxed)
    }
}

/// The memory of one statement, of which those of its parts that can spill have equal shares.
#[derive(Debug)]
struct StatementPool {
    own: FairSpillPool,
    shared: Arc<Shared>,
}

impl StatementPool {
    /// What cannot spill fails with this; what can does so when it sees it.
    fn exhausted(whose: &str, limit: usize) -> DataFusionError {
        DataFusionError::ResourcesExhausted(format!("{whose} {}", human_readable_size(limit)))
    }
}

/// The begin of what is said where a statement holds too much.
pub(super) const ONE: &str = "the statement needs more memory than one may use:";

/// The begin of what is said where all statements hold too much.
pub(super) const ALL: &str = "the statement needs more memory than others leave it of what all may use:";

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
        self.own.try_grow(reservation, additional).map_err(|_| Self::exhausted(ONE, self.shared.one))?;
        let more = |used: usize| used.checked_add(additional).filter(|used| *used <= self.shared.all);
        if self.shared.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_err() {
            self.own.shrink(reservation, additional);
            return Err(Self::exhausted(ALL, self.shared.all));
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
