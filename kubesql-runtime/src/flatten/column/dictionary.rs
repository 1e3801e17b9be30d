//! The dictionary of a text column.

use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, OnceLock};

use arrow::array::{ArrayRef, StringArray};
use arrow::buffer::{Buffer, OffsetBuffer, ScalarBuffer};

/// The code of an absent text.
pub(super) const NULL: u32 = u32::MAX;

/// Texts with codes in order of their first appearance.
///
/// Most time is spent on cache misses and branch mispredictions. A lookup therefore reads memory twice, once in the table
/// and once for the text itself; short texts are hashed and compared without loops; and the predicted next text is only
/// tried in columns where the prediction is mostly right.
#[derive(Debug)]
pub(super) struct Dictionary {
    text: Vec<u8>,
    /// The end of each text; the first text starts at 0.
    ends: Vec<i32>,
    /// By code, the text that followed it the last time: most columns repeat one value or a sequence. Maintained while
    /// `confidence` is positive.
    next: Vec<Slot>,
    /// A hash table with open addressing. Its length is a power of two.
    slots: Vec<Slot>,
    /// The code of the last text.
    last: u32,
    /// The predicted next text; [`FREE`] if there is no prediction.
    predicted: Slot,
    /// Decreases with each wrong prediction. At 0, prediction stops until the next batch.
    confidence: u32,
    seed: u64,
    /// The number of texts that were already in the dictionary.
    repeats: usize,
    /// At this number of texts, the dictionary decides whether the column is one of identifiers.
    trial: usize,
    /// Whether hardly any texts repeat, so that they are appended without a lookup.
    unique: bool,
}

/// An entry of the hash table. It has 16 bytes, so that none straddles two cache lines.
#[derive(Debug, Clone, Copy)]
struct Slot {
    hash: u32,
    /// [`NULL`] if the slot is free.
    code: u32,
    start: u32,
    length: u32,
}

/// A free slot.
const FREE: Slot = Slot { hash: 0, code: NULL, start: 0, length: 0 };

/// The number of texts after which a column can be classified as one of identifiers. Images and the like look distinct
/// for a thousand rows and then repeat.
const UNIQUE: usize = 3000;

/// The number of texts that suffices if the previous batch was classified as identifiers.
const UNIQUE_AGAIN: usize = 256;

/// A column is classified as identifiers if fewer than one in this many texts repeat. Addresses, for example, are
/// reused now and then.
const RARE_REPEATS: usize = 32;

/// The maximal confidence.
const MAX_CONFIDENCE: u32 = 64;

/// How much a wrong prediction decreases confidence; a right one increases it by 1. Prediction continues where eight of
/// nine are right.
const PENALTY: u32 = 8;

impl Default for Dictionary {
    fn default() -> Self {
        Self {
            text: Vec::new(),
            ends: Vec::new(),
            next: Vec::new(),
            slots: Vec::new(),
            last: NULL,
            predicted: FREE,
            confidence: MAX_CONFIDENCE,
            seed: seed(),
            repeats: 0,
            trial: UNIQUE,
            unique: false,
        }
    }
}

impl Dictionary {
    /// The number of texts.
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether a slot has this text.
    #[inline(always)]
    fn is(&self, slot: Slot, text: &[u8]) -> bool {
        let [start, length] = [slot.start, slot.length].map(|size| size as usize);
        length == text.len() && self.text.get(start..start + length).is_some_and(|known| equal(known, text))
    }

    /// The code of a text, which is added if it is new.
    #[inline(always)]
    pub(super) fn code(&mut self, text: &[u8]) -> u32 {
        let predicted = self.predicted;
        if predicted.code != NULL {
            if self.is(predicted, text) {
                self.confidence = (self.confidence + 1).min(MAX_CONFIDENCE);
                self.repeats += 1;
                self.last = predicted.code;
                self.predicted = self.next.get(predicted.code as usize).copied().unwrap_or(FREE);
                return predicted.code;
            }
            self.confidence = self.confidence.saturating_sub(PENALTY);
        }
        self.find(text)
    }

