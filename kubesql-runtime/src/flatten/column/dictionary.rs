//! Distinct texts and the codes that stand for them.

use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, OnceLock};

use arrow::array::{ArrayRef, StringArray};
use arrow::buffer::{Buffer, OffsetBuffer, ScalarBuffer};

/// Stands for no text.
pub(super) const NULL: u32 = u32::MAX;

/// Texts numbered in the order in which they came.
///
/// Found by open addressing, in two tables: one byte of each hash, which says "not here" for nearly all
/// texts that are new and is small enough to stay in the cache, and the codes, which for those are only
/// written.
#[derive(Debug)]
pub(super) struct Dictionary {
    text: Vec<u8>,
    /// Where each text ends; the first one begins at 0.
    ends: Vec<i32>,
    /// The code that came after this one the last time: most columns repeat one value or a sequence.
    next: Vec<u32>,
    /// The hash of each text, for when the tables grow.
    hashes: Vec<u32>,
    /// By place in the table: [`FREE`], or a byte of the hash; a power of two of them.
    tags: Vec<u8>,
    /// By place in the table.
    codes: Vec<u32>,
    last: u32,
    /// So many more guesses by `next` may be wrong in a row. In a column without a sequence each costs a miss of the
    /// cache.
    luck: u32,
    seed: u64,
    /// How often a text was there already.
    repeats: usize,
    /// Whether so many texts came with so few of them repeating that looking for them is given up.
    unique: bool,
}

/// So many texts, and the column can be taken for one of identifiers. Images and the like look distinct for a thousand
/// rows and then repeat.
const UNIQUE: usize = 3000;

/// It is taken for one if fewer than one in so many repeated: addresses are given anew now and then.
const SELDOM: usize = 32;

/// So many wrong guesses in a row end the guessing, until the next batch.
const LUCK: u32 = 64;

/// Tag of a place without a text.
const FREE: u8 = 0;

/// The byte of a hash that its text's place is marked with.
#[inline(always)]
fn tag(hash: u32) -> u8 {
    hash.to_be_bytes()[0] | 1
}

impl Default for Dictionary {
    fn default() -> Self {
        Self {
            text: Vec::new(),
            ends: Vec::new(),
            next: Vec::new(),
            hashes: Vec::new(),
            tags: Vec::new(),
            codes: Vec::new(),
            last: NULL,
            luck: LUCK,
            seed: seed(),
            repeats: 0,
            unique: false,
        }
    }
}

impl Dictionary {
    /// How many texts there are.
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// The text of a code.
    #[inline(always)]
    fn bytes(&self, code: usize) -> &[u8] {
        let start = if code == 0 { 0 } else { self.ends[code - 1] };
        &self.text[place(start)..place(self.ends[code])]
    }

    /// The code of a text, a new one if it is new.
    #[inline]
    pub(super) fn code(&mut self, text: &str) -> u32 {
        let bytes = text.as_bytes();
        if self.luck > 0
            && let Some(guess) = self.next.get(self.last as usize)
            && *guess != NULL
        {
            if same(self.bytes(*guess as usize), bytes) {
                self.luck = LUCK;
                self.last = *guess;
                self.repeats += 1;
                return self.last;
            }
            self.luck -= 1;
        }
        self.find(bytes)
    }

    /// A code that stands for a text. In a column where hardly anything repeats that is a new one, unseen: finding out
    /// that a text is new costs more than all else, since its place in the tables is never in the cache. One that
    /// repeats after all is stored twice.
    #[inline]
    pub(super) fn loose_code(&mut self, text: &str) -> u32 {
        if self.unique { self.append(text.as_bytes()) } else { self.code(text) }
    }

    #[inline(never)]
    fn find(&mut self, bytes: &[u8]) -> u32 {
        if self.tags.len() * 3 <= self.len() * 4 {
            self.grow();
        }
        let hash = hash(bytes, self.seed);
        let mask = self.tags.len() - 1;
        let mut slot = hash as usize & mask;
        let code = loop {
            let tagged = self.tags[slot];
            if tagged == FREE {
                break self.add(bytes, slot, hash);
            }
            if tagged == tag(hash) {
                // The text itself is compared rather than its hash first: mostly it is the one.
                let code = self.codes[slot];
                if same(self.bytes(code as usize), bytes) {
                    self.repeats += 1;
                    break code;
                }
            }
            slot = (slot + 1) & mask;
        };
        if let Some(next) = self.next.get_mut(self.last as usize) {
            *next = code;
        }
        self.last = code;
        code
    }

    fn append(&mut self, bytes: &[u8]) -> u32 {
        let code = u32::try_from(self.ends.len()).expect("fewer texts than bytes in a batch");
        self.text.extend_from_slice(bytes);
        self.ends.push(i32::try_from(self.text.len()).expect("a batch holds less than 2 GiB of text"));
        code
    }

    fn add(&mut self, bytes: &[u8], slot: usize, hash: u32) -> u32 {
        let code = self.append(bytes);
        self.next.push(NULL);
        self.hashes.push(hash);
        self.tags[slot] = tag(hash);
        self.codes[slot] = code;
        code
    }

