//! The simulated cluster as plain data: workloads, pods and nodes, and their relations.
//!
//! Objects are rendered from this data when they are written, which makes changes cheap and consistent.

use jiff::Timestamp;

use super::nodes::{MACHINES, MAX_PODS, Node, Role, ZONES};
use super::pods::State;
use super::random::{mix, pick, suffix};
use super::shapes::{OwnedBy, SHAPES};

const TEAMS: [&str; 12] = [
    "payments", "search", "checkout", "identity", "ads", "data", "media", "mobile", "web", "risk", "billing", "support",
];
const ENVS: [&str; 3] = ["prod", "stage", "dev"];
const DOMAINS: [&str; 24] = [
    "orders", "cart", "ledger", "invoice", "catalog", "profile", "session", "pricing", "feed", "mail", "audit",
    "report", "stock", "shipping", "refund", "review", "coupon", "image", "video", "chat", "alert", "quota", "tax",
    "geo",
];
/// Namespaces of every cluster, and of the platform's workloads.
pub(crate) const SYSTEM: [&str; 5] = ["default", "kube-node-lease", "kube-public", "kube-system", "platform"];

/// The namespace of the platform's workloads.
const PLATFORM: usize = 4;

/// A namespace; `team` and `env` are empty for system namespaces.
#[derive(Debug)]
pub(crate) struct Namespace {
    pub(crate) name: String,
    pub(crate) team: &'static str,
    pub(crate) env: &'static str,
}

/// A workload.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) name: String,
    pub(crate) namespace: usize,
    /// Index in [`SHAPES`].
    pub(crate) shape: usize,
    /// The key of its identifiers.
    pub(crate) key: u64,
    pub(crate) replicas: u32,
    /// Seconds since 1970.
    pub(crate) created: i64,
    pub(crate) changed: i64,
    /// The tag of its image.
    pub(crate) tag: String,
    /// The hash of its pod template.
    pub(crate) hash: String,
    /// Indexes of its pods.
    pub(crate) pods: Vec<u32>,
}

/// A pod.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pod {
    pub(crate) app: u32,
    /// The ordinal in a stateful set.
    pub(crate) ordinal: u32,
    /// The key of its identifiers.
    pub(crate) key: u64,
    pub(crate) node: Option<u32>,
    /// The last byte of the address.
    pub(crate) slot: u8,
    /// Whether the pod exists; indexes of deleted pods are reused.
    pub(crate) is_there: bool,
    pub(crate) state: State,
    pub(crate) restarts: u16,
    /// Seconds since 1970.
    pub(crate) created: i64,
    pub(crate) changed: i64,
}

/// Numbers of a workload's replicas by state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) active: u32,
    pub(crate) ready: u32,
    pub(crate) succeeded: u32,
    pub(crate) failed: u32,
}

/// The data of a cluster.
#[derive(Debug)]
pub(crate) struct Topology {
    pub(crate) seed: u64,
    /// Seconds since 1970.
    pub(crate) now: i64,
    pub(crate) namespaces: Vec<Namespace>,
    pub(crate) nodes: Vec<Node>,
    pub(crate) apps: Vec<App>,
    pub(crate) pods: Vec<Pod>,
    /// Indexes of deleted pods.
    free: Vec<u32>,
    /// Where the search for a node continues.
    cursor: usize,
    /// The next key for identifiers.
    next_key: u64,
}

/// Seconds per day.
const DAY: i64 = 86_400;

impl Topology {
    /// Generates a cluster with exact numbers of nodes and pods.
    pub(crate) fn new(seed: u64, now: i64, nodes: u32, pods: u32) -> Self {
        let mut topology = Self {
            seed,
            now,
            namespaces: Vec::new(),
            nodes: Vec::new(),
            apps: Vec::new(),
            pods: Vec::with_capacity(usize::try_from(pods).unwrap_or(0)),
            free: Vec::new(),
            cursor: 0,
            next_key: 0,
        };
        topology.make_namespaces(pods);
        topology.make_nodes(nodes, pods);
        let mut left = pods;
        for (shape, _) in SHAPES.iter().enumerate().filter(|(_, shape)| shape.owner == OwnedBy::DaemonSet) {
            // Daemons are at most a quarter of the pods.
            if nodes > 0 && nodes <= pods / 8 {
                left -= topology.make_daemons(shape);
            }
        }
        while left > 0 {
            left -= topology.make_app(left, pods);
        }
        topology
    }

