//! Continuous changes: pods fail and are replaced, nodes report, leases are renewed.

use super::events::{EventValues, messages_about};
use super::pods::State;
use super::random::{mix, pick, uid};
use super::render::owner_name;
use super::shapes::{OwnedBy, SHAPES};
use super::topology::time;
use super::{Content, Owner, Writer, number};
use crate::cluster::Cluster;
use crate::protocol::at_revision;

/// Seconds between two steps of a pod's start.
const STEP: i64 = 2;

/// A scheduled change of a pod.
#[derive(Clone, Copy, Debug)]
pub(super) struct ScheduledChange {
    due: i64,
    pod: usize,
    /// Distinguishes the pod from one that reuses its index.
    key: u64,
    what: Next,
}

#[derive(Clone, Copy, Debug)]
enum Next {
    Place,
    Start,
    Go,
}

impl Content {
    /// Makes one change at a time in seconds since 1970; returns the number of written objects.
    pub(crate) fn step(&mut self, to: &mut Writer<'_>, now: i64) -> usize {
        self.topology.now = now;
        if self.later.front().is_some_and(|later| later.due <= now)
            && let Some(later) = self.later.pop_front()
        {
            return self.go_on(to, later);
        }
        let random = self.topology.key();
        match random % 100 {
            0..40 => self.renew(to, mix(random, 1)),
            40..50 => self.report(to, mix(random, 1)),
            50..70 => self.write_random_event(to),
            70..95 => self.advance_pod(to, mix(random, 1)),
            _ => self.replace(to, mix(random, 1)),
        }
    }

    /// Handles deletions by clients: controllers create new pods.
    pub(crate) fn handle_deletions(&mut self, cluster: &Cluster, now: i64) {
        for (of, at) in cluster.take_deleted() {
            let at = at as usize;
            if of != self.kinds.pods || !self.topology.pods.get(at).is_some_and(|pod| pod.is_there) {
                continue;
            }
            self.topology.now = now;
            let (pod, app) = (self.topology.pods[at], self.topology.pods[at].app as usize);
            self.topology.remove(at);
            let mut writer = cluster.store.write();
            if !self.is_owned(&writer, app) {
                continue;
            }
            if pod.state.is_active() && SHAPES[self.topology.apps[app].shape].owner != OwnedBy::Job {
                self.make(&mut writer, app, pod.ordinal, pod.node);
            }
            self.put_pod_counts(&mut writer, app);
        }
    }

    /// Whether the controller of a workload exists and was not changed by a client.
    fn is_owned(&self, writer: &Writer<'_>, app: usize) -> bool {
        let of = &self.topology.apps[app];
        let kind = match SHAPES[of.shape].owner {
            OwnedBy::ReplicaSet => self.kinds.replica_sets,
            OwnedBy::StatefulSet => self.kinds.stateful_sets,
            OwnedBy::DaemonSet => self.kinds.daemon_sets,
            OwnedBy::Job => self.kinds.jobs,
        };
        let key = format!("{}/{}", self.topology.namespaces[of.namespace].name, owner_name(of));
        writer.get(kind, &key).is_some_and(|entry| matches!(entry.owner, Owner::Content(_)))
    }

    /// A random index below a number.
    fn random_index(random: u64, count: usize) -> Option<usize> {
        usize::try_from(random).unwrap_or(usize::MAX).checked_rem(count)
    }

    /// Renews a node's lease.
    fn renew(&mut self, to: &mut Writer<'_>, random: u64) -> usize {
        let Some(at) = Self::random_index(random, self.topology.nodes.len()) else { return 1 };
        self.topology.nodes[at].renewed = self.topology.now;
        // Renewals within one second differ in microseconds.
        let micros = u32::try_from(mix(random, 2) % 1_000_000).unwrap_or(0);
        self.put_lease(to, at, micros).max(1)
    }

    /// Reports a node as ready.
    fn report(&mut self, to: &mut Writer<'_>, random: u64) -> usize {
        let Some(at) = Self::random_index(random, self.topology.nodes.len()) else { return 1 };
        self.topology.nodes[at].heartbeat = self.topology.now;
        self.put_node(to, at).max(1)
    }

