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

    async fn elapsed<T>(future: impl Future<Output = T>) -> (T, Duration) {
        let began = Instant::now();
        let output = future.await;
        (output, began.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn delays_grow_with_each_failure() {
        let throttle = Throttle::new();
        for (failures, expect) in [(1, 100), (2, 200), (3, 400), (4, 800)] {
            let (_, delay) = elapsed(throttle.record_failure(LOCALHOST, "ada")).await;
            assert_eq!(delay, Duration::from_millis(expect), "{failures}");
        }
        // The delay of the last failure has passed.
        assert_eq!(elapsed(throttle.wait(LOCALHOST, "ada")).await, (true, Duration::ZERO));
        // The next attempt waits for the one before.
        assert_eq!(elapsed(throttle.wait(LOCALHOST, "ada")).await, (true, Duration::from_millis(800)));
    }

    #[tokio::test(start_paused = true)]
    async fn only_the_same_user_and_address_wait() {
        let throttle = Throttle::new();
        for _ in 0..4 {
            throttle.record_failure(LOCALHOST, "ada").await;
        }
        let concurrent = (0..30).map(|_| elapsed(throttle.wait(LOCALHOST, "ada")));
        let waited = futures::future::join_all(concurrent).await;
        for (number, (admitted, delay)) in (0..).zip(waited) {
            let expect = Duration::from_millis(800) * number;
            assert_eq!(admitted, expect <= MAX_WAIT, "{number}");
            assert_eq!(delay, if admitted { expect } else { Duration::ZERO }, "{number}");
        }
        let other_address = "10.0.0.1".parse().expect("an address");
        for (address, user) in [(LOCALHOST, "bob"), (other_address, "ada")] {
            if throttle.slot(address, user) != throttle.slot(LOCALHOST, "ada") {
                assert_eq!(elapsed(throttle.wait(address, user)).await, (true, Duration::ZERO));
            }
        }
        throttle.record_success(LOCALHOST, "ada");
        assert_eq!(elapsed(throttle.wait(LOCALHOST, "ada")).await, (true, Duration::ZERO));
    }

    #[tokio::test(start_paused = true)]
    async fn failures_are_forgotten() {
        let throttle = Throttle::new();
        for _ in 0..10 {
            throttle.record_failure(LOCALHOST, "ada").await;
        }
        assert!(throttle.wait(LOCALHOST, "ada").await);
        tokio::time::sleep(RESET_AFTER).await;
        assert_eq!(elapsed(throttle.wait(LOCALHOST, "ada")).await, (true, Duration::ZERO));
    }
}