    /// A code of a text. In a column of identifiers, this appends the text without a lookup: finding out that a text is
    /// new is the most expensive part, since its slot is never in the cache. A text that repeats after all is stored
    /// twice.
    #[inline(always)]
    pub(super) fn any_code(&mut self, text: &[u8]) -> u32 {
        if self.unique { self.append(text) } else { self.code(text) }
    }

    #[inline(never)]
    fn find(&mut self, text: &[u8]) -> u32 {
        if self.slots.len() * 3 <= self.len() * 4 {
            self.grow();
        }
        let hash = hash(text, self.seed);
        let mask = self.slots.len() - 1;
        let mut place = hash as usize & mask;
        let found = loop {
            let slot = self.slots[place];
            if slot.code == NULL {
                break self.add(text, place, hash);
            }
            if slot.hash == hash && self.is(slot, text) {
                self.repeats += 1;
                break slot;
            }
            place = (place + 1) & mask;
        };
        if self.confidence > 0 {
            if let Some(next) = self.next.get_mut(self.last as usize) {
                *next = found;
            }
            self.last = found.code;
            self.predicted = self.next[found.code as usize];
        } else {
            self.predicted = FREE;
        }
        found.code
    }

    #[inline(never)]
    fn append(&mut self, text: &[u8]) -> u32 {
        let code = u32::try_from(self.ends.len()).expect("fewer texts than bytes in a batch");
        self.text.extend_from_slice(text);
        self.ends.push(i32::try_from(self.text.len()).expect("a batch holds less than 2 GiB of text"));
        code
    }

    fn add(&mut self, text: &[u8], place: usize, hash: u32) -> Slot {
        let [start, length] = [self.text.len(), text.len()].map(|size| u32::try_from(size).expect("less than 2 GiB"));
        let slot = Slot { hash, code: self.append(text), start, length };
        if self.len() == self.trial {
            self.unique = self.repeats * RARE_REPEATS < self.trial;
        }
        self.slots[place] = slot;
        if self.confidence > 0 {
            self.next.push(FREE);
        }
        slot
    }

    #[cold]
    #[inline(never)]
    fn grow(&mut self) {
        let length = (self.slots.len() * 2).max(16);
        let before = std::mem::replace(&mut self.slots, vec![FREE; length]);
        for slot in before.into_iter().filter(|slot| slot.code != NULL) {
            let mut place = slot.hash as usize & (length - 1);
            while self.slots[place].code != NULL {
                place = (place + 1) & (length - 1);
            }
            self.slots[place] = slot;
        }
    }

    /// The texts in order of their codes, as an array.
    pub(super) fn array(&self) -> ArrayRef {
        let mut offsets = Vec::with_capacity(self.ends.len() + 1);
        offsets.push(0);
        offsets.extend_from_slice(&self.ends);
        let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
        // This validates UTF-8 again, which is cheap compared with hashing.
        Arc::new(StringArray::new(offsets, Buffer::from_slice_ref(&self.text), None))
    }

    /// The bytes of all texts, and the start and end of each.
    pub(super) fn spans(&self) -> (Buffer, impl Iterator<Item = (usize, usize)> + '_) {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        let spans = starts.zip(&self.ends).map(|(start, end)| (index(start), index(*end)));
        (Buffer::from_slice_ref(&self.text), spans)
    }

    /// Removes all texts, but keeps the memory that a similar batch needs.
    pub(super) fn clear(&mut self) {
        /// Tables up to this size are always kept.
        const SMALL: usize = 1024;
        if self.slots.len() > SMALL && self.slots.len() > self.len() * 16 {
            self.slots = Vec::new();
        } else {
            self.slots.fill(FREE);
        }
        recycle(&mut self.text);
        recycle(&mut self.ends);
        recycle(&mut self.next);
        self.last = NULL;
        self.predicted = FREE;
        self.confidence = MAX_CONFIDENCE;
        self.repeats = 0;
        self.trial = if self.unique { UNIQUE_AGAIN } else { UNIQUE };
        self.unique = false;
    }
}