    /// Whether a pod exists and was not changed by a client.
    fn is_generated(&self, to: &Writer<'_>, at: usize) -> bool {
        let entry = self
            .topology
            .pods
            .get(at)
            .filter(|pod| pod.is_there)
            .and_then(|_| to.get(self.kinds.pods, &self.pod_key(at)));
        entry.is_some_and(|entry| entry.owner == Owner::Content(number(at)))
    }

    /// Changes the state of a pod.
    fn advance_pod(&mut self, to: &mut Writer<'_>, random: u64) -> usize {
        let Some(at) = Self::random_index(random, self.topology.pods.len()).filter(|at| self.is_generated(to, *at))
        else {
            return 1;
        };
        let pod = self.topology.pods[at];
        let shape = &SHAPES[self.topology.apps[pod.app as usize].shape];
        let next = match pod.state {
            State::Running if shape.owner == OwnedBy::Job => State::Succeeded,
            State::Running | State::Restarted | State::OutOfMemory => *pick(
                random,
                &[State::NotReady, State::Restarted, State::Restarted, State::OutOfMemory, State::CrashLoop],
            ),
            State::NotReady if pod.restarts == 0 => State::Running,
            State::NotReady | State::CrashLoop => State::Restarted,
            State::ImagePull | State::Creating | State::Initializing => State::Running,
            State::Unschedulable => {
                self.topology.set_state(at, State::Creating);
                self.topology.schedule(at);
                self.topology.pods[at].state
            }
            State::Terminating => return self.remove(to, at),
            // A finished pod does not change.
            State::Succeeded | State::Failed | State::Evicted => return self.write_event(to, at),
        };
        let restarted = matches!(next, State::Restarted | State::OutOfMemory | State::CrashLoop);
        if restarted && pod.state.is_ready() {
            self.topology.pods[at].restarts = pod.restarts.saturating_add(1);
        }
        self.change(to, at, next)
    }

    /// Writes a pod in a new state, and the objects that depend on it.
    fn change(&mut self, to: &mut Writer<'_>, at: usize, state: State) -> usize {
        let before = self.topology.pods[at].state;
        self.topology.set_state(at, state);
        self.topology.pods[at].changed = self.topology.now;
        let written = self.put_pod(to, at);
        let is_same = before.is_ready() == state.is_ready() && before.is_active() == state.is_active();
        written + if is_same { 0 } else { self.put_pod_counts(to, self.topology.pods[at].app as usize) }
    }

    /// Writes the objects that count a workload's pods.
    fn put_pod_counts(&self, to: &mut Writer<'_>, app: usize) -> usize {
        self.put_owners(to, app) + self.put_pod_dependent(to, app)
    }

    /// Terminates a pod and creates a replacement.
    fn replace(&mut self, to: &mut Writer<'_>, random: u64) -> usize {
        let Some(at) = Self::random_index(random, self.topology.pods.len()).filter(|at| self.is_generated(to, *at))
        else {
            return 1;
        };
        let pod = self.topology.pods[at];
        let app = pod.app as usize;
        let is_replaced = SHAPES[self.topology.apps[app].shape].owner == OwnedBy::ReplicaSet;
        if pod.state == State::Evicted {
            return self.remove(to, at);
        }
        if !is_replaced || !pod.state.is_ready() || !self.is_owned(to, app) {
            return self.write_event(to, at);
        }
        self.topology.set_state(at, State::Terminating);
        self.topology.pods[at].changed = self.topology.now;
        self.later.push_back(ScheduledChange { due: self.topology.now + STEP, pod: at, key: pod.key, what: Next::Go });
        let written = self.put_pod(to, at) + self.make(to, app, 0, None);
        written + self.put_pod_counts(to, app)
    }

    /// Creates a pod of a workload without a node.
    fn make(&mut self, to: &mut Writer<'_>, app: usize, ordinal: u32, node: Option<u32>) -> usize {
        let at = self.topology.pod(app, State::Unschedulable, ordinal);
        let now = self.topology.now;
        let pod = &mut self.topology.pods[at];
        (pod.created, pod.changed, pod.restarts) = (now, now, 0);
        // Pods of daemon sets have a fixed node.
        if let (OwnedBy::DaemonSet, Some(node)) = (SHAPES[self.topology.apps[app].shape].owner, node) {
            self.topology.set_state(at, State::Creating);
            self.topology.assign(at, node as usize);
            self.later.push_back(ScheduledChange {
                due: now + STEP,
                pod: at,
                key: self.topology.pods[at].key,
                what: Next::Start,
            });
        } else {
            self.later.push_back(ScheduledChange {
                due: now,
                pod: at,
                key: self.topology.pods[at].key,
                what: Next::Place,
            });
        }
        self.put_pod(to, at)
    }

