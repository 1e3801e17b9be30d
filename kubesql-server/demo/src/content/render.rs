//! Renders the topology as objects.

use bytes::Bytes;
use serde_json::json;

use super::events;
use super::nodes::{self, MACHINES, Node, NodeValues, Role, ZONES};
use super::owners::{OwnerTemplates, OwnerValues, deployment_status, owner_status};
use super::pods::{PodTemplates, PodValues};
use super::random::{mix, sha256, suffix, uid};
use super::shapes::{OwnedBy, SHAPES};
use super::supporting::{Supporting, SupportingValues};
use super::template::{Template, template_values};
use super::topology::{App, time};
use super::{Collection, Content, Owner, Writer, number};

template_values! {
    /// Values that differ between namespaces.
    NamespaceValues { name, uid, revision, created, team, env }
}

/// The templates of all objects.
#[derive(Debug)]
pub(super) struct Templates {
    pods: PodTemplates,
    owners: OwnerTemplates,
    supporting: Vec<Template>,
    pub(super) events: Template,
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
            owners: OwnerTemplates::new(),
            supporting: Supporting::ALL.iter().map(|kind| kind.template()).collect(),
            events: events::template(),
            worker: nodes::template(Role::Worker),
            control_plane: nodes::template(Role::ControlPlane),
            cordoned: nodes::template(Role::Cordoned),
            namespace: Template::new(&namespace, NamespaceValues::NAMES),
        }
    }
}

/// The name of the direct owner of a workload's pods.
pub(super) fn owner_name(app: &App) -> String {
    match SHAPES[app.shape].owner {
        OwnedBy::ReplicaSet => format!("{}-{}", app.name, app.hash),
        _ => app.name.clone(),
    }
}

/// The key of the direct owner's identifier.
pub(super) fn owner_key(app: &App) -> u64 {
    match SHAPES[app.shape].owner {
        OwnedBy::ReplicaSet => mix(app.key, 101),
        _ => mix(app.key, 100),
    }
}

/// The name of the cron job of a workload.
fn cron_name(app: &App) -> String {
    app.name.rsplit_once('-').map_or_else(|| app.name.clone(), |(name, _)| name.to_owned())
}

impl Content {
    pub(super) fn namespace(&self, at: usize, revision: u64) -> Bytes {
        let namespace = &self.topology.namespaces[at];
        NamespaceValues {
            name: &namespace.name,
            uid: &uid(mix(self.topology.seed, 0x6e73 + u64::from(number(at)))),
            revision: &revision.to_string(),
            created: &time(self.topology.now - 86_400 * 300),
            team: namespace.team,
            env: namespace.env,
        }
        .fill(&self.templates.namespace)
    }

    /// Writes a node in its current state.
    pub(super) fn put_node(&self, to: &mut Writer<'_>, at: usize) -> usize {
        let name = &self.topology.nodes[at].name;
        self.put(to, self.kinds.nodes, name, number(at), |revision| self.node(at, revision))
    }

    /// The key of a node's identifiers.
    pub(super) fn node_key(&self, at: usize) -> u64 {
        mix(self.topology.seed, 0x6e6f_6465 + u64::from(number(at)))
    }

    fn node(&self, at: usize, revision: u64) -> Bytes {
        let node = &self.topology.nodes[at];
        let key = self.node_key(at);
        let (machine, cores, memory) = MACHINES[node.machine];
        let (cpu, free_memory) = Node::allocatable(node.machine);
        let template = match node.role {
            Role::Worker => &self.templates.worker,
            Role::ControlPlane => &self.templates.control_plane,
            Role::Cordoned => &self.templates.cordoned,
        };
        NodeValues {
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
            digest: &sha256(self.topology.seed),
        }
        .fill(template)
    }

    /// The name of a pod.
    pub(super) fn pod_name(&self, at: usize) -> String {
        let pod = &self.topology.pods[at];
        let app = &self.topology.apps[pod.app as usize];
        match SHAPES[app.shape].owner {
            OwnedBy::ReplicaSet => format!("{}-{}-{}", app.name, app.hash, suffix(pod.key, 5)),
            OwnedBy::StatefulSet => format!("{}-{}", app.name, pod.ordinal),
            _ => format!("{}-{}", app.name, suffix(pod.key, 5)),
        }
    }

    /// The key of a pod in its collection.
    pub(super) fn pod_key(&self, at: usize) -> String {
        let app = &self.topology.apps[self.topology.pods[at].app as usize];
        format!("{}/{}", self.topology.namespaces[app.namespace].name, self.pod_name(at))
    }

    /// Writes a pod in its current state.
    pub(super) fn put_pod(&self, to: &mut Writer<'_>, at: usize) -> usize {
        self.put(to, self.kinds.pods, &self.pod_key(at), number(at), |revision| self.pod(at, revision))
    }

    /// Writes an object unless a client has changed it; returns the number of written objects.
    pub(super) fn put(
        &self,
        to: &mut Writer<'_>,
        of: Collection,
        key: &str,
        number: u32,
        make: impl FnOnce(u64) -> Bytes,
    ) -> usize {
        if to.get(of, key).is_some_and(|entry| entry.owner == Owner::Client) {
            return 0;
        }
        to.put(of, key, Owner::Content(number), make);
        1
    }

