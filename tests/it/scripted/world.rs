//! The objects of the scripted server, the history of their changes, and every state so far.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::Value;

use super::objects::{Key, Kind, object};

/// The current state of an object.
#[derive(Debug, Clone)]
pub(crate) struct Stored {
    pub(crate) value: Value,
    pub(crate) text: Arc<str>,
    uid: String,
}

/// A change.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    pub(crate) version: u64,
    pub(crate) key: Key,
    /// `ADDED`, `MODIFIED`, `DELETED`.
    pub(crate) change: &'static str,
    pub(crate) text: Arc<str>,
}

/// A list that a client reads page by page.
#[derive(Debug)]
struct Paged {
    token: String,
    version: u64,
    objects: Arc<[Arc<str>]>,
}

/// Identifies a state of a kind: the number of objects, and the sum of their generations.
pub(crate) type Sum = (usize, u64);

/// All of the server's objects.
#[derive(Debug)]
pub(crate) struct World {
    random: StdRng,
    pub(crate) version: u64,
    /// Changes up to this version are forgotten.
    pub(crate) oldest: u64,
    /// The changes after that.
    window: usize,
    history: VecDeque<Event>,
    pub(crate) objects: BTreeMap<Key, Stored>,
    sums: BTreeMap<Kind, Sum>,
    /// The times at which each state was current. They grow, also across restarts.
    states: BTreeMap<Kind, HashMap<Sum, Vec<u64>>>,
    instant: u64,
    pages: VecDeque<Paged>,
    tokens: u64,
}

