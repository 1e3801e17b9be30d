//! A sorted map with cheap copies: chunks are shared until one of the copies writes.

use std::sync::Arc;

use bytes::Bytes;

/// Maximum number of entries in a chunk.
const FULL: usize = 256;

/// A stored object.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// `namespace/name`, or `name` for kinds without namespaces.
    pub(crate) key: Arc<str>,
    /// The JSON without `kind` and `apiVersion`, as in lists.
    pub(crate) bytes: Bytes,
    /// Who may change the object.
    pub(crate) owner: Owner,
}

/// The owner of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// A client has created or changed the object; it is not changed otherwise.
    Client,
    /// The object was generated and may be changed; the number identifies it.
    Content(u32),
}

type Chunk = Arc<Vec<Entry>>;

/// A position: the chunk and the index in it.
type Place = (usize, usize);

/// The objects of a collection by key.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sorted {
    chunks: Arc<Vec<Chunk>>,
    len: usize,
}

impl Sorted {
    /// The number of entries.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The entry with a key.
    pub(crate) fn get(&self, key: &str) -> Option<&Entry> {
        let (chunk, at) = self.find(key).ok()?;
        self.chunks.get(chunk)?.get(at)
    }

    /// Inserts an entry and returns the previous one.
    pub(crate) fn insert(&mut self, entry: Entry) -> Option<Entry> {
        let place = self.find(&entry.key);
        let chunks = Arc::make_mut(&mut self.chunks);
        match place {
            Ok((chunk, at)) => Some(std::mem::replace(&mut Arc::make_mut(&mut chunks[chunk])[at], entry)),
            Err((chunk, at)) => {
                self.len += 1;
                if chunks.is_empty() {
                    chunks.push(Arc::new(vec![entry]));
                    return None;
                }
                let items = Arc::make_mut(&mut chunks[chunk]);
                items.insert(at, entry);
                if items.len() > FULL {
                    // Objects mostly arrive in order: the last chunk is not split in the middle, so that chunks stay
                    // nearly full.
                    let is_last = chunk + 1 == chunks.len();
                    let items = Arc::make_mut(&mut chunks[chunk]);
                    let rest = items.split_off(if is_last { FULL } else { FULL / 2 });
                    chunks.insert(chunk + 1, Arc::new(rest));
                }
                None
            }
        }
    }

    /// Removes and returns an entry.
    pub(crate) fn remove(&mut self, key: &str) -> Option<Entry> {
        let (chunk, at) = self.find(key).ok()?;
        let chunks = Arc::make_mut(&mut self.chunks);
        let items = Arc::make_mut(&mut chunks[chunk]);
        let removed = items.remove(at);
        if items.is_empty() {
            chunks.remove(chunk);
        }
        self.len -= 1;
        Some(removed)
    }

    /// The entries from `start` with keys that begin with `prefix`; `start` must not be before `prefix`.
    pub(crate) fn from(&self, start: &str, prefix: &str) -> Iter {
        let at = match self.find(start) {
            Ok(place) | Err(place) => place,
        };
        Iter { chunks: self.chunks.clone(), at, end: self.end_of(prefix) }
    }

    /// The entries with keys that begin with `prefix`.
    pub(crate) fn all(&self, prefix: &str) -> Iter {
        self.from(prefix, prefix)
    }

    /// The position after the last key that begins with `prefix`.
    fn end_of(&self, prefix: &str) -> Place {
        if prefix.is_empty() {
            return (self.chunks.len(), 0);
        }
        let before = |entry: &Entry| *entry.key < *prefix || entry.key.starts_with(prefix);
        let chunk = self.chunks.partition_point(|chunk| chunk.last().is_some_and(before));
        (chunk, self.chunks.get(chunk).map_or(0, |chunk| chunk.partition_point(before)))
    }

