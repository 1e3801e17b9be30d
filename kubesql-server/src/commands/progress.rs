//! Progress of reading objects, on stderr if that is a terminal and reading takes a while.

use std::io::{self, IsTerminal};
use std::sync::Arc;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use kubesql_runtime::store::{ClusterState, Source, Status, WatchState};
use tokio::task::JoinHandle;
use unicode_width::UnicodeWidthChar;

/// Nothing is shown before this time.
const QUIET: Duration = Duration::from_millis(500);

/// Interval of redrawing.
const EVERY: Duration = Duration::from_millis(100);

/// Number of lists shown; the others are counted.
const SHOWN: usize = 4;

/// A progress line, shown until it is dropped.
#[derive(Default)]
pub(crate) struct Progress {
    shown: Option<(ProgressBar, JoinHandle<()>)>,
}

impl Progress {
    /// Shows the progress of a source. Must be called within the runtime.
    pub(crate) fn of_source(source: &Arc<dyn Source>) -> Self {
        let (began, source) = (Instant::now(), Arc::clone(source));
        Self::of_text(move || match text(&source.status()) {
            text if text.is_empty() => format!("running, {} s", began.elapsed().as_secs()),
            text => text,
        })
    }

    /// Shows a text that is computed at each redraw. Must be called within the runtime.
    pub(crate) fn of_text(text: impl Fn() -> String + Send + 'static) -> Self {
        if !io::stderr().is_terminal() {
            return Self::default();
        }
        let bar = ProgressBar::hidden();
        let drawn = bar.clone();
        let task = tokio::spawn(async move {
            tokio::time::sleep(QUIET).await;
            if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
                drawn.set_style(style);
            }
            drawn.set_draw_target(ProgressDrawTarget::stderr());
            loop {
                drawn.set_message(fitting(&text()));
                drawn.tick();
                tokio::time::sleep(EVERY).await;
            }
        });
        Self { shown: Some((bar, task)) }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some((bar, task)) = self.shown.take() {
            task.abort();
            bar.finish_and_clear();
        }
    }
}

/// As much of a text as fits beside the spinner. The last columns stay free, so that an echoed `^C` does not wrap.
fn fitting(text: &str) -> String {
    let width = terminal_size::terminal_size_of(io::stderr()).map_or(80, |(width, _)| usize::from(width.0));
    let mut used = 0;
    let fits = |c: &char| {
        used += c.width().unwrap_or(0);
        used + 8 < width
    };
    text.chars().take_while(fits).collect()
}

fn text(status: &Status) -> String {
    let connecting = status.clusters.iter().filter(|cluster| cluster.state == ClusterState::Connecting);
    let connecting = connecting.map(|cluster| format!("{}: connecting", cluster.name));
    let listing = status.watches.iter().filter(|watch| watch.state == WatchState::Listing);
    let listing = listing.map(|watch| {
        let of = watch.namespace.as_ref().map_or(String::new(), |namespace| format!(" of {namespace}"));
        format!("{}: {} {}{of}", watch.cluster, watch.objects, watch.resource)
    });
    let all: Vec<String> = connecting.chain(listing).collect();
    match all.len().saturating_sub(SHOWN) {
        0 => all.join(", "),
        more => format!("{}, and {more} more", all[..SHOWN].join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use kubesql_runtime::store::{ClusterStatus, WatchStatus};

    use super::*;

    #[test]
    fn formats_progress() {
        let cluster =
            |name: &str, state| ClusterStatus { name: name.into(), server: None, version: None, state, error: None };
        let watch = |objects, state| WatchStatus {
            cluster: "a".into(),
            group: String::new(),
            version: "v1".into(),
            resource: "pods".into(),
            namespace: None,
            state,
            objects,
            bytes: 0,
            events: 0,
            last_event: None,
            lag_ms: 0.0,
            resource_version: String::new(),
            relists: 0,
            warnings: 0,
            error: None,
        };
        let clusters = vec![cluster("a", ClusterState::Connected), cluster("b", ClusterState::Connecting)];
        let watches = vec![watch(1500, WatchState::Listing), watch(9, WatchState::Synced)];
        let mut status = Status { clusters, watches };
        assert_eq!(text(&status), "b: connecting, a: 1500 pods");
        status.watches = vec![watch(1, WatchState::Listing); 5];
        assert_eq!(text(&status), "b: connecting, a: 1 pods, a: 1 pods, a: 1 pods, and 2 more");
    }
}