    /// A new key for identifiers.
    pub(crate) fn key(&mut self) -> u64 {
        self.next_key += 1;
        mix(self.seed, self.next_key)
    }

    fn make_namespaces(&mut self, pods: u32) {
        let system = SYSTEM.map(|name| Namespace { name: name.to_owned(), team: "platform", env: "prod" });
        self.namespaces.extend(system);
        let wanted = usize::try_from(pods / 150).unwrap_or(0).clamp(3, 240);
        for number in 0..wanted {
            let (team, env) = (TEAMS[number / ENVS.len() % TEAMS.len()], ENVS[number % ENVS.len()]);
            let round = number / (ENVS.len() * TEAMS.len());
            let name = if round == 0 { format!("{team}-{env}") } else { format!("{team}-{env}-{}", round + 1) };
            self.namespaces.push(Namespace { name, team, env });
        }
    }

    fn make_nodes(&mut self, nodes: u32, pods: u32) {
        // Machines on which the pods leave a third free on average.
        let average = SHAPES.iter().map(|shape| shape.requests()).fold((0, 0), |sum, of| (sum.0 + of.0, sum.1 + of.1));
        let count = u32::try_from(SHAPES.len()).unwrap_or(1);
        let each = pods.div_ceil(nodes.max(1)).min(MAX_PODS);
        let needed = (average.0 / count * each * 3 / 2, average.1 / count * each * 3 / 2);
        let fits = |machine: &usize| {
            let (cpu, memory) = Node::allocatable(*machine);
            cpu >= needed.0 && memory >= needed.1
        };
        let usual = (0..MACHINES.len()).find(fits).unwrap_or(MACHINES.len() - 1);
        for number in 0..usize::try_from(nodes).unwrap_or(0) {
            let key = self.key();
            let machine = if mix(key, 5).is_multiple_of(4) { (usual + 1).min(MACHINES.len() - 1) } else { usual };
            let role = match number {
                0..3 if nodes >= 10 => Role::ControlPlane,
                3 if nodes >= 10 => Role::Cordoned,
                _ => Role::Worker,
            };
            let word = match role {
                Role::ControlPlane => "control",
                _ => "worker",
            };
            self.nodes.push(Node {
                name: format!("{word}-{number:04}-{}.north-1.demo.internal", suffix(key, 4)),
                role,
                machine,
                zone: number % ZONES.len(),
                created: self.now - DAY * 40 - seconds_below(key, DAY * 200),
                heartbeat: self.now - seconds_below(mix(key, 6), 240),
                renewed: self.now - seconds_below(mix(key, 23), 10),
                free: Node::allocatable(machine),
                slots: (2..=251).rev().collect(),
            });
        }
    }

    /// Creates a workload with one pod per node.
    fn make_daemons(&mut self, shape: usize) -> u32 {
        let key = self.key();
        let app = self.add_app(App {
            name: SHAPES[shape].name.to_owned(),
            namespace: PLATFORM,
            replicas: u32::try_from(self.nodes.len()).unwrap_or(0),
            ..self.app(shape, key)
        });
        for node in 0..self.nodes.len() {
            let pod = self.pod(app, State::Running, 0);
            self.assign(pod, node);
        }
        self.apps[app].replicas
    }

