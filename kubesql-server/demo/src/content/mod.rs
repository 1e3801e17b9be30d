//! The contents of the demo cluster: workloads of an imaginary company, generated from a seed.

mod change;
mod common;
mod custom;
mod events;
pub(crate) mod fields;
mod nodes;
mod owners;
mod pods;
pub(crate) mod random;
mod render;
mod shapes;
mod supporting;
mod template;
mod topology;
mod write_supporting;

use std::collections::VecDeque;
use std::io;

use super::cluster::Cluster;
use super::store::{Collection, Owner, Writer};
use change::ScheduledChange;
use render::Templates;
use supporting::Supporting;
use topology::Topology;

/// The collections of generated objects.
#[derive(Debug)]
struct Kinds {
    pods: Collection,
    nodes: Collection,
    namespaces: Collection,
    deployments: Collection,
    replica_sets: Collection,
    stateful_sets: Collection,
    daemon_sets: Collection,
    jobs: Collection,
    cron_jobs: Collection,
    events: Collection,
    /// In the order of [`Supporting::ALL`].
    supporting: Vec<Collection>,
}

impl Kinds {
    fn find(cluster: &Cluster) -> io::Result<Self> {
        let resources = cluster.resources();
        let find = |group: &str, plural: &str| {
            let resource = resources.any_version(group, plural);
            let none = || io::Error::other(format!("no {plural} in this release"));
            resource.map(|resource| resource.collection).ok_or_else(none)
        };
        let supporting = Supporting::ALL.iter().map(|kind| {
            let (group, plural) = kind.resource();
            find(group, plural)
        });
        Ok(Self {
            pods: find("", "pods")?,
            nodes: find("", "nodes")?,
            namespaces: find("", "namespaces")?,
            deployments: find("apps", "deployments")?,
            replica_sets: find("apps", "replicasets")?,
            stateful_sets: find("apps", "statefulsets")?,
            daemon_sets: find("apps", "daemonsets")?,
            jobs: find("batch", "jobs")?,
            cron_jobs: find("batch", "cronjobs")?,
            events: find("", "events")?,
            supporting: supporting.collect::<io::Result<_>>()?,
        })
    }
}

/// The contents of a cluster, and the state needed to change them.
#[derive(Debug)]
pub(crate) struct Content {
    topology: Topology,
    templates: Templates,
    kinds: Kinds,
    /// The kubelet version of nodes: `v1.35.2`.
    version: String,
    /// Scheduled changes by time.
    later: VecDeque<ScheduledChange>,
    /// Keys of events, oldest first.
    events: VecDeque<String>,
}

impl Content {
    /// Generates the contents and writes them.
    pub(crate) fn write(cluster: &Cluster) -> io::Result<Self> {
        let options = &cluster.options;
        let mut content = Self {
            topology: Topology::new(options.seed, options.now.as_second(), options.nodes, options.pods),
            templates: Templates::new(),
            kinds: Kinds::find(cluster)?,
            version: options.release.git_version(),
            later: VecDeque::new(),
            events: VecDeque::new(),
        };
        common::write(cluster, &content.topology);
        custom::write(cluster, &content.topology);
        let mut writer = cluster.store.write();
        content.write_all(&mut writer);
        drop(writer);
        cluster.store.forget_history();
        Ok(content)
    }

    fn write_all(&mut self, to: &mut Writer<'_>) {
        for at in 0..self.topology.namespaces.len() {
            let name = &self.topology.namespaces[at].name;
            self.put(to, self.kinds.namespaces, name, number(at), |revision| self.namespace(at, revision));
            self.put_namespace_defaults(to, at);
        }
        for at in 0..self.topology.nodes.len() {
            self.put_node(to, at);
            self.put_node_companions(to, at);
        }
        for at in 0..self.topology.apps.len() {
            self.put_history(to, at);
            self.put_owners(to, at);
            self.put_all_supporting(to, at);
        }
        for at in 0..self.topology.pods.len() {
            self.put_pod(to, at);
        }
        for _ in 0..self.max_events() / 2 {
            self.write_random_event(to);
        }
    }
}

/// Indexes fit: there are fewer than 2^32 objects of any kind.
fn number(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}
