//! What can go wrong on the way, how often, and how often it did.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::lock;

/// One kind of misbehaviour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Fault {
    /// The connection ends before the answer's head does.
    CutHead,
    /// The connection ends within a page, which had said how long it is.
    CutPage,
    /// The same, of a page that had not said it.
    CutSilently,
    /// The connection ends within a watch, at any byte.
    CutWatch,
    /// A watch ends as it should, but within a line.
    Truncated,
    /// 410 instead of a watch.
    Gone,
    /// A watch says 410 in the midst of it.
    GoneEvent,
    /// A watch says 500 in the midst of it.
    ErrorEvent,
    /// The token of the next page is not known any more.
    GonePage,
    /// 429, with or without a time to wait.
    TooMany,
    /// 503.
    Unavailable,
    /// 200 and something that is no list.
    Nonsense,
    /// Bytes come a few at a time.
    Slow,
    /// Lines come in pieces.
    Split,
    /// An event is sent twice.
    Repeated,
    /// An event from before is sent again.
    Old,
    /// The same, of an object that was deleted since.
    OldOfDeleted,
    /// A watch has no bookmarks.
    NoBookmarks,
    /// An object of 1.5 MB is sent.
    Large,
    /// A watch ends at once.
    EndsAtOnce,
    /// 422 to a streaming list.
    NoStreaming,
    /// Something changes between the first objects of a streaming list and their end.
    DuringInitial,
    /// A deletion does.
    DeletedDuringInitial,
    /// A streaming list breaks off before its end.
    InitialBroken,
    /// Credentials are not accepted.
    Unauthorized,
    /// A restart from a backup: versions start again at a lower number.
    Lower,
    /// A restart with other contents, at a higher number.
    Higher,
    /// 504 to a watch from a version that is not there yet.
    TooLarge,
    /// A watch from a version that is not there yet begins, and stays silent.
    Future,
    /// The server is gone for a second.
    Killed,
    /// A page of a list after the first.
    NextPage,
}

impl Fault {
    pub(crate) const ALL: [Self; 31] = [
        Self::CutHead,
        Self::CutPage,
        Self::CutSilently,
        Self::CutWatch,
        Self::Truncated,
        Self::Gone,
        Self::GoneEvent,
        Self::ErrorEvent,
        Self::GonePage,
        Self::TooMany,
        Self::Unavailable,
        Self::Nonsense,
        Self::Slow,
        Self::Split,
        Self::Repeated,
        Self::Old,
        Self::OldOfDeleted,
        Self::NoBookmarks,
        Self::Large,
        Self::EndsAtOnce,
        Self::NoStreaming,
        Self::DuringInitial,
        Self::DeletedDuringInitial,
        Self::InitialBroken,
        Self::Unauthorized,
        Self::Lower,
        Self::Higher,
        Self::TooLarge,
        Self::Future,
        Self::Killed,
        Self::NextPage,
    ];

    /// How likely it is where it can happen: once a request, an event, or a pause of a watch.
    fn chance(self) -> f64 {
        match self {
            Self::CutHead | Self::TooMany | Self::Unavailable | Self::Nonsense => 0.02,
            Self::CutPage | Self::CutSilently | Self::GonePage => 0.04,
            Self::Gone => 0.05,
            Self::NoStreaming => 0.1,
            Self::EndsAtOnce => 0.05,
            Self::NoBookmarks => 0.5,
            Self::Slow => 0.05,
            Self::Split => 0.05,
            Self::Repeated | Self::Old => 0.02,
            Self::CutWatch | Self::Truncated | Self::GoneEvent | Self::ErrorEvent => 0.002,
            Self::InitialBroken => 0.2,
            // These are not a matter of chance: they are made, or seen.
            _ => 0.0,
        }
    }
}

/// Rolls the dice, and counts.
#[derive(Debug)]
pub(crate) struct Trouble {
    random: Mutex<StdRng>,
    counts: Mutex<BTreeMap<Fault, u64>>,
    calm: AtomicBool,
}

impl Trouble {
    pub(crate) fn new(seed: u64) -> Self {
        Self { random: Mutex::new(StdRng::seed_from_u64(seed)), counts: Mutex::default(), calm: AtomicBool::new(true) }
    }

    /// With `calm`, nothing goes wrong from now on.
    pub(crate) fn set_calm(&self, calm: bool) {
        self.calm.store(calm, Ordering::SeqCst);
    }

    pub(crate) fn is_calm(&self) -> bool {
        self.calm.load(Ordering::SeqCst)
    }

    /// Whether this goes wrong now; it is counted then.
    pub(crate) fn strikes(&self, fault: Fault) -> bool {
        let strikes = !self.is_calm() && lock(&self.random).random_bool(fault.chance());
        if strikes {
            self.count(fault);
        }
        strikes
    }

    /// Whether the one of two that must happen is the first: by turns, since chances of either are few. It is counted.
    pub(crate) fn next_of(&self, first: Fault, second: Fault) -> bool {
        let mut counts = lock(&self.counts);
        let times = |fault| counts.get(&fault).copied().unwrap_or(0);
        let is_first = times(first) <= times(second);
        *counts.entry(if is_first { first } else { second }).or_default() += 1;
        is_first
    }

    pub(crate) fn count(&self, fault: Fault) {
        *lock(&self.counts).entry(fault).or_default() += 1;
    }

    /// A number below the end.
    pub(crate) fn below(&self, end: usize) -> usize {
        lock(&self.random).random_range(0..end.max(1))
    }

    /// How often each happened.
    pub(crate) fn counts(&self) -> BTreeMap<Fault, u64> {
        lock(&self.counts).clone()
    }
}