    /// Creates a workload with at most `most` pods; returns their number.
    fn make_app(&mut self, most: u32, all: u32) -> u32 {
        let key = self.key();
        let first = SHAPES.iter().position(|shape| shape.owner != OwnedBy::DaemonSet).unwrap_or(0);
        // A third of the workloads are of rare shapes.
        let rare = mix(key, 7).is_multiple_of(3);
        let shapes: Vec<usize> =
            (first..SHAPES.len()).filter(|at| rare == (SHAPES[*at].owner != OwnedBy::ReplicaSet)).collect();
        let shape = *pick(key, &shapes);
        let namespace =
            SYSTEM.len() + usize::try_from(mix(key, 8)).unwrap_or(usize::MAX) % (self.namespaces.len() - SYSTEM.len());
        let domain = pick(mix(key, 9), &DOMAINS);
        // Larger clusters also have larger workloads.
        let factor = (all / 25_000).clamp(1, 4);
        let (replicas, is_job) = match SHAPES[shape].owner {
            OwnedBy::Job => (*pick(key, &[1, 1, 1, 2, 3]), true),
            OwnedBy::StatefulSet => (*pick(key, &[1, 3, 3, 5]), false),
            _ => (*pick(key, &[1, 2, 2, 3, 3, 4, 6, 8, 12, 20]) * factor, false),
        };
        let replicas = replicas.min(most);
        let number = self.apps.len();
        let name = format!("{domain}-{}-{number}", SHAPES[shape].name);
        let app = self.add_app(App { name, namespace, replicas, ..self.app(shape, key) });
        for ordinal in 0..replicas {
            let state = self.state(is_job, mix(key, u64::from(ordinal) + 20), SHAPES[shape].owner, shape);
            let pod = self.pod(app, state, ordinal);
            if state != State::Unschedulable {
                self.schedule(pod);
            }
        }
        let mut made = replicas;
        // Pods of earlier states: evicted or terminating.
        if SHAPES[shape].owner == OwnedBy::ReplicaSet && made < most {
            let state = match mix(key, 11) % 12 {
                0 => State::Evicted,
                1 => State::Terminating,
                _ => return made,
            };
            let pod = self.pod(app, state, 0);
            self.schedule(pod);
            // If the terminating pod has no room, it becomes a further pending one.
            self.apps[app].replicas += u32::from(self.pods[pod].state.is_active());
            made += 1;
        }
        made
    }

    /// The state of a pod in an established cluster.
    fn state(&self, is_job: bool, key: u64, owner: OwnedBy, shape: usize) -> State {
        if is_job {
            return match key % 10 {
                0 | 1 => State::Running,
                2 => State::Failed,
                _ => State::Succeeded,
            };
        }
        let state = match key % 200 {
            0..2 => State::CrashLoop,
            2 => State::ImagePull,
            3 => State::Creating,
            4 => State::Initializing,
            5 => State::Unschedulable,
            6..9 => State::NotReady,
            9..17 => State::Restarted,
            17..20 => State::OutOfMemory,
            _ => State::Running,
        };
        let has_init = !SHAPES[shape].init.is_empty();
        match state {
            State::Initializing if !has_init => State::Creating,
            // A stateful set creates pods one after another.
            state if owner == OwnedBy::StatefulSet && !state.is_ready() => State::Running,
            state => state,
        }
    }

    fn app(&self, shape: usize, key: u64) -> App {
        let created = self.now - DAY - seconds_below(mix(key, 12), DAY * 120);
        App {
            name: String::new(),
            namespace: 0,
            shape,
            key,
            replicas: 0,
            created,
            changed: created + seconds_below(mix(key, 13), (self.now - created).max(1)),
            tag: format!("{}.{}.{}", mix(key, 14) % 4, mix(key, 15) % 30, mix(key, 16) % 12),
            hash: suffix(mix(key, 17), 10),
            pods: Vec::new(),
        }
    }

    fn add_app(&mut self, app: App) -> usize {
        self.apps.push(app);
        self.apps.len() - 1
    }

    /// Adds a pod without a node.
    pub(crate) fn pod(&mut self, app: usize, state: State, ordinal: u32) -> usize {
        let key = self.key();
        let of = &self.apps[app];
        let created = of.changed.max(self.now - seconds_below(mix(key, 18), DAY * 30));
        let changed = (created + 5 + seconds_below(mix(key, 19), 60)).min(self.now);
        let restarted = matches!(state, State::Restarted | State::OutOfMemory | State::CrashLoop);
        let changed = if restarted { changed.max(self.now - seconds_below(mix(key, 20), DAY)) } else { changed };
        let restarts = if restarted { u16::try_from(mix(key, 21) % 40 + 1).unwrap_or(1) } else { 0 };
        let pod = Pod {
            app: u32::try_from(app).unwrap_or(u32::MAX),
            ordinal,
            key,
            node: None,
            slot: 0,
            is_there: true,
            state,
            restarts,
            created,
            changed,
        };
        let index = match self.free.pop() {
            Some(index) => {
                self.pods[index as usize] = pod;
                index as usize
            }
            None => {
                self.pods.push(pod);
                self.pods.len() - 1
            }
        };
        self.apps[app].pods.push(u32::try_from(index).unwrap_or(u32::MAX));
        index
    }

