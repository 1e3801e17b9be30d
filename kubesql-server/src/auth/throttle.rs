//! Delays after failed attempts to authenticate, so that passwords cannot be found by trying.

use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

/// The number of slots. Each pair of address and user has the slot of its hash, so that the memory is bounded however
/// many names are tried.
const SLOTS: u16 = 4096;

/// How many failed attempts in a row are free of a delay before the next attempt.
const FREE_ATTEMPTS: u32 = 3;

/// The delay after the first failed attempt. It doubles with each further one.
const FIRST_DELAY: Duration = Duration::from_millis(100);

const MAX_DELAY: Duration = Duration::from_secs(5);

/// An attempt that would have to wait longer than this behind concurrent ones is refused.
const MAX_WAIT: Duration = Duration::from_secs(20);

/// After this time without a failed attempt, a slot is reset.
const RESET_AFTER: Duration = Duration::from_secs(600);

/// Counts failed attempts.
pub(super) struct Throttle {
    hasher: RandomState,
    slots: Mutex<Vec<Slot>>,
}

#[derive(Clone, Copy)]
struct Slot {
    failures: u32,
    last_failure: Instant,
    /// When the next attempt may be made.
    next_attempt: Instant,
}

impl Throttle {
    pub(super) fn new() -> Self {
        let now = Instant::now();
        let slot = Slot { failures: 0, last_failure: now, next_attempt: now };
        Self { hasher: RandomState::new(), slots: Mutex::new(vec![slot; SLOTS.into()]) }
    }

    fn slot(&self, address: IpAddr, user: &str) -> usize {
        let hash = self.hasher.hash_one((address, user));
        usize::try_from(hash % u64::from(SLOTS)).unwrap_or_default()
    }

    /// Waits until an attempt may be made. Returns `false` if too many others are waiting.
    pub(super) async fn wait(&self, address: IpAddr, user: &str) -> bool {
        let at = self.slot(address, user);
        let until = {
            let (mut slots, now) = (self.slots.lock(), Instant::now());
            let slot = &mut slots[at];
            if now.duration_since(slot.last_failure) > RESET_AFTER {
                slot.failures = 0;
            }
            if slot.failures < FREE_ATTEMPTS {
                return true;
            }
            let until = slot.next_attempt.max(now);
            if until.duration_since(now) > MAX_WAIT {
                return false;
            }
            // Concurrent attempts wait one after the other.
            slot.next_attempt = until + delay(slot.failures);
            until
        };
        tokio::time::sleep_until(until).await;
        true
    }

    /// Counts a failed attempt, and waits before the client is told.
    pub(super) async fn record_failure(&self, address: IpAddr, user: &str) {
        let at = self.slot(address, user);
        let delay = {
            let (mut slots, now) = (self.slots.lock(), Instant::now());
            let slot = &mut slots[at];
            slot.failures = slot.failures.saturating_add(1);
            slot.last_failure = now;
            delay(slot.failures)
        };
        tokio::time::sleep(delay).await;
    }

    /// Resets the count.
    pub(super) fn record_success(&self, address: IpAddr, user: &str) {
        let at = self.slot(address, user);
        self.slots.lock()[at].failures = 0;
    }
}

fn delay(failures: u32) -> Duration {
    let doubled = FIRST_DELAY.saturating_mul(1_u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX));
    doubled.min(MAX_DELAY)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCALHOST: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    #[test]
    fn delays_double_up_to_the_maximum() {
        let delays: Vec<u128> = (1..=8).map(|failures| delay(failures).as_millis()).collect();
        assert_eq!(delays, [100, 200, 400, 800, 1600, 3200, 5000, 5000]);
        assert_eq!(delay(u32::MAX), MAX_DELAY);
    }

    #[tokio::test]
    async fn only_the_same_user_and_address_wait() {
        let throttle = Throttle::new();
        let at = throttle.slot(LOCALHOST, "ada");
        throttle.record_failure(LOCALHOST, "ada").await;
        assert_eq!(throttle.slots.lock()[at].failures, 1);
        assert!(throttle.wait(LOCALHOST, "ada").await);
        throttle.slots.lock()[at].failures = FREE_ATTEMPTS;
        // Concurrent attempts wait one after the other, until too many do.
        let began = Instant::now();
        assert!(throttle.wait(LOCALHOST, "ada").await);
        assert!(throttle.wait(LOCALHOST, "ada").await);
        assert!(began.elapsed() >= delay(FREE_ATTEMPTS), "the second waited for the first");
        throttle.slots.lock()[at].next_attempt = began + MAX_WAIT + MAX_DELAY;
        assert!(!throttle.wait(LOCALHOST, "ada").await);
        let began = Instant::now();
        assert!(throttle.wait(LOCALHOST, "bob").await);
        assert!(throttle.wait("10.0.0.1".parse().expect("an address"), "ada").await);
        throttle.record_success(LOCALHOST, "ada");
        assert!(throttle.wait(LOCALHOST, "ada").await);
        assert!(began.elapsed() < delay(1));
    }
}
