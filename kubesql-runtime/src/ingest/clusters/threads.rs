//! Threads of their own for what is followed, so that statements, which may keep all others busy, do not delay it.

use tokio::runtime::{Builder, Handle, Runtime};

/// Runs tasks until it is dropped, which ends them.
#[derive(Debug)]
pub(super) struct Threads {
    /// Always there, until it is taken to be ended.
    runtime: Option<Runtime>,
    handle: Handle,
}

impl Threads {
    pub(super) fn new() -> Self {
        let runtime = Builder::new_multi_thread().enable_all().thread_name("kubesql-ingest").build();
        let runtime = runtime.expect("threads can be started");
        Self { handle: runtime.handle().clone(), runtime: Some(runtime) }
    }

    pub(super) fn handle(&self) -> &Handle {
        &self.handle
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        // The last to know of them may be one of their own tasks, which could not wait for itself.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
