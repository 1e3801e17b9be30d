//! Maps a JSON key to the number of a field, by a hash that is perfect for most sets of names.

/// A hash table of names with open addressing.
#[derive(Debug)]
pub(super) struct Lookup {
    names: Vec<&'static str>,
    /// Numbers of names, or [`NONE`]. The length is a power of two; at most half of the slots are used.
    slots: Vec<u16>,
    seed: u64,
    /// The number of low bits of a hash that are dropped.
    shift: u32,
}

const NONE: u16 = u16::MAX;

impl Lookup {
    /// A table of these names, numbered from 0.
    pub(super) fn new(names: &[&'static str]) -> Self {
        /// The number of seeds that are tried to find a hash without collisions.
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

    /// Inserts all names, and returns the number of collisions.
    fn fill(&mut self) -> usize {
        let mut displaced = 0;
        self.slots = vec![NONE; 1 << (u64::BITS - self.shift)];
        for (name, number) in self.names.iter().zip(0..NONE) {
            let home = home_slot(name, self.seed, self.shift);
            let mut slot = home;
            while self.slots[slot] != NONE {
                slot = (slot + 1) & (self.slots.len() - 1);
            }
            self.slots[slot] = number;
            displaced += usize::from(slot != home);
        }
        displaced
    }

    /// Whether `name` has this number.
    #[inline(always)]
    pub(super) fn is(&self, number: usize, name: &str) -> bool {
        self.names.get(number).is_some_and(|known| *known == name)
    }

    /// The number of a name.
    #[inline(always)]
    pub(super) fn find(&self, name: &str) -> Option<usize> {
        let mut slot = home_slot(name, self.seed, self.shift);
        loop {
            // NONE is out of bounds, since there are fewer names than that.
            let number = usize::from(self.slots[slot]);
            if *self.names.get(number)? == name {
                return Some(number);
            }
            slot = (slot + 1) & (self.slots.len() - 1);
        }
    }
}

/// The slot that a name hashes to. The hash covers its length and its first and last bytes.
#[inline(always)]
fn home_slot(name: &str, seed: u64, shift: u32) -> usize {
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
    // The highest bits are mixed best. The shift leaves a number below the table's length.
    usize::try_from((hash ^ hash >> 32).wrapping_mul(seed) >> shift).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::Lookup;

    #[test]
    fn only_known_names_are_found() {
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
    fn thousands_of_names_are_found() {
        let names: Vec<&'static str> = (0..5000).map(|n| &*format!("field{n}").leak()).collect();
        let lookup = Lookup::new(&names);
        for (number, name) in names.iter().enumerate() {
            assert_eq!(lookup.find(name), Some(number));
        }
        assert_eq!(lookup.find("field5000"), None);
    }
}