    /// Writes the controllers of a workload.
    pub(super) fn put_owners(&self, to: &mut Writer<'_>, at: usize) -> usize {
        let app = &self.topology.apps[at];
        let counts = self.topology.counts(at);
        let shape = &SHAPES[app.shape];
        let namespace = &self.topology.namespaces[app.namespace];
        let (owner, parent_uid, created) = (owner_name(app), uid(mix(app.key, 100)), time(app.created));
        let (tag, replicas, checksum) = (&app.tag, app.replicas.to_string(), sha256(mix(app.key, 32)));
        let (owner_uid, changed, status) = (uid(owner_key(app)), time(app.changed), owner_status(app, counts));
        let parent = if shape.owner == OwnedBy::Job { cron_name(app) } else { app.name.clone() };
        let cron_uid = uid(mix(app.key, 103));
        let values = OwnerValues {
            name: &owner,
            uid: &owner_uid,
            revision: "",
            namespace: &namespace.name,
            app: &app.name,
            hash: &app.hash,
            created: if shape.owner == OwnedBy::ReplicaSet { &changed } else { &created },
            changed: &changed,
            tag,
            team: namespace.team,
            env: namespace.env,
            checksum: &checksum,
            replicas: &replicas,
            parent: &parent,
            parent_uid: if shape.owner == OwnedBy::Job { &cron_uid } else { &parent_uid },
            status: &status,
        };
        let kind = match shape.owner {
            OwnedBy::ReplicaSet => self.kinds.replica_sets,
            OwnedBy::StatefulSet => self.kinds.stateful_sets,
            OwnedBy::DaemonSet => self.kinds.daemon_sets,
            OwnedBy::Job => self.kinds.jobs,
        };
        let key = |name: &str| format!("{}/{name}", namespace.name);
        let mut written = self.put(to, kind, &key(&owner), number(at), |revision| {
            let revision = revision.to_string();
            OwnerValues { revision: &revision, ..values.clone() }.fill(&self.templates.owners.owners[app.shape])
        });
        if let Some(template) = &self.templates.owners.deployments[app.shape] {
            let status = deployment_status(app, counts);
            written += self.put(to, self.kinds.deployments, &key(&app.name), number(at), |revision| {
                let revision = revision.to_string();
                let values = OwnerValues { name: &app.name, uid: &parent_uid, created: &created, ..values.clone() };
                OwnerValues { revision: &revision, status: &status, ..values }.fill(template)
            });
        }
        written
    }

    /// Writes the previous replica set of a workload, or its cron job.
    pub(super) fn put_history(&self, to: &mut Writer<'_>, at: usize) {
        let app = &self.topology.apps[at];
        let namespace = &self.topology.namespaces[app.namespace];
        let (created, cron) = (time(app.created), cron_name(app));
        let values = OwnerValues {
            namespace: &namespace.name,
            app: &app.name,
            created: &created,
            changed: &created,
            team: namespace.team,
            env: namespace.env,
            ..OwnerValues::default()
        };
        if let Some(template) = &self.templates.owners.cron_job[app.shape] {
            let status = json!({"lastScheduleTime": time(app.changed), "lastSuccessfulTime": time(app.changed + 90)});
            let (uid, replicas, status) = (uid(mix(app.key, 103)), app.replicas.to_string(), status.to_string());
            self.put(to, self.kinds.cron_jobs, &format!("{}/{cron}", namespace.name), number(at), |revision| {
                let values = OwnerValues { name: &cron, tag: &app.tag, hash: &app.hash, ..values.clone() };
                let revision = revision.to_string();
                OwnerValues { uid: &uid, replicas: &replicas, status: &status, revision: &revision, ..values }
                    .fill(template)
            });
        }
        if SHAPES[app.shape].owner == OwnedBy::ReplicaSet {
            let (hash, parent) = (suffix(mix(app.key, 33), 10), uid(mix(app.key, 100)));
            let (name, uid) = (format!("{}-{hash}", app.name), uid(mix(app.key, 102)));
            self.put(to, self.kinds.replica_sets, &format!("{}/{name}", namespace.name), number(at), |revision| {
                let values = OwnerValues { name: &name, uid: &uid, hash: &hash, tag: "0.1.0", ..values.clone() };
                let values = OwnerValues { parent: &app.name, parent_uid: &parent, replicas: "0", ..values };
                let status = r#"{"observedGeneration":1,"replicas":0}"#;
                OwnerValues { status, revision: &revision.to_string(), ..values }
                    .fill(&self.templates.owners.owners[app.shape])
            });
        }
    }

    /// Writes a supporting object.
    pub(super) fn put_supporting(
        &self,
        to: &mut Writer<'_>,
        kind: Supporting,
        values: &SupportingValues<'_>,
        key: u64,
    ) -> usize {
        let at = Supporting::ALL.iter().position(|of| *of == kind).unwrap_or(0);
        let place = match kind {
            Supporting::Volume | Supporting::CsiNode => values.name.to_owned(),
            _ => format!("{}/{}", values.namespace, values.name),
        };
        self.put(to, self.kinds.supporting[at], &place, u32::MAX, |revision| {
            let (uid, revision) = (uid(key), revision.to_string());
            SupportingValues { uid: &uid, revision: &revision, ..values.clone() }.fill(&self.templates.supporting[at])
        })
    }

    /// Renders a pod.
    pub(super) fn pod(&self, at: usize, revision: u64) -> Bytes {
        let pod = &self.topology.pods[at];
        let app = &self.topology.apps[pod.app as usize];
        let shape = &SHAPES[app.shape];
        let namespace = &self.topology.namespaces[app.namespace];
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
        PodValues {
            name: &self.pod_name(at),
            uid: &uid(pod.key),
            revision: &revision.to_string(),
            generate: &generate,
            namespace: &namespace.name,
            app: &app.name,
            owner: &owner,
            owner_uid: &uid(owner_key(app)),
            hash: &app.hash,
            node: node.map_or("", |node| &self.topology.nodes[node].name),
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
            nodes: &self.topology.nodes.len().to_string(),
        }
        .fill(self.templates.pods.get(app.shape, pod.state))
    }
}
