//! Skips objects and lists, 64 bytes at a time.
//!
//! Each block is turned into four 64-bit masks: quotes, backslashes, opening and closing brackets. A prefix XOR over the
//! quotes gives the bytes inside strings; the brackets outside are counted. Both kinds of brackets are counted alike,
//! and the last bracket must match the first.

use wide::u8x32;

use super::{Malformed, Parser, SyntaxError};

/// Bytes in a block: one for each bit of a mask.
const BLOCK: usize = 64;

/// How many blocks ahead memory is prefetched. An object that was just received or mapped is not in the cache, and
/// waiting for memory takes longer than scanning it.
const PREFETCH: usize = 16;

/// The structural bytes of a block, a bit for each byte.
#[derive(Default)]
struct Masks {
    quotes: u64,
    backslashes: u64,
    opening: u64,
    closing: u64,
}

impl Masks {
    #[inline(always)]
    fn new(block: &[u8; BLOCK]) -> Self {
        let mut masks = Self::default();
        let (parts, _) = block.as_chunks::<32>();
        for (index, part) in parts.iter().enumerate() {
            let part = u8x32::new(*part);
            let equal =
                |part: u8x32, byte: u8| u64::from(part.simd_eq(u8x32::splat(byte)).to_bitmask()) << (32 * index);
            masks.quotes |= equal(part, b'"');
            masks.backslashes |= equal(part, b'\\');
            // `[` and `{` differ in this bit only, and so do `]` and `}`.
            let brackets = part | u8x32::splat(0x20);
            masks.opening |= equal(brackets, b'{');
            masks.closing |= equal(brackets, b'}');
        }
        masks
    }
}

/// The state that is carried from a block to the next.
#[derive(Default)]
struct Carry {
    /// All bits are set if the block starts within a string.
    string: u64,
    /// Whether the first byte is escaped.
    escape: bool,
}

impl Carry {
    /// The masks of opening and closing brackets outside of strings.
    #[inline(always)]
    fn brackets(&mut self, masks: &Masks) -> (u64, u64) {
        let mut quotes = masks.quotes;
        if masks.backslashes != 0 || self.escape {
            quotes &= !self.escaped(masks.backslashes);
        }
        let mut inside = quotes;
        for shift in [1, 2, 4, 8, 16, 32] {
            inside ^= inside << shift;
        }
        inside ^= self.string;
        self.string = 0u64.wrapping_sub(inside >> 63);
        (masks.opening & !inside, masks.closing & !inside)
    }

    /// The mask of bytes after a backslash that escapes them.
    fn escaped(&mut self, mut backslashes: u64) -> u64 {
        let mut escaped = 0;
        if self.escape {
            escaped = 1;
            backslashes &= !1;
            self.escape = false;
        }
        while backslashes != 0 {
            let at = backslashes.trailing_zeros();
            if at == 63 {
                self.escape = true;
                break;
            }
            escaped |= 2 << at;
            backslashes &= !(3 << at);
        }
        escaped
    }
}

/// The number of open brackets, and the carried state.
struct Depth {
    open: u64,
    carry: Carry,
}

impl Depth {
    /// The position in this block of the bracket that closes the outermost one, if it is in this block.
    #[inline(always)]
    fn end(&mut self, block: &[u8; BLOCK]) -> Option<usize> {
        let (opening, closing) = self.carry.brackets(&Masks::new(block));
        if self.open <= u64::from(closing.count_ones())
            && let Some(end) = end_within(self.open, opening, closing)
        {
            return Some(end);
        }
        self.open = self.open + u64::from(opening.count_ones()) - u64::from(closing.count_ones());
        None
    }
}

impl Parser<'_> {
    /// Skips the rest of the current object or list, which ends with the bracket `last`.
    #[inline(never)]
    pub(super) fn skip_rest(&mut self, last: u8) -> Result<(), Malformed> {
        if self.byte(self.at) == last {
            self.at += 1;
            return Ok(());
        }
        let mut depth = Depth { open: 1, carry: Carry::default() };
        let (blocks, rest) = self.bytes.get(self.at..).unwrap_or_default().as_chunks();
        let mut at = self.at;
        for (block, number) in blocks.iter().zip(PREFETCH..) {
            // This only loads the block into the cache.
            std::hint::black_box(blocks.get(number).map(|block| block[0]));
            if let Some(end) = depth.end(block) {
                return self.skipped_to(at + end, last);
            }
            at += BLOCK;
        }
        let mut block = [0; BLOCK];
        block[..rest.len()].copy_from_slice(rest);
        match depth.end(&block) {
            Some(end) => self.skipped_to(at + end, last),
            None => self.malformed(SyntaxError::Unterminated),
        }
    }

    #[inline(always)]
    fn skipped_to(&mut self, end: usize, last: u8) -> Result<(), Malformed> {
        self.at = end;
        if self.byte(end) != last {
            return self.malformed(SyntaxError::MismatchedBracket);
        }
        self.at += 1;
        Ok(())
    }
}

/// The position in a block of the bracket that closes the outermost of `depth` open ones.
#[inline(always)]
fn end_within(depth: u64, opening: u64, mut closing: u64) -> Option<usize> {
    let mut closed = 0;
    while closing != 0 {
        let at = closing.trailing_zeros();
        closed += 1;
        if depth + u64::from((opening & ((1 << at) - 1)).count_ones()) == closed {
            return Some(at as usize);
        }
        closing &= closing - 1;
    }
    None
}