    #[cold]
    #[inline(never)]
    fn grow(&mut self) {
        self.unique = self.len() >= UNIQUE && self.repeats * SELDOM < self.len();
        let length = (self.tags.len() * 2).max(16);
        self.tags = vec![FREE; length];
        self.codes = vec![NULL; length];
        for (hash, code) in self.hashes.iter().zip(0..) {
            let mut slot = *hash as usize & (length - 1);
            while self.tags[slot] != FREE {
                slot = (slot + 1) & (length - 1);
            }
            self.tags[slot] = tag(*hash);
            self.codes[slot] = code;
        }
    }

    /// The texts by code, as an array.
    pub(super) fn array(&self) -> ArrayRef {
        let mut offsets = Vec::with_capacity(self.ends.len() + 1);
        offsets.push(0);
        offsets.extend_from_slice(&self.ends);
        let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
        // Checks that it is UTF-8 once more, which is cheap beside hashing it.
        Arc::new(StringArray::new(offsets, Buffer::from_slice_ref(&self.text), None))
    }

    /// All texts, and where each begins and ends.
    pub(super) fn spans(&self) -> (Buffer, impl Iterator<Item = (usize, usize)> + '_) {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        let spans = starts.zip(&self.ends).map(|(start, end)| (place(start), place(*end)));
        (Buffer::from_slice_ref(&self.text), spans)
    }

    /// Forgets all texts, but keeps the memory that as many would need again.
    pub(super) fn clear(&mut self) {
        /// Tables up to this size are kept whatever they were used for.
        const SMALL: usize = 1024;
        if self.tags.len() > SMALL && self.tags.len() > self.len() * 16 {
            self.tags = Vec::new();
            self.codes = Vec::new();
        } else {
            self.tags.fill(FREE);
        }
        recycle(&mut self.text);
        recycle(&mut self.ends);
        recycle(&mut self.next);
        recycle(&mut self.hashes);
        self.last = NULL;
        self.luck = LUCK;
        self.repeats = 0;
        self.unique = false;
    }
}

/// Empties a vector, and gives back its memory where it is far more than was used.
pub(crate) fn recycle<T>(vec: &mut Vec<T>) {
    /// Memory up to this size is kept whatever it was used for.
    const SMALL: usize = 4096;
    if vec.capacity() * size_of::<T>() > SMALL && vec.capacity() > vec.len() * 16 {
        *vec = Vec::new();
    } else {
        vec.clear();
    }
}

/// Whether two texts are alike. Most are short, and a call of the general comparison costs more than
/// comparing them.
#[inline(always)]
fn same(left: &[u8], right: &[u8]) -> bool {
    /// Longer texts are left to the general comparison.
    const LONG: usize = 64;
    if left.len() != right.len() {
        return false;
    }
    if left.len() > LONG {
        return left == right;
    }
    if let (Some(left_end), Some(right_end)) = (left.last_chunk::<8>(), right.last_chunk::<8>()) {
        left_end == right_end && left.as_chunks::<8>().0 == right.as_chunks::<8>().0
    } else if let (Some(left_end), Some(right_end)) = (left.last_chunk::<4>(), right.last_chunk::<4>()) {
        left_end == right_end && left.first_chunk::<4>() == right.first_chunk::<4>()
    } else {
        left.iter().eq(right)
    }
}

/// An offset as an index; offsets are never negative.
#[inline(always)]
fn place(offset: i32) -> usize {
    offset.unsigned_abs() as usize
}

/// One seed a process, so that nobody can choose texts that collide.
fn seed() -> u64 {
    static SEED: OnceLock<u64> = OnceLock::new();
    *SEED.get_or_init(|| RandomState::new().hash_one(0))
}

/// Folded multiplication over words of eight bytes.
#[inline]
fn hash(bytes: &[u8], seed: u64) -> u32 {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    #[inline(always)]
    fn fold(state: u64, word: u64) -> u64 {
        let product = u128::from(state ^ word) * u128::from(FACTOR);
        let [low, high] = [product, product >> 64].map(|half| half & u128::from(u64::MAX));
        u64::try_from(low ^ high).unwrap_or_default()
    }
    let mut state = seed ^ bytes.len() as u64;
    let (words, rest) = bytes.as_chunks::<8>();
    if let Some(last) = bytes.last_chunk::<8>() {
        for word in words {
            state = fold(state, u64::from_le_bytes(*word));
        }
        if !rest.is_empty() {
            state = fold(state, u64::from_le_bytes(*last));
        }
    } else if let (Some(first), Some(last)) = (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        state = fold(state, u64::from(u32::from_le_bytes(*first)) << 32 | u64::from(u32::from_le_bytes(*last)));
    } else if let (Some(first), Some(last)) = (bytes.first(), bytes.last()) {
        let middle = bytes[bytes.len() / 2];
        state = fold(state, u64::from(*first) << 16 | u64::from(middle) << 8 | u64::from(*last));
    }
    let [low, high] = [state, state >> 32].map(|half| half & u64::from(u32::MAX));
    u32::try_from(low ^ high).unwrap_or_default()
}
