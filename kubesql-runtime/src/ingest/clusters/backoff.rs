//! How long to wait before the next attempt.

use std::time::Duration;

use rand::Rng;

/// The wait after the first failure.
const FIRST: Duration = Duration::from_millis(200);

/// The longest wait.
const LONGEST: Duration = Duration::from_secs(30);

/// Nobody tries more often than this, however many ask for it.
const LEAST: Duration = Duration::from_millis(100);

/// A wait before the next attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pause {
    /// What has to be waited in any case: what the server asked for, where it did.
    pub(super) firm: Duration,
    /// What is waited after that, unless somebody cannot wait.
    pub(super) polite: Duration,
}

impl Pause {
    /// All of it.
    pub(super) fn whole(self) -> Duration {
        self.firm + self.polite
    }
}

/// Waits that grow with each failure in a row, and differ from one client to the next.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// All is well again.
    pub(super) fn reset(&mut self) {
        self.failures = 0;
    }

    /// How long to wait now; at least as long as the server asks for.
    pub(super) fn next(&mut self, asked: Option<Duration>) -> Pause {
        let full = FIRST.saturating_mul(1 << self.failures.min(16)).min(LONGEST);
        self.failures += 1;
        // Between half of it and all, so that clients which failed together do not return together.
        let wait = full.mul_f64(rand::rng().random_range(0.5..=1.0));
        let firm = asked.unwrap_or(LEAST.min(wait));
        Pause { firm, polite: wait.saturating_sub(firm) }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Backoff, Pause};

    #[test]
    fn waits_grow_up_to_a_limit() {
        let mut backoff = Backoff::default();
        let waits: Vec<Duration> = (0..40).map(|_| backoff.next(None).whole()).collect();
        assert!(waits[0] <= Duration::from_millis(200));
        assert!(waits[39] >= Duration::from_secs(15) && waits[39] <= Duration::from_secs(30), "{:?}", waits[39]);
        let asked = Duration::from_secs(90);
        assert_eq!(backoff.next(Some(asked)), Pause { firm: asked, polite: Duration::ZERO });
        backoff.reset();
        assert!(backoff.next(None).whole() <= Duration::from_millis(200));
    }

    #[test]
    fn only_what_the_server_asked_for_is_waited_by_those_who_cannot_wait() {
        let mut backoff = Backoff::default();
        (0..20).for_each(|_| _ = backoff.next(None));
        let asked = backoff.next(Some(Duration::from_secs(1)));
        assert!(asked.firm == Duration::from_secs(1) && asked.whole() >= Duration::from_secs(15), "{asked:?}");
        let unasked = backoff.next(None);
        assert!(
            unasked.firm <= Duration::from_millis(100) && unasked.whole() >= Duration::from_secs(15),
            "{unasked:?}"
        );
    }
}
