//! Ctrl-C cancels what is running, and not the shell.

use tokio::runtime::Runtime;
use tokio::sync::watch;

/// Tells whether Ctrl-C was pressed since this value was created. In scripts, Ctrl-C ends the process.
#[derive(Debug, Clone)]
pub(super) struct Interrupt {
    pressed: watch::Receiver<()>,
}

impl Interrupt {
    /// Starts listening.
    pub(super) fn listen(runtime: &Runtime) -> Self {
        let (sender, pressed) = watch::channel(());
        runtime.spawn(async move {
            while tokio::signal::ctrl_c().await.is_ok() {
                sender.send_replace(());
            }
        });
        Self { pressed }
    }

    /// An interrupt that never occurs.
    pub(super) fn never() -> Self {
        Self { pressed: watch::channel(()).1 }
    }

    /// Forgets earlier interrupts.
    pub(super) fn fresh(&self) -> Self {
        let mut pressed = self.pressed.clone();
        pressed.mark_unchanged();
        Self { pressed }
    }

    /// Whether Ctrl-C was pressed.
    pub(super) fn is_pressed(&self) -> bool {
        self.pressed.has_changed().unwrap_or(false)
    }

    /// Waits for Ctrl-C.
    pub(super) async fn pressed(&mut self) {
        if self.pressed.changed().await.is_err() {
            std::future::pending().await
        }
    }
}
