//! Ctrl-C while something runs: it stops that, and not the shell.

use tokio::runtime::Runtime;
use tokio::sync::watch;

/// Knows whether Ctrl-C was pressed since it was made. In a script, nobody listens and Ctrl-C ends the process.
#[derive(Debug, Clone)]
pub(super) struct Interrupt {
    pressed: watch::Receiver<()>,
}

impl Interrupt {
    /// Listens from now on.
    pub(super) fn listen(runtime: &Runtime) -> Self {
        let (sender, pressed) = watch::channel(());
        runtime.spawn(async move {
            while tokio::signal::ctrl_c().await.is_ok() {
                sender.send_replace(());
            }
        });
        Self { pressed }
    }

    /// One that nobody presses.
    pub(super) fn never() -> Self {
        Self { pressed: watch::channel(()).1 }
    }

    /// One that knows nothing of what was pressed before.
    pub(super) fn fresh(&self) -> Self {
        let mut pressed = self.pressed.clone();
        pressed.mark_unchanged();
        Self { pressed }
    }

    /// Whether it was pressed.
    pub(super) fn is_pressed(&self) -> bool {
        self.pressed.has_changed().unwrap_or(false)
    }

    /// Waits until it is pressed.
    pub(super) async fn pressed(&mut self) {
        if self.pressed.changed().await.is_err() {
            std::future::pending().await
        }
    }
}
