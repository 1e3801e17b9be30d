//! The faults of the scripted server, their probabilities, and how often they happened.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::lock;

/// A kind of fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Fault {
    /// The connection ends within the head of an answer.
    CutHead,
    /// The connection ends within a page with a Content-Length.
    CutPage,
    /// The connection ends within a chunked page.
    CutSilently,
    /// The connection ends within a watch, after any byte.
    CutWatch,
    /// A watch ends properly, but within a line.
    Truncated,
    /// 410 instead of a watch.
    Gone,
    /// 410 in an event of a watch.
    GoneEvent,
    /// 500 in an event of a watch.
    ErrorEvent,
    /// The token of the next page has expired.
    GonePage,
    /// 429, with or without Retry-After.
    TooMany,
    /// 503.
    Unavailable,
    /// 200 with a body that is no list.
    Nonsense,
    /// Bytes arrive a few at a time.
    Slow,
    /// Lines arrive in pieces.
    Split,
    /// An event is sent twice.
    Repeated,
    /// An older event is sent again.
    Old,
    /// An older event is sent again, of an object that was deleted since.
    OldOfDeleted,
    /// A watch has no bookmarks.
    NoBookmarks,
    /// An object of 1.5 MB is sent.
    Large,
    /// A watch ends at once.
    EndsAtOnce,
    /// 422 to a streaming list.
    NoStreaming,
    /// An object changes before a streaming list is complete.
    DuringInitial,
    /// An object is deleted before a streaming list is complete.
    DeletedDuringInitial,
    /// A streaming list breaks off before its end.
    InitialBroken,
    /// Credentials are not accepted.
    Unauthorized,
    /// A restart from a backup, with lower versions.
    Lower,
    /// A restart with other contents and higher versions.
    Higher,
    /// 504 to a watch from a future version.
    TooLarge,
    /// A watch from a future version that stays silent.
    Future,
    /// The server is unreachable for a second.
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

    /// The probability for each request, event, or pause of a watch.
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
            // These are caused or observed, and not random.
            _ => 0.0,
        }
    }
}

/// Chooses faults at random, and counts them.
#[derive(Debug)]
pub(crate) struct Trouble {
    random: Mutex<StdRng>,
    counts: Mutex<BTreeMap<Fault, u64>>,
    demanded: Mutex<BTreeSet<Fault>>,
    calm: AtomicBool,
}

impl Trouble {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            random: Mutex::new(StdRng::seed_from_u64(seed)),
            counts: Mutex::default(),
            demanded: Mutex::default(),
            calm: AtomicBool::new(true),
        }
    }

    /// With `calm`, no further faults happen.
    pub(crate) fn set_calm(&self, calm: bool) {
        self.calm.store(calm, Ordering::SeqCst);
    }

    pub(crate) fn is_calm(&self) -> bool {
        self.calm.load(Ordering::SeqCst)
    }

    /// Makes these faults happen at their first opportunity, besides at random.
    pub(crate) fn demand(&self, faults: &[Fault]) {
        lock(&self.demanded).extend(faults);
    }

    /// Whether this fault happens now; it is counted if so.
    pub(crate) fn strikes(&self, fault: Fault) -> bool {
        let strikes = self.is_due(fault);
        if strikes {
            self.count(fault);
        }
        strikes
    }

    /// Whether this fault happens now; the caller counts what it does.
    pub(crate) fn is_due(&self, fault: Fault) -> bool {
        !self.is_calm() && (lock(&self.demanded).remove(&fault) || lock(&self.random).random_bool(fault.chance()))
    }

    /// Chooses one of two rare faults in turn, and counts it; returns whether it is the first.
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