/// The number of lists that can be continued at a time.
const PAGED: usize = 64;

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let version = 5_000_000;
        let mut world = Self {
            window: random.random_range(50..1000),
            random,
            version,
            oldest: version,
            history: VecDeque::new(),
            objects: BTreeMap::new(),
            sums: BTreeMap::new(),
            states: BTreeMap::new(),
            instant: 0,
            pages: VecDeque::new(),
            tokens: 0,
        };
        Kind::ALL.into_iter().for_each(|kind| world.note(kind));
        world
    }

    /// Creates, changes or deletes an object.
    pub(crate) fn change(&mut self) {
        let kind = match self.random.random_range(0..10) {
            0 => Kind::Nodes,
            1 | 2 => Kind::ConfigMaps,
            _ => Kind::Pods,
        };
        let key = Key::random(&mut self.random, kind);
        self.version += self.random.random_range(1..4);
        let before = self.objects.get(&key);
        let event = match before {
            Some(before) if self.random.random_bool(0.35) => {
                // A DELETED event has the last state of the object, and the version of the deletion.
                let mut last = before.value.clone();
                last["metadata"]["resourceVersion"] = self.version.to_string().into();
                self.remove(&key);
                Event { version: self.version, key, change: "DELETED", text: last.to_string().into() }
            }
            before => {
                let change = if before.is_some() { "MODIFIED" } else { "ADDED" };
                let text = self.put(key.clone());
                Event { version: self.version, key, change, text }
            }
        };
        self.note(event.key.kind);
        self.history.push_back(event);
        while self.history.len() > self.window {
            self.oldest = self.history.pop_front().map_or(self.oldest, |event| event.version);
        }
    }

    fn put(&mut self, key: Key) -> Arc<str> {
        let new = format!("{:032x}", self.random.random::<u128>());
        let uid = self.objects.get(&key).map_or(new, |stored| stored.uid.clone());
        let large = self.random.random_range(0..1500) == 0;
        let value = object(&mut self.random, &key, &uid, self.version, large);
        let text: Arc<str> = value.to_string().into();
        self.remove(&key);
        let sum = self.sums.entry(key.kind).or_default();
        *sum = (sum.0 + 1, sum.1 + generation(&value));
        self.objects.insert(key, Stored { value, text: Arc::clone(&text), uid });
        text
    }

    fn remove(&mut self, key: &Key) {
        if let Some(before) = self.objects.remove(key) {
            let sum = self.sums.entry(key.kind).or_default();
            *sum = (sum.0 - 1, sum.1 - generation(&before.value));
        }
    }

    /// Records the current state of a kind.
    fn note(&mut self, kind: Kind) {
        self.instant += 1;
        let sum = self.sums.get(&kind).copied().unwrap_or_default();
        self.states.entry(kind).or_default().entry(sum).or_default().push(self.instant);
    }

    /// The first time at or after an instant at which a kind had this state.
    pub(crate) fn when(&self, kind: Kind, sum: Sum, not_before: u64) -> Option<u64> {
        self.states[&kind].get(&sum)?.iter().copied().find(|instant| *instant >= not_before)
    }

    /// Replaces everything: other contents, other versions, no history.
    pub(crate) fn restart(&mut self, lower: bool) {
        self.version = if lower { self.version - 1_000_000 } else { self.version + 1_000_000 };
        let keys: Vec<Key> = self.objects.keys().cloned().collect();
        for key in keys {
            self.version += 1;
            match self.random.random_range(0..5) {
                0 => self.remove(&key),
                1 => {
                    // Another object with the same name.
                    self.remove(&key);
                    self.put(key);
                }
                2 => {
                    self.remove(&key);
                    let other = Key::random(&mut self.random, key.kind);
                    self.put(other);
                }
                3 if !lower => {}
                // No object may be newer than the server.
                _ => _ = self.put(key),
            }
        }
        self.version += 1;
        self.oldest = self.version;
        self.history.clear();
        self.pages.clear();
        Kind::ALL.into_iter().for_each(|kind| self.note(kind));
    }

    /// All objects of a kind, and the version of that state.
    pub(crate) fn list(&self, kind: Kind, namespace: Option<&str>) -> (u64, Vec<Arc<str>>) {
        let of_kind = self.objects.iter().filter(|(key, _)| is_of(key, kind, namespace));
        (self.version, of_kind.map(|(_, stored)| Arc::clone(&stored.text)).collect())
    }

    /// Stores a list under a new token.
    pub(crate) fn keep(&mut self, version: u64, objects: Arc<[Arc<str>]>) -> String {
        self.tokens += 1;
        let token = format!("t{}", self.tokens);
        self.pages.push_back(Paged { token: token.clone(), version, objects });
        if self.pages.len() > PAGED {
            self.pages.pop_front();
        }
        token
    }

    /// The list of a token.
    pub(crate) fn kept(&self, token: &str) -> Option<(u64, Arc<[Arc<str>]>)> {
        let paged = self.pages.iter().find(|paged| paged.token == token)?;
        Some((paged.version, Arc::clone(&paged.objects)))
    }

    /// The changes after a version; `None` if they are forgotten.
    pub(crate) fn since(&self, version: u64, kind: Kind, namespace: Option<&str>) -> Option<Vec<Event>> {
        if version < self.oldest {
            return None;
        }
        let from = self.history.partition_point(|event| event.version <= version);
        let events = self.history.range(from..).filter(|event| is_of(&event.key, kind, namespace));
        Some(events.cloned().collect())
    }

    /// One of the changes up to a version, and whether its object is deleted now.
    pub(crate) fn old(&self, at: usize, version: u64, kind: Kind, namespace: Option<&str>) -> Option<(Event, bool)> {
        let mut old =
            self.history.iter().filter(|event| event.version <= version && is_of(&event.key, kind, namespace));
        let event = old.nth(at)?.clone();
        let gone = !self.objects.contains_key(&event.key) && event.change != "DELETED";
        Some((event, gone))
    }
}

fn is_of(key: &Key, kind: Kind, namespace: Option<&str>) -> bool {
    key.kind == kind && namespace.is_none_or(|namespace| key.namespace == namespace)
}

fn generation(value: &Value) -> u64 {
    value["metadata"]["generation"].as_u64().expect("every object has one")
}