    /// Assigns a pod to a node with enough room, if there is one.
    pub(crate) fn schedule(&mut self, pod: usize) {
        let shape = &SHAPES[self.apps[self.pods[pod].app as usize].shape];
        // Continues after the last search, so that pods spread evenly.
        for step in 0..self.nodes.len() {
            let node = (self.cursor + step) % self.nodes.len();
            let has_room = {
                let (cpu, memory) = shape.requests();
                let of = &self.nodes[node];
                of.role == Role::Worker && of.free.0 >= cpu && of.free.1 >= memory && !of.slots.is_empty()
            };
            if has_room {
                self.cursor = node + 1;
                self.assign(pod, node);
                return;
            }
            // In a full cluster, the search is limited.
            if step > 2000 {
                break;
            }
        }
        let pod = &mut self.pods[pod];
        (pod.state, pod.node, pod.restarts) = (State::Unschedulable, None, 0);
    }

    pub(crate) fn assign(&mut self, pod: usize, node: usize) {
        let shape = &SHAPES[self.apps[self.pods[pod].app as usize].shape];
        let of = &mut self.pods[pod];
        let asked = if of.state.takes_resources() { shape.requests() } else { (0, 0) };
        if let Some(slot) = self.nodes[node].reserve(asked) {
            (of.node, of.slot) = (u32::try_from(node).ok(), slot);
        } else {
            (of.state, of.node, of.restarts) = (State::Unschedulable, None, 0);
        }
    }

    /// Removes a pod from its node.
    pub(crate) fn unassign(&mut self, pod: usize) {
        let shape = &SHAPES[self.apps[self.pods[pod].app as usize].shape];
        let of = &mut self.pods[pod];
        if let Some(node) = of.node.take() {
            let node = &mut self.nodes[node as usize];
            node.slots.push(of.slot);
            if of.state.takes_resources() {
                node.release(shape.requests());
            }
        }
    }

    /// Deletes a pod.
    pub(crate) fn remove(&mut self, pod: usize) {
        self.unassign(pod);
        self.pods[pod].is_there = false;
        let index = u32::try_from(pod).unwrap_or(u32::MAX);
        self.apps[self.pods[pod].app as usize].pods.retain(|of| *of != index);
        self.free.push(index);
    }

    /// Changes a pod's state and the resources that it uses.
    pub(crate) fn set_state(&mut self, pod: usize, state: State) {
        let shape = &SHAPES[self.apps[self.pods[pod].app as usize].shape];
        let of = &mut self.pods[pod];
        let took = of.state.takes_resources();
        of.state = state;
        if let (Some(node), true, false) = (of.node, took, state.takes_resources()) {
            self.nodes[node as usize].release(shape.requests());
        }
    }

    /// Counts a workload's pods by state.
    pub(crate) fn counts(&self, app: usize) -> Counts {
        let mut counts = Counts::default();
        for pod in &self.apps[app].pods {
            let state = self.pods[*pod as usize].state;
            counts.active += u32::from(state.is_active());
            counts.ready += u32::from(state.is_ready());
            counts.succeeded += u32::from(state == State::Succeeded);
            counts.failed += u32::from(state == State::Failed || state == State::Evicted);
        }
        counts
    }
}

/// A number of seconds below `most`.
fn seconds_below(key: u64, most: i64) -> i64 {
    i64::try_from(mix(key, 22) % u64::try_from(most.max(1)).unwrap_or(1)).unwrap_or(0)
}

/// A time in the format of Kubernetes: `2026-02-03T12:05:40Z`.
pub(crate) fn time(seconds: i64) -> String {
    Timestamp::from_second(seconds).unwrap_or(Timestamp::UNIX_EPOCH).to_string()
}
