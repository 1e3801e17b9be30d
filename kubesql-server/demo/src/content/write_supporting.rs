//! Writes the objects that support workloads, and those that every namespace and node has.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::nodes::ZONES;
use super::random::{mix, sha256, suffix, uid};
use super::shapes::{OwnedBy, SHAPES};
use super::supporting::{Supporting, SupportingValues};
use super::topology::time;
use super::{Content, Writer, number};

impl Content {
    /// Writes all supporting objects of a workload.
    pub(super) fn put_all_supporting(&self, to: &mut Writer<'_>, at: usize) {
        let app = &self.topology.apps[at];
        let namespace = &self.topology.namespaces[app.namespace];
        let shape = &SHAPES[app.shape];
        let secret = STANDARD.encode(sha256(mix(app.key, 40)));
        let (created, replicas, most) = (time(app.created), app.replicas.to_string(), (app.replicas * 3).to_string());
        let (uid, percent) = (uid(mix(app.key, 100)), (mix(app.key, 41) % 60 + 20).to_string());
        let values = SupportingValues {
            name: &app.name,
            namespace: &namespace.name,
            created: &created,
            app: &app.name,
            app_uid: &uid,
            team: namespace.team,
            env: namespace.env,
            tag: &app.tag,
            replicas: &replicas,
            most: &most,
            secret: &secret,
            percent: &percent,
            ..SupportingValues::default()
        };
        let named = |name: &str, kind, part: u64, to: &mut Writer<'_>| {
            let name = format!("{}{name}", app.name);
            self.put_supporting(to, kind, &SupportingValues { name: &name, ..values.clone() }, mix(app.key, part));
        };
        named("", Supporting::ServiceAccount, 50, to);
        named("-config", Supporting::ConfigMap, 51, to);
        named("", Supporting::Role, 52, to);
        named("", Supporting::RoleBinding, 53, to);
        if !shape.host {
            named("-credentials", Supporting::Secret, 54, to);
        }
        if self.has_service(at) {
            let number = number(at);
            let address = format!("100.{}.{}.{}", 64 + number / 65_536, number / 256 % 256, number % 256);
            let values = SupportingValues { address: &address, ..values.clone() };
            self.put_supporting(to, Supporting::Service, &values, mix(app.key, 55));
        }
        if shape.owner == OwnedBy::ReplicaSet && mix(app.key, 56).is_multiple_of(4) {
            named("", Supporting::Autoscaler, 57, to);
        }
        if matches!(shape.name, "gateway" | "web") {
            named("", Supporting::Ingress, 58, to);
        }
        for pod in app.pods.iter().filter(|_| shape.claim) {
            let pod = *pod as usize;
            let claim = format!("data-{}", self.pod_name(pod));
            let keys = (
                mix(app.key, 1000 + u64::from(self.topology.pods[pod].ordinal)),
                mix(app.key, 2000 + u64::from(self.topology.pods[pod].ordinal)),
            );
            let (claim_uid, zone) = (
                super::random::uid(keys.0),
                self.topology.pods[pod].node.map_or(0, |node| self.topology.nodes[node as usize].zone),
            );
            let volume = format!("pvc-{claim_uid}");
            let values = SupportingValues {
                volume: &volume,
                zone: ZONES[zone],
                volume_uid: &claim_uid,
                selector_name: &claim,
                ..values.clone()
            };
            self.put_supporting(to, Supporting::Claim, &SupportingValues { name: &claim, ..values.clone() }, keys.0);
            self.put_supporting(to, Supporting::Volume, &SupportingValues { name: &volume, ..values }, keys.1);
        }
        self.put_pod_dependent(to, at);
    }

    fn has_service(&self, at: usize) -> bool {
        let shape = &SHAPES[self.topology.apps[at].shape];
        // Daemons are reached through their nodes.
        matches!(shape.owner, OwnedBy::ReplicaSet | OwnedBy::StatefulSet) && shape.port() > 0
    }

    /// Writes the objects that depend on the number of ready pods; returns the number of written objects.
    pub(super) fn put_pod_dependent(&self, to: &mut Writer<'_>, at: usize) -> usize {
        if !self.has_service(at) {
            return 0;
        }
        let app = &self.topology.apps[at];
        let shape = &SHAPES[app.shape];
        let namespace = &self.topology.namespaces[app.namespace];
        let endpoints: Vec<String> = app.pods.iter().filter_map(|pod| self.endpoint(*pod as usize)).collect();
        let (endpoints, created) = (format!("[{}]", endpoints.join(",")), time(app.created));
        let (name, port) = (format!("{}-{}", app.name, suffix(mix(app.key, 59), 5)), shape.port().to_string());
        let service_uid = uid(mix(app.key, 55));
        let counts = self.topology.counts(at);
        let (replicas, healthy, most) =
            (app.replicas.to_string(), counts.ready.to_string(), app.replicas.saturating_sub(1));
        let (allowed, most) = (counts.ready.saturating_sub(most).to_string(), most.to_string());
        let values = SupportingValues {
            name: &name,
            namespace: &namespace.name,
            created: &created,
            app: &app.name,
            team: namespace.team,
            env: namespace.env,
            tag: &app.tag,
            endpoints: &endpoints,
            port: &port,
            service_uid: &service_uid,
            replicas: &replicas,
            healthy: &healthy,
            allowed: &allowed,
            most: &most,
            ..SupportingValues::default()
        };
        let mut written = self.put_supporting(to, Supporting::EndpointSlice, &values, mix(app.key, 60));
        if shape.owner == OwnedBy::StatefulSet {
            let values = SupportingValues { name: &app.name, ..values };
            written += self.put_supporting(to, Supporting::DisruptionBudget, &values, mix(app.key, 61));
        }
        written
    }

    /// An endpoint for a pod as JSON; `None` if the pod never had an address. It is formatted as text, since workloads
    /// have many pods and each change writes all endpoints.
    fn endpoint(&self, at: usize) -> Option<String> {
        let pod = &self.topology.pods[at];
        let is_seen = pod.state.has_address() && (pod.state.is_active() || pod.state.is_going());
        let node = pod.node.filter(|_| is_seen)? as usize;
        let address = super::nodes::pod_address(node, pod.slot);
        let (ready, is_going) = (pod.state.is_ready(), pod.state.is_going());
        let serving = ready || is_going;
        let on = &self.topology.nodes[node];
        let namespace = &self.topology.namespaces[self.topology.apps[pod.app as usize].namespace].name;
        let (node, zone, name, uid) = (&on.name, ZONES[on.zone], self.pod_name(at), uid(pod.key));
        Some(format!(
            r#"{{"addresses":["{address}"],"conditions":{{"ready":{ready},"serving":{serving},"terminating":{is_going}}},"nodeName":"{node}","zone":"{zone}","targetRef":{{"kind":"Pod","name":"{name}","namespace":"{namespace}","uid":"{uid}"}}}}"#
        ))
    }

    /// Writes the objects that every namespace has.
    pub(super) fn put_namespace_defaults(&self, to: &mut Writer<'_>, at: usize) {
        let (namespace, created) = (&self.topology.namespaces[at], time(self.topology.now - 86_400 * 300));
        let values = SupportingValues {
            namespace: &namespace.name,
            created: &created,
            team: namespace.team,
            ..SupportingValues::default()
        };
        let key = mix(self.topology.seed, 0x0073_7061 + u64::from(number(at)));
        let named = |name, kind, part, to: &mut Writer<'_>| {
            self.put_supporting(to, kind, &SupportingValues { name, ..values.clone() }, mix(key, part));
        };
        named("kube-root-ca.crt", Supporting::RootCertificate, 1, to);
        named("default", Supporting::DefaultAccount, 2, to);
        if at >= super::topology::SYSTEM.len() {
            named("from-own-team", Supporting::NetworkPolicy, 3, to);
            named("most", Supporting::Quota, 4, to);
        }
    }

    /// Writes the objects that every node has.
    pub(super) fn put_node_companions(&self, to: &mut Writer<'_>, at: usize) {
        let (node, key) = (&self.topology.nodes[at], self.node_key(at));
        let (created, node_uid) = (time(node.created), uid(key));
        let values = SupportingValues {
            name: &node.name,
            node: &node.name,
            node_uid: &node_uid,
            created: &created,
            ..SupportingValues::default()
        };
        self.put_supporting(to, Supporting::CsiNode, &values, mix(key, 50));
        self.put_lease(to, at, 0);
    }

    /// Writes a node's lease, renewed at its heartbeat plus microseconds.
    pub(super) fn put_lease(&self, to: &mut Writer<'_>, at: usize, micros: u32) -> usize {
        let (node, key) = (&self.topology.nodes[at], self.node_key(at));
        let (created, node_uid) = (time(node.created), uid(key));
        let renewed = time(node.renewed).replace('Z', &format!(".{micros:06}Z"));
        let values = SupportingValues {
            name: &node.name,
            namespace: "kube-node-lease",
            node: &node.name,
            node_uid: &node_uid,
            created: &created,
            changed: &renewed,
            ..SupportingValues::default()
        };
        self.put_supporting(to, Supporting::Lease, &values, mix(key, 51))
    }
}
