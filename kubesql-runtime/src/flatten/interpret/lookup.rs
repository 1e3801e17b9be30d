//! Which of a type's fields a key is: hashing that is perfect for most sets of names.

/// Names and their numbers, in open addressing.
#[derive(Debug)]
pub(super) struct Lookup {
    names: Vec<&'static str>,
    /// Number of a name, or [`NONE`]; a power of two of them, at most half full.
    slots: Vec<u16>,
    seed: u64,
    /// So many low bits of a hash are dropped.
    shift: u32,
}

const NONE: u16 = u16::MAX;

impl Lookup {
    /// A lookup of these names, numbered from 0.
    pub(super) fn new(names: &[&'static str]) -> Self {
        /// Seeds that are tried before some names have to share a place.
        const TRIES: u64 = 64;
        let bits = (names.len() * 2).next_power_of_two().trailing_zeros().max(2);
        let mut lookup = Self { names: names.to_vec(), slots: Vec::new(), seed: 0, shift: u64::BITS - bits };
        for seed in 1..=TRIES {
            lookup.seed = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
            if lookup.fill() == 0 {
                break;
            }
        }
        lookup
    }

    /// Puts all names into the table, and counts those that are not in their own place.
    fn fill(&mut self) -> usize {
        let mut displaced = 0;
        self.slots = vec![NONE; 1 << (u64::BITS - self.shift)];
        for (name, number) in self.names.iter().zip(0..NONE) {
            let own = place(name, self.seed, self.shift);
            let mut slot = own;
            while self.slots[slot] != NONE {
                slot = (slot + 1) & (self.slots.len() - 1);
            }
            self.slots[slot] = number;
            displaced += usize::from(slot != own);
        }
        displaced
    }

    /// Whether this is the number of a name.
    #[inline(always)]
    pub(super) fn is(&self, number: usize, name: &str) -> bool {
        self.names.get(number).is_some_and(|known| *known == name)
    }

    /// The number of a name.
    #[inline(always)]
    pub(super) fn find(&self, name: &str) -> Option<usize> {
        let mut slot = place(name, self.seed, self.shift);
        loop {
            // Past the last one there is no name, and no number is NONE.
            let number = usize::from(self.slots[slot]);
            if *self.names.get(number)? == name {
                return Some(number);
            }
            slot = (slot + 1) & (self.slots.len() - 1);
        }
    }
}

/// Where a name should be, by its length, its first and its last bytes.
#[inline(always)]
fn place(name: &str, seed: u64, shift: u32) -> usize {
    let bytes = name.as_bytes();
    let word = if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        u64::from_le_bytes(*first) ^ u64::from_le_bytes(*last).rotate_left(29)
    } else if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        u64::from(u32::from_le_bytes(*first)) | u64::from(u32::from_le_bytes(*last)) << 32
    } else if let (Some(first), Some(last)) = (bytes.first(), bytes.last()) {
        u64::from(*first) | u64::from(bytes[bytes.len() / 2]) << 8 | u64::from(*last) << 16
    } else {
        0
    };
    let hash = (word ^ bytes.len() as u64).wrapping_mul(seed);
    // The highest bits are the best mixed ones; the shift leaves no more than the table has places.
    usize::try_from((hash ^ hash >> 32).wrapping_mul(seed) >> shift).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::Lookup;

    #[test]
    fn every_name_is_found_and_no_other() {
        let alike = ["prefix-a-of-16-and-suffix", "prefix-b-of-16-and-suffix", "prefix-c-of-16-and-suffix"];
        let sets: [&[&'static str]; 4] =
            [&[], &["name"], &["a", "b", "c", "", "ab", "abc", "abcd", "abcdefgh", "nodeName"], &alike];
        for names in sets {
            let lookup = Lookup::new(names);
            for (number, name) in names.iter().enumerate() {
                assert_eq!(lookup.find(name), Some(number), "{name}");
            }
            for other in ["x", "Name", "names", "prefix-d-of-16-and-suffix", "é", "nodename"] {
                assert_eq!(lookup.find(other), None, "{other}");
            }
        }
    }

    #[test]
    fn thousands_of_names_are_told_apart() {
        let names: Vec<&'static str> = (0..5000).map(|n| &*format!("field{n}").leak()).collect();
        let lookup = Lookup::new(&names);
        for (number, name) in names.iter().enumerate() {
            assert_eq!(lookup.find(name), Some(number));
        }
        assert_eq!(lookup.find("field5000"), None);
    }
}
