//! A Tokio runtime for watches. Its threads are separate, so that statements that keep all other threads busy do not
//! delay events.

use tokio::runtime::{Builder, Handle, Runtime};

/// Runs tasks until it is dropped, which cancels them.
#[derive(Debug)]
pub(super) struct IngestRuntime {
    /// `None` only while it is dropped.
    runtime: Option<Runtime>,
    handle: Handle,
}

impl IngestRuntime {
    pub(super) fn new() -> Self {
        let runtime = Builder::new_multi_thread().enable_all().thread_name("kubesql-ingest").build();
        let runtime = runtime.expect("threads can be started");
        Self { handle: runtime.handle().clone(), runtime: Some(runtime) }
    }

    pub(super) fn handle(&self) -> &Handle {
        &self.handle
    }
}

impl Drop for IngestRuntime {
    fn drop(&mut self) {
        // The last reference may be held by one of its own tasks, which must not block on the shutdown.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
