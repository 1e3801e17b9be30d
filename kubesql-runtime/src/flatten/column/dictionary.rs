//! Distinct texts and the codes that stand for them.

use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, OnceLock};

use arrow::array::{ArrayRef, StringArray};
use arrow::buffer::{Buffer, OffsetBuffer, ScalarBuffer};

/// Stands for no text.
pub(super) const NULL: u32 = u32::MAX;

/// Texts numbered in the order in which they came.
///
/// Most of the time here goes to waiting for memory and to what the processor guessed wrong. So a text is found by two
/// looks into memory, one into the table and one at the text itself, nothing loops over the words of a short text, and
/// the one that may come next is tried only in columns where it mostly does.
#[derive(Debug)]
pub(super) struct Dictionary {
    text: Vec<u8>,
    /// Where each text ends; the first one begins at 0.
    ends: Vec<i32>,
    /// By code, the text that came after it the last time: most columns repeat one value or a sequence. Kept up as long
    /// as there is luck.
    next: Vec<Slot>,
    /// Found by open addressing; a power of two of them.
    slots: Vec<Slot>,
    /// The text that came last.
    last: u32,
    /// The text that may come now; none without luck.
    guess: Slot,
    /// Falls with each wrong guess, and where nothing is left of it there is no guessing until the next batch.
    luck: u32,
    seed: u64,
    /// How often a text was there already.
    repeats: usize,
    /// When there are so many texts, it is seen whether any repeat.
    trial: usize,
    /// Whether so many texts came with so few of them repeating that looking for them is given up.
    unique: bool,
}

/// A text's place in the table, of 16 bytes so that none lies in two lines of the cache.
#[derive(Debug, Clone, Copy)]
struct Slot {
    hash: u32,
    /// [`NULL`] where no text is.
    code: u32,
    start: u32,
    length: u32,
}

/// No text.
const FREE: Slot = Slot { hash: 0, code: NULL, start: 0, length: 0 };

/// So many texts, and the column can be taken for one of identifiers. Images and the like look distinct for a thousand
/// rows and then repeat.
const UNIQUE: usize = 3000;

/// So many are enough where all of the batch before it were taken for that.
const UNIQUE_AGAIN: usize = 256;

/// It is taken for one if fewer than one in so many repeated: addresses are given anew now and then.
const SELDOM: usize = 32;

/// The most that luck can be.
const LUCK: u32 = 64;

/// What a wrong guess takes from luck; a right one adds 1. So guessing goes on where eight of nine are right.
const WRONG: u32 = 8;

impl Default for Dictionary {
    fn default() -> Self {
        Self {
            text: Vec::new(),
            ends: Vec::new(),
            next: Vec::new(),
            slots: Vec::new(),
            last: NULL,
            guess: FREE,
            luck: LUCK,
            seed: seed(),
            repeats: 0,
            trial: UNIQUE,
            unique: false,
        }
    }
}

impl Dictionary {
    /// How many texts there are.
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether this is the text of a slot.
    #[inline(always)]
    fn is(&self, slot: Slot, text: &[u8]) -> bool {
        let [start, length] = [slot.start, slot.length].map(|size| size as usize);
        length == text.len() && self.text.get(start..start + length).is_some_and(|known| same(known, text))
    }

    /// The code of a text, a new one if it is new.
    #[inline(always)]
    pub(super) fn code(&mut self, text: &[u8]) -> u32 {
        let guess = self.guess;
        if guess.code != NULL {
            if self.is(guess, text) {
                self.luck = (self.luck + 1).min(LUCK);
                self.repeats += 1;
                self.last = guess.code;
                self.guess = self.next.get(guess.code as usize).copied().unwrap_or(FREE);
                return guess.code;
            }
            self.luck = self.luck.saturating_sub(WRONG);
        }
        self.find(text)
    }