/// Empties a vector, and frees its memory if far more was allocated than used.
pub(crate) fn recycle<T>(vec: &mut Vec<T>) {
    /// Memory up to this size in bytes is always kept.
    const SMALL: usize = 4096;
    if vec.capacity() * size_of::<T>() > SMALL && vec.capacity() > vec.len() * 16 {
        *vec = Vec::new();
    } else {
        vec.clear();
    }
}

/// Whether two texts of the same length are equal. Most texts are short, and calling `memcmp` costs more than comparing
/// them.
#[inline(always)]
fn equal(left: &[u8], right: &[u8]) -> bool {
    /// Whether the first `N` bytes and the last `N` bytes are equal.
    #[inline(always)]
    fn ends<const N: usize>(left: &[u8], right: &[u8]) -> bool {
        left.first_chunk::<N>() == right.first_chunk::<N>() && left.last_chunk::<N>() == right.last_chunk::<N>()
    }
    match left.len() {
        0..4 => {
            left.first() == right.first()
                && left.get(left.len() / 2) == right.get(right.len() / 2)
                && left.last() == right.last()
        }
        4..8 => ends::<4>(left, right),
        8..=16 => ends::<8>(left, right),
        17..=32 => ends::<16>(left, right),
        33..=64 => ends::<32>(left, right),
        65..=128 => ends::<64>(left, right),
        _ => left == right,
    }
}

/// An offset as an index; offsets are never negative.
#[inline(always)]
fn index(offset: i32) -> usize {
    offset.unsigned_abs() as usize
}

/// A random seed for each process, so that colliding texts cannot be constructed.
fn seed() -> u64 {
    static SEED: OnceLock<u64> = OnceLock::new();
    *SEED.get_or_init(|| RandomState::new().hash_one(0))
}