    /// The position of a key, or where to insert it.
    fn find(&self, key: &str) -> Result<Place, Place> {
        let chunk = self.chunks.partition_point(|chunk| chunk.last().is_some_and(|last| *last.key < *key));
        match self.chunks.get(chunk) {
            Some(items) => match items.binary_search_by(|entry| (*entry.key).cmp(key)) {
                Ok(at) => Ok((chunk, at)),
                Err(at) => Err((chunk, at)),
            },
            // Greater than all keys: at the end of the last chunk.
            None => {
                let last = self.chunks.len().saturating_sub(1);
                Err((last, self.chunks.last().map_or(0, |chunk| chunk.len())))
            }
        }
    }
}

/// The entries in order, at the time when the iterator was created.
#[derive(Clone, Debug)]
pub(crate) struct Iter {
    chunks: Arc<Vec<Chunk>>,
    at: Place,
    end: Place,
}

impl Iter {
    /// The number of remaining entries.
    pub(crate) fn left(&self) -> usize {
        let chunks = self.chunks.get(self.at.0..self.end.0).unwrap_or_default();
        let whole: usize = chunks.iter().map(|chunk| chunk.len()).sum();
        (whole + self.end.1).saturating_sub(self.at.1)
    }
}

impl Iterator for Iter {
    type Item = Entry;

    fn next(&mut self) -> Option<Entry> {
        while self.at < self.end {
            let chunk = self.chunks.get(self.at.0)?;
            if let Some(entry) = chunk.get(self.at.1) {
                self.at.1 += 1;
                return Some(entry.clone());
            }
            self.at = (self.at.0 + 1, 0);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use rand::rngs::SmallRng;
    use rand::{Rng, SeedableRng};

    use super::*;

    fn entry(key: &str, number: u32) -> Entry {
        Entry { key: key.into(), bytes: Bytes::new(), owner: Owner::Content(number) }
    }

    fn number(entry: &Entry) -> u32 {
        match entry.owner {
            Owner::Content(number) => number,
            Owner::Client => panic!("entries of this test have numbers"),
        }
    }

    fn collected(iter: Iter) -> Vec<(String, u32)> {
        iter.map(|entry| (entry.key.to_string(), number(&entry))).collect()
    }

    #[test]
    fn behaves_like_a_map_whose_copies_do_not_change() {
        let mut random = SmallRng::seed_from_u64(7);
        let (mut sorted, mut plain) = (Sorted::default(), BTreeMap::new());
        let mut copies = Vec::new();
        for at in 0..20_000 {
            let key = format!("ns-{}/pod-{}", random.random_range(0..9), random.random_range(0..400));
            if random.random_bool(0.6) {
                let before = sorted.insert(entry(&key, at)).as_ref().map(number);
                assert_eq!(before, plain.insert(key, at));
            } else {
                assert_eq!(sorted.remove(&key).as_ref().map(number), plain.remove(&key));
            }
            assert_eq!(sorted.len(), plain.len());
            if at % 1000 == 0 {
                copies.push((sorted.clone(), plain.clone()));
            }
        }
        copies.push((sorted, plain));
        for (sorted, plain) in copies {
            let all: Vec<_> = plain.iter().map(|(key, at)| (key.clone(), *at)).collect();
            assert_eq!(collected(sorted.all("")), all);
            for prefix in ["ns-3/", "ns-8/", "ns-9/", "a"] {
                let of: Vec<_> = all.iter().filter(|(key, _)| key.starts_with(prefix)).cloned().collect();
                assert_eq!(sorted.all(prefix).left(), of.len(), "{prefix}");
                assert_eq!(collected(sorted.all(prefix)), of);
                let start = format!("{prefix}pod-2");
                let from: Vec<_> = of.iter().filter(|(key, _)| *key >= start).cloned().collect();
                assert_eq!(sorted.from(&start, prefix).left(), from.len(), "{start}");
                assert_eq!(collected(sorted.from(&start, prefix)), from);
            }
            for (key, at) in &all {
                assert_eq!(sorted.get(key).map(number), Some(*at));
            }
        }
    }
}
