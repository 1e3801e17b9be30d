//! Exponential back-off with jitter.

use std::time::Duration;

use rand::Rng;

/// The delay after the first failure.
const INITIAL: Duration = Duration::from_millis(200);

/// The maximal delay.
const MAX: Duration = Duration::from_secs(30);

/// The minimal delay, even if queries are waiting.
const MIN: Duration = Duration::from_millis(100);

/// A delay before the next attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Delay {
    /// The part that is always waited. Includes the delay that the server asked for.
    pub(super) required: Duration,
    /// The part after it, which is cut short if a query is waiting.
    pub(super) optional: Duration,
}

impl Delay {
    pub(super) fn total(self) -> Duration {
        self.required + self.optional
    }
}

/// Delays that grow with each consecutive failure.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// Starts again after a success.
    pub(super) fn reset(&mut self) {
        self.failures = 0;
    }

    /// The delay after a failure. It is at least `retry_after`, the delay that the server asked for.
    pub(super) fn next(&mut self, retry_after: Option<Duration>) -> Delay {
        let full = INITIAL.saturating_mul(1 << self.failures.min(16)).min(MAX);
        self.failures += 1;
        // Jitter: clients that failed together do not retry together.
        let delay = full.mul_f64(rand::rng().random_range(0.5..=1.0));
        let required = retry_after.unwrap_or(MIN.min(delay));
        Delay { required, optional: delay.saturating_sub(required) }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Backoff, Delay};

    #[test]
    fn delays_grow_up_to_a_limit() {
        let mut backoff = Backoff::default();
        let delays: Vec<Duration> = (0..40).map(|_| backoff.next(None).total()).collect();
        assert!(delays[0] <= Duration::from_millis(200));
        assert!(delays[39] >= Duration::from_secs(15) && delays[39] <= Duration::from_secs(30), "{:?}", delays[39]);
        let asked = Duration::from_secs(90);
        assert_eq!(backoff.next(Some(asked)), Delay { required: asked, optional: Duration::ZERO });
        backoff.reset();
        assert!(backoff.next(None).total() <= Duration::from_millis(200));
    }

    #[test]
    fn required_delay_is_short_or_as_the_server_asked() {
        let mut backoff = Backoff::default();
        (0..20).for_each(|_| _ = backoff.next(None));
        let asked = backoff.next(Some(Duration::from_secs(1)));
        assert!(asked.required == Duration::from_secs(1) && asked.total() >= Duration::from_secs(15), "{asked:?}");
        let unasked = backoff.next(None);
        assert!(
            unasked.required <= Duration::from_millis(100) && unasked.total() >= Duration::from_secs(15),
            "{unasked:?}"
        );
    }
}