    fn go_on(&mut self, to: &mut Writer<'_>, later: ScheduledChange) -> usize {
        let ScheduledChange { pod: at, key, what, .. } = later;
        if self.topology.pods.get(at).is_none_or(|pod| pod.key != key) || !self.is_generated(to, at) {
            return 0;
        }
        match what {
            Next::Place => {
                self.topology.set_state(at, State::Creating);
                self.topology.schedule(at);
                let state = self.topology.pods[at].state;
                if state == State::Creating {
                    self.later.push_back(ScheduledChange {
                        due: self.topology.now + STEP,
                        pod: at,
                        key,
                        what: Next::Start,
                    });
                }
                self.change(to, at, state)
            }
            Next::Start => self.change(to, at, State::Running),
            Next::Go => self.remove(to, at),
        }
    }

    /// Deletes a pod.
    fn remove(&mut self, to: &mut Writer<'_>, at: usize) -> usize {
        let app = self.topology.pods[at].app as usize;
        let key = self.pod_key(at);
        self.topology.remove(at);
        let gone = to.delete(self.kinds.pods, &key, |entry, revision| at_revision(&entry.bytes, revision).into());
        usize::from(gone) + self.put_pod_counts(to, app)
    }

    /// Maximum number of events.
    pub(super) fn max_events(&self) -> usize {
        (self.topology.pods.len() / 4).clamp(50, 50_000)
    }

    /// Writes an event about a random pod.
    pub(super) fn write_random_event(&mut self, to: &mut Writer<'_>) -> usize {
        let random = self.topology.key();
        match Self::random_index(random, self.topology.pods.len()).filter(|at| self.topology.pods[*at].is_there) {
            Some(at) => self.write_event(to, at),
            None => 1,
        }
    }

    /// Writes an event about a pod, and deletes the oldest event if there are too many.
    fn write_event(&mut self, to: &mut Writer<'_>, at: usize) -> usize {
        let mut written = 0;
        if self.events.len() >= self.max_events()
            && let Some(oldest) = self.events.pop_front()
        {
            // A client may have deleted it already.
            let gone =
                to.delete(self.kinds.events, &oldest, |entry, revision| at_revision(&entry.bytes, revision).into());
            written += usize::from(gone);
        }
        let key = self.topology.key();
        let pod = &self.topology.pods[at];
        let app = &self.topology.apps[pod.app as usize];
        let namespace = &self.topology.namespaces[app.namespace].name;
        let (kind, reason, message, component) = *pick(key, messages_about(pod.state));
        let first = SHAPES[app.shape].containers.first().map_or("", |part| part.name);
        let field = if component == "kubelet" { format!("spec.containers{{{first}}}") } else { String::new() };
        let name = self.pod_name(at);
        let event = format!("{name}.{:016x}", mix(key, 1));
        let last = if reason == "Scheduled" { pod.created } else { self.topology.now };
        let count = if kind == "Warning" { mix(key, 2) % 50 + 1 } else { 1 };
        let place = format!("{namespace}/{event}");
        let host =
            pod.node.filter(|_| component == "kubelet").map_or("", |node| &self.topology.nodes[node as usize].name);
        let (event_uid, pod_uid, last, count) = (uid(key), uid(pod.key), time(last), count.to_string());
        to.put(self.kinds.events, &place, Owner::Content(0), |revision| {
            let revision = revision.to_string();
            let values = EventValues {
                namespace,
                pod: &name,
                pod_uid: &pod_uid,
                pod_revision: &revision,
                ..EventValues::default()
            };
            let values = EventValues { kind, reason, message, component, host, field: &field, ..values };
            EventValues {
                name: &event,
                uid: &event_uid,
                revision: &revision,
                first: &last,
                last: &last,
                count: &count,
                ..values
            }
            .fill(&self.templates.events)
        });
        self.events.push_back(place);
        written + 1
    }
}
