//! Whoever was wrong waits, each time longer, so that passwords cannot be guessed by trying.

use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

/// Attempts of one user from one address are told apart from others by a number up to this; it is of no use to fill
/// the memory with names.
const SLOTS: usize = 4096;

/// So many attempts in a row may be wrong before the next one waits, right or not.
const FREE: u32 = 3;

/// How long the answer to the first wrong one waits.
const FIRST: Duration = Duration::from_millis(100);

/// How long each waits at most.
const LONGEST: Duration = Duration::from_secs(5);

/// Nobody waits behind others for longer than this: they are refused.
const QUEUE: Duration = Duration::from_secs(20);

/// After this time nothing is remembered.
const FORGOTTEN: Duration = Duration::from_secs(600);

/// What is remembered of wrong attempts.
pub(super) struct Throttle {
    hasher: RandomState,
    slots: Mutex<Vec<Slot>>,
}

#[derive(Clone, Copy)]
struct Slot {
    wrong: u32,
    last: Instant,
    /// When the next attempt may be made.
    next: Instant,
}

impl Throttle {
    pub(super) fn new() -> Self {
        let now = Instant::now();
        Self { hasher: RandomState::new(), slots: Mutex::new(vec![Slot { wrong: 0, last: now, next: now }; SLOTS]) }
    }

    fn slot(&self, from: IpAddr, user: &str) -> usize {
        let number = self.hasher.hash_one((from, user));
        usize::try_from(number % 4096).unwrap_or_default()
    }

    /// Waits until an attempt may be made; false where too many wait already.
    pub(super) async fn wait(&self, from: IpAddr, user: &str) -> bool {
        let at = self.slot(from, user);
        let until = {
            let (mut slots, now) = (self.slots.lock(), Instant::now());
            let slot = &mut slots[at];
            if now.duration_since(slot.last) > FORGOTTEN {
                slot.wrong = 0;
            }
            if slot.wrong < FREE {
                return true;
            }
            let until = slot.next.max(now);
            if until.duration_since(now) > QUEUE {
                return false;
            }
            // Those that are made at once wait for each other.
            slot.next = until + delay(slot.wrong);
            until
        };
        tokio::time::sleep_until(until).await;
        true
    }

    /// An attempt was wrong: waits before that is told.
    pub(super) async fn wrong(&self, from: IpAddr, user: &str) {
        let at = self.slot(from, user);
        let delay = {
            let (mut slots, now) = (self.slots.lock(), Instant::now());
            let slot = &mut slots[at];
            slot.wrong = slot.wrong.saturating_add(1);
            slot.last = now;
            delay(slot.wrong)
        };
        tokio::time::sleep(delay).await;
    }

    /// An attempt was right.
    pub(super) fn right(&self, from: IpAddr, user: &str) {
        let at = self.slot(from, user);
        self.slots.lock()[at].wrong = 0;
    }
}

fn delay(wrong: u32) -> Duration {
    let doubled = FIRST.saturating_mul(1_u32.checked_shl(wrong.saturating_sub(1)).unwrap_or(u32::MAX));
    doubled.min(LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    #[test]
    fn delays_double_up_to_the_longest() {
        let delays: Vec<u128> = (1..=8).map(|wrong| delay(wrong).as_millis()).collect();
        assert_eq!(delays, [100, 200, 400, 800, 1600, 3200, 5000, 5000]);
        assert_eq!(delay(u32::MAX), LONGEST);
    }

    #[tokio::test]
    async fn who_was_wrong_waits_and_others_do_not() {
        let throttle = Throttle::new();
        let at = throttle.slot(HERE, "ada");
        throttle.wrong(HERE, "ada").await;
        assert_eq!(throttle.slots.lock()[at].wrong, 1);
        assert!(throttle.wait(HERE, "ada").await);
        throttle.slots.lock()[at].wrong = FREE;
        // Those that come at once are one behind the other, until too many are.
        let began = Instant::now();
        assert!(throttle.wait(HERE, "ada").await);
        assert!(throttle.wait(HERE, "ada").await);
        assert!(began.elapsed() >= delay(FREE), "the second waited for the first");
        throttle.slots.lock()[at].next = began + QUEUE + LONGEST;
        assert!(!throttle.wait(HERE, "ada").await);
        let began = Instant::now();
        assert!(
            throttle.wait(HERE, "bob").await && throttle.wait("10.0.0.1".parse().expect("an address"), "ada").await
        );
        throttle.right(HERE, "ada");
        assert!(throttle.wait(HERE, "ada").await);
        assert!(began.elapsed() < delay(1));
    }
}