/// Hashes text by folded multiplication of pairs of 8-byte words. No word of UTF-8 text equals `FACTOR`, which would
/// make the product 0 whatever the state is.
#[inline]
fn hash(bytes: &[u8], seed: u64) -> u32 {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    #[inline(always)]
    fn fold(left: u64, right: u64) -> u64 {
        let product = u128::from(left) * u128::from(right);
        let [low, high] = [product, product >> 64].map(|half| half & u128::from(u64::MAX));
        u64::try_from(low ^ high).unwrap_or_default()
    }
    /// Adds two words to the state.
    #[inline(always)]
    fn pair(state: u64, bytes: &[u8; 16]) -> u64 {
        let both = u128::from_le_bytes(*bytes);
        let [low, high] = [both, both >> 64].map(|half| u64::try_from(half & u128::from(u64::MAX)).unwrap_or_default());
        fold(low ^ state, high ^ FACTOR)
    }
    /// The first `N` and the last `N` bytes.
    #[inline(always)]
    fn ends<const N: usize>(bytes: &[u8]) -> [Option<&[u8; N]>; 2] {
        [bytes.first_chunk(), bytes.last_chunk()]
    }
    let state = seed ^ bytes.len() as u64;
    let state = match bytes.len() {
        0 => state,
        1..4 => {
            let [first, middle, last] = [bytes[0], bytes[bytes.len() / 2], bytes[bytes.len() - 1]].map(u64::from);
            fold(state ^ (first << 16 | middle << 8 | last), FACTOR)
        }
        4..8 => {
            let [first, last] = ends(bytes).map(|word| word.map_or(0, |word| u64::from(u32::from_le_bytes(*word))));
            fold(state ^ (first << 32 | last), FACTOR)
        }
        8..=16 => {
            let [first, last] = ends(bytes).map(|word| word.map_or(0, |word| u64::from_le_bytes(*word)));
            fold(first ^ state, last ^ FACTOR)
        }
        17..=32 => ends::<16>(bytes).into_iter().flatten().fold(state, pair),
        33..=64 => {
            let [first, last] = ends::<32>(bytes).map(|end| end.map_or(&[][..], |end| end.as_chunks().0));
            last.iter().fold(first.iter().fold(state, pair), pair)
        }
        _ => bytes.as_chunks().0.iter().chain(bytes.last_chunk()).fold(state, pair),
    };
    let [low, high] = [state, state >> 32].map(|half| half & u64::from(u32::MAX));
    u32::try_from(low ^ high).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use arrow::array::AsArray;

    use super::{Dictionary, UNIQUE, UNIQUE_AGAIN};

    /// The texts of some codes.
    fn texts(dictionary: &Dictionary, codes: &[u32]) -> Vec<String> {
        let texts = dictionary.array();
        codes.iter().map(|code| texts.as_string::<i32>().value(*code as usize).to_owned()).collect()
    }

    #[test]
    fn texts_that_differ_in_any_byte_have_different_codes() {
        for length in 0..140 {
            let text = vec![b'a'; length];
            let mut dictionary = Dictionary::default();
            let (known, before) = (dictionary.code(&text), dictionary.code(b"before"));
            // The second text follows the first again, as predicted.
            assert_eq!((dictionary.code(b"before"), dictionary.code(&text)), (before, known), "{length}");
            for at in 0..length {
                let mut other = text.clone();
                other[at] = b'b';
                dictionary.code(b"before");
                let code = dictionary.code(&other);
                assert!(code != known && code != before, "{length}, {at}");
                assert_eq!((dictionary.code(&other), dictionary.code(&text)), (code, known), "{length}, {at}");
            }
        }
    }

    #[test]
    fn predictions_are_compared_in_every_byte() {
        for length in 1..140 {
            for at in 0..length {
                let mut dictionary = Dictionary::default();
                let text = vec![b'a'; length];
                let mut other = text.clone();
                other[at] = b'b';
                let known = ["before", ""].map(|front| dictionary.code(front.as_bytes()));
                let code = dictionary.code(&text);
                dictionary.code(b"");
                // The text that followed the empty text is predicted now.
                assert_ne!(dictionary.code(&other), code, "{length}, {at}");
                assert_eq!(known, [0, 1]);
            }
        }
    }

    #[test]
    fn only_identifiers_are_stored_twice() {
        let numbered = |count: usize| (0..count).map(|number| format!("number-{number}"));
        let mut dictionary = Dictionary::default();
        // Batches of identifiers, and batches that are too small to be classified as such.
        for (distinct, stored_twice) in
            [(UNIQUE, true), (UNIQUE_AGAIN, true), (UNIQUE_AGAIN - 1, false), (UNIQUE - 1, false)]
        {
            let expected: Vec<String> = numbered(distinct).chain(numbered(distinct)).collect();
            let codes: Vec<u32> = expected.iter().map(|text| dictionary.any_code(text.as_bytes())).collect();
            assert_eq!(texts(&dictionary, &codes), expected);
            assert_eq!(dictionary.len(), if stored_twice { 2 * distinct } else { distinct }, "{distinct}");
            dictionary.clear();
        }
    }

    #[test]
    fn sequences_and_random_order_have_correct_codes() {
        let mut dictionary = Dictionary::default();
        let mut state = 1u64;
        let mut expected = Vec::new();
        for round in 0..20_000usize {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            // In order, then in random order, then in order again.
            let number = if (5_000..10_000).contains(&round) { (state >> 33) % 700 } else { round as u64 % 700 };
            expected.push(format!("{}{number}", "x".repeat(usize::try_from(number % 90).expect("few"))));
        }
        let codes: Vec<u32> = expected.iter().map(|text| dictionary.code(text.as_bytes())).collect();
        assert_eq!(texts(&dictionary, &codes), expected);
        assert_eq!(dictionary.len(), 700);
    }
}
