//! What is in the demo cluster: a believable company's workloads, made from a seed.

pub(crate) mod fields;
mod nodes;
mod pods;
pub(crate) mod random;
mod render;
mod shapes;
mod template;
mod world;

use std::io;

use super::cluster::Cluster;
use super::store::{Collection, Owner, Writer};
use render::Templates;
use world::World;

/// The collections that the content writes to.
#[derive(Debug)]
struct Kinds {
    pods: Collection,
    nodes: Collection,
    namespaces: Collection,
}

impl Kinds {
    fn find(cluster: &Cluster) -> io::Result<Self> {
        let resources = cluster.resources();
        let find = |group: &str, plural: &str| {
            let resource = resources.any_version(group, plural);
            resource
                .map(|resource| resource.collection)
                .ok_or_else(|| io::Error::other(format!("no {plural} in this release")))
        };
        Ok(Self { pods: find("", "pods")?, nodes: find("", "nodes")?, namespaces: find("", "namespaces")? })
    }
}

/// The content of a cluster, and what it takes to change it.
#[derive(Debug)]
pub(crate) struct Content {
    world: World,
    templates: Templates,
    kinds: Kinds,
    /// `v1.35.2`, of nodes.
    version: String,
}

impl Content {
    /// Makes the content and writes all of it.
    pub(crate) fn write(cluster: &Cluster) -> io::Result<Self> {
        let options = &cluster.options;
        let content = Self {
            world: World::new(options.seed, options.now.as_second(), options.nodes, options.pods),
            templates: Templates::new(),
            kinds: Kinds::find(cluster)?,
            version: options.release.git_version(),
        };
        let mut writer = cluster.store.write();
        content.write_all(&mut writer);
        drop(writer);
        cluster.store.forget_history();
        Ok(content)
    }

    fn write_all(&self, to: &mut Writer<'_>) {
        for at in 0..self.world.namespaces.len() {
            let name = &self.world.namespaces[at].name;
            to.put(self.kinds.namespaces, name, Owner::Client, |revision| self.namespace(at, revision));
        }
        for at in 0..self.world.nodes.len() {
            self.put_node(to, at);
        }
        for at in 0..self.world.pods.len() {
            self.put_pod(to, at);
        }
    }
}

/// Indexes fit, since there are fewer than four thousand million of anything.
fn number(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}
