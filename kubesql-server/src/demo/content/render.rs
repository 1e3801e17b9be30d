//! From the world's numbers to objects.

use bytes::Bytes;

use super::nodes::{self, MACHINES, Node, NodeHoles, Role, ZONES};
use super::pods::{PodHoles, PodTemplates};
use super::random::{mix, sha256, suffix, uid};
use super::shapes::{OwnedBy, SHAPES};
use super::template::{Template, holes};
use super::world::{App, time};
use super::{Content, Owner, Writer, number};
use serde_json::json;

holes! {
    /// What differs between namespaces.
    NamespaceHoles { name, uid, revision, created, team, env }
}

/// All templates.
#[derive(Debug)]
pub(super) struct Templates {
    pods: PodTemplates,
    worker: Template,
    control_plane: Template,
    cordoned: Template,
    namespace: Template,
}

impl Templates {
    pub(super) fn new() -> Self {
        let namespace = json!({
            "metadata": {"name": "«name»", "uid": "«uid»", "resourceVersion": "«revision»", "creationTimestamp": "«created»",
                "labels": {"kubernetes.io/metadata.name": "«name»", "team": "«team»", "env": "«env»"}},
            "spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Active"},
        });
        Self {
            pods: PodTemplates::new(),
            worker: nodes::template(Role::Worker),
            control_plane: nodes::template(Role::ControlPlane),
            cordoned: nodes::template(Role::Cordoned),
            namespace: Template::new(&namespace, NamespaceHoles::NAMES),
        }
    }
}

/// The name of what owns a workload's pods directly.
pub(super) fn owner_name(app: &App) -> String {
    match SHAPES[app.shape].owner {
        OwnedBy::ReplicaSet => format!("{}-{}", app.name, app.hash),
        _ => app.name.clone(),
    }
}

/// What the identifier of that is made from.
pub(super) fn owner_key(app: &App) -> u64 {
    match SHAPES[app.shape].owner {
        OwnedBy::ReplicaSet => mix(app.key, 101),
        _ => mix(app.key, 100),
    }
}

impl Content {
    pub(super) fn namespace(&self, at: usize, revision: u64) -> Bytes {
        let namespace = &self.world.namespaces[at];
        NamespaceHoles {
            name: &namespace.name,
            uid: &uid(mix(self.world.seed, 0x6e73 + u64::from(number(at)))),
            revision: &revision.to_string(),
            created: &time(self.world.now - 86_400 * 300),
            team: namespace.team,
            env: namespace.env,
        }
        .fill(&self.templates.namespace)
    }

    /// Writes a node as it is now.
    pub(super) fn put_node(&self, to: &mut Writer<'_>, at: usize) {
        let name = &self.world.nodes[at].name;
        to.put(self.kinds.nodes, name, Owner::Content(number(at)), |revision| self.node(at, revision));
    }

    fn node(&self, at: usize, revision: u64) -> Bytes {
        let node = &self.world.nodes[at];
        let key = mix(self.world.seed, 0x6e6f_6465 + u64::from(number(at)));
        let (machine, cores, memory) = MACHINES[node.machine];
        let (cpu, free_memory) = Node::allocatable(node.machine);
        let template = match node.role {
            Role::Worker => &self.templates.worker,
            Role::ControlPlane => &self.templates.control_plane,
            Role::Cordoned => &self.templates.cordoned,
        };
        NodeHoles {
            name: &node.name,
            uid: &uid(key),
            revision: &revision.to_string(),
            zone: ZONES[node.zone],
            machine,
            pool: if node.role == Role::ControlPlane { "control" } else { "general" },
            created: &time(node.created),
            heartbeat: &time(node.heartbeat),
            address: &nodes::address(at),
            range: &nodes::pod_address(at, 0).replace(".0.0/", ".0/"),
            provider: &suffix(key, 17),
            cores: &cores.to_string(),
            memory: &(memory * 1024).to_string(),
            allocatable_cpu: &cpu.to_string(),
            allocatable_memory: &free_memory.to_string(),
            machine_id: &sha256(key)[..32],
            system_id: &uid(mix(key, 1)),
            boot_id: &uid(mix(key, 2)),
            version: &self.version,
            digest: &sha256(self.world.seed),
        }
        .fill(template)
    }

    /// The name of a pod.
    pub(super) fn pod_name(&self, at: usize) -> String {
        let pod = &self.world.pods[at];
        let app = &self.world.apps[pod.app as usize];
        match SHAPES[app.shape].owner {
            OwnedBy::ReplicaSet => format!("{}-{}-{}", app.name, app.hash, suffix(pod.key, 5)),
            OwnedBy::StatefulSet => format!("{}-{}", app.name, pod.ordinal),
            _ => format!("{}-{}", app.name, suffix(pod.key, 5)),
        }
    }

    /// Where a pod lies among the pods.
    pub(super) fn pod_key(&self, at: usize) -> String {
        let app = &self.world.apps[self.world.pods[at].app as usize];
        format!("{}/{}", self.world.namespaces[app.namespace].name, self.pod_name(at))
    }

    /// Writes a pod as it is now.
    pub(super) fn put_pod(&self, to: &mut Writer<'_>, at: usize) {
        to.put(self.kinds.pods, &self.pod_key(at), Owner::Content(number(at)), |revision| self.pod(at, revision));
    }

    /// A pod's object.
    pub(super) fn pod(&self, at: usize, revision: u64) -> Bytes {
        let pod = &self.world.pods[at];
        let app = &self.world.apps[pod.app as usize];
        let shape = &SHAPES[app.shape];
        let namespace = &self.world.namespaces[app.namespace];
        let owner = owner_name(app);
        let node = pod.node.map(|node| node as usize);
        let host = node.map(nodes::address).unwrap_or_default();
        let ip = match node {
            Some(node) if !shape.host => nodes::pod_address(node, pod.slot),
            _ => host.clone(),
        };
        let generate = match shape.owner {
            OwnedBy::StatefulSet => format!("{}-", app.name),
            _ => format!("{owner}-"),
        };
        PodHoles {
            name: &self.pod_name(at),
            uid: &uid(pod.key),
            revision: &revision.to_string(),
            generate: &generate,
            namespace: &namespace.name,
            app: &app.name,
            owner: &owner,
            owner_uid: &uid(owner_key(app)),
            hash: &app.hash,
            node: node.map_or("", |node| &self.world.nodes[node].name),
            host_ip: &host,
            ip: &ip,
            created: &time(pod.created),
            started: &time(pod.created + 4),
            changed: &time(pod.changed),
            before: &time(pod.changed - 12),
            deadline: &time(pod.changed + 30),
            tag: &app.tag,
            digest: &sha256(mix(app.key, 30)),
            run: &sha256(mix(pod.key, u64::from(pod.restarts)))[..61],
            restarts: &pod.restarts.to_string(),
            token: &suffix(mix(pod.key, 31), 5),
            team: namespace.team,
            env: namespace.env,
            checksum: &sha256(mix(app.key, 32)),
            nodes: &self.world.nodes.len().to_string(),
        }
        .fill(self.templates.pods.get(app.shape, pod.state))
    }
}