    /// A code that stands for a text. In a column where hardly anything repeats that is a new one, unseen: finding out
    /// that a text is new costs more than all else, since its place in the tables is never in the cache. One that
    /// repeats after all is stored twice.
    #[inline(always)]
    pub(super) fn loose_code(&mut self, text: &[u8]) -> u32 {
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
        if self.luck > 0 {
            if let Some(next) = self.next.get_mut(self.last as usize) {
                *next = found;
            }
            self.last = found.code;
            self.guess = self.next[found.code as usize];
        } else {
            self.guess = FREE;
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
            self.unique = self.repeats * SELDOM < self.trial;
        }
        self.slots[place] = slot;
        if self.luck > 0 {
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
        if self.slots.len() > SMALL && self.slots.len() > self.len() * 16 {
            self.slots = Vec::new();
        } else {
            self.slots.fill(FREE);
        }
        recycle(&mut self.text);
        recycle(&mut self.ends);
        recycle(&mut self.next);
        self.last = NULL;
        self.guess = FREE;
        self.luck = LUCK;
        self.repeats = 0;
        self.trial = if self.unique { UNIQUE_AGAIN } else { UNIQUE };
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

/// Whether two texts of one length are alike. Most are short, and a call of the general comparison costs more than
/// comparing them.
#[inline(always)]
fn same(left: &[u8], right: &[u8]) -> bool {
    /// Whether they are alike at both ends, so many bytes long.
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
fn place(offset: i32) -> usize {
    offset.unsigned_abs() as usize
}

/// One seed a process, so that nobody can choose texts that collide.
fn seed() -> u64 {
    static SEED: OnceLock<u64> = OnceLock::new();
    *SEED.get_or_init(|| RandomState::new().hash_one(0))
}

/// Folded multiplication over pairs of words of eight bytes. No word of UTF-8 is `FACTOR`, which would make the product
/// 0 whatever comes before it.
#[inline]
fn hash(bytes: &[u8], seed: u64) -> u32 {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    #[inline(always)]
    fn fold(left: u64, right: u64) -> u64 {
        let product = u128::from(left) * u128::from(right);
        let [low, high] = [product, product >> 64].map(|half| half & u128::from(u64::MAX));
        u64::try_from(low ^ high).unwrap_or_default()
    }
    /// Two words more.
    #[inline(always)]
    fn pair(state: u64, bytes: &[u8; 16]) -> u64 {
        let both = u128::from_le_bytes(*bytes);
        let [low, high] = [both, both >> 64].map(|half| u64::try_from(half & u128::from(u64::MAX)).unwrap_or_default());
        fold(low ^ state, high ^ FACTOR)
    }
    /// So many bytes at both ends.
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

    /// The texts that codes stand for.
    fn texts(dictionary: &Dictionary, codes: &[u32]) -> Vec<String> {
        let texts = dictionary.array();
        codes.iter().map(|code| texts.as_string::<i32>().value(*code as usize).to_owned()).collect()
    }

    #[test]
    fn texts_that_differ_anywhere_have_codes_of_their_own() {
        for length in 0..140 {
            let text = vec![b'a'; length];
            let mut dictionary = Dictionary::default();
            let (known, before) = (dictionary.code(&text), dictionary.code(b"before"));
            // Comes after the other one again, as is guessed.
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
    fn the_text_that_is_guessed_is_looked_at() {
        for length in 1..140 {
            for at in 0..length {
                let mut dictionary = Dictionary::default();
                let text = vec![b'a'; length];
                let mut other = text.clone();
                other[at] = b'b';
                let known = ["before", ""].map(|front| dictionary.code(front.as_bytes()));
                let code = dictionary.code(&text);
                dictionary.code(b"");
                // What came after the empty text is guessed now.
                assert_ne!(dictionary.code(&other), code, "{length}, {at}");
                assert_eq!(known, [0, 1]);
            }
        }
    }

    #[test]
    fn identifiers_are_not_looked_for_and_all_else_is_stored_once() {
        let numbered = |count: usize| (0..count).map(|number| format!("number-{number}"));
        let mut dictionary = Dictionary::default();
        // A batch of identifiers, one that begins like it, and one that does not.
        for (distinct, stored_twice) in
            [(UNIQUE, true), (UNIQUE_AGAIN, true), (UNIQUE_AGAIN - 1, false), (UNIQUE - 1, false)]
        {
            let expected: Vec<String> = numbered(distinct).chain(numbered(distinct)).collect();
            let codes: Vec<u32> = expected.iter().map(|text| dictionary.loose_code(text.as_bytes())).collect();
            assert_eq!(texts(&dictionary, &codes), expected);
            assert_eq!(dictionary.len(), if stored_twice { 2 * distinct } else { distinct }, "{distinct}");
            dictionary.clear();
        }
    }

    #[test]
    fn sequences_are_followed_and_disorder_is_not_mixed_up() {
        let mut dictionary = Dictionary::default();
        let mut state = 1u64;
        let mut expected = Vec::new();
        for round in 0..20_000usize {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            // In order, then without any, then in order again.
            let number = if (5_000..10_000).contains(&round) { (state >> 33) % 700 } else { round as u64 % 700 };
            expected.push(format!("{}{number}", "x".repeat(usize::try_from(number % 90).expect("few"))));
        }
        let codes: Vec<u32> = expected.iter().map(|text| dictionary.code(text.as_bytes())).collect();
        assert_eq!(texts(&dictionary, &codes), expected);
        assert_eq!(dictionary.len(), 700);
    }
}
