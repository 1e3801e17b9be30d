//! Columns of services and ingresses.

use std::collections::BTreeSet;

use arrow::array::ArrayRef;

use super::arrays::{some_text, texts};
use super::fields::Fields;

/// The number of hosts of an ingress that are printed.
const HOSTS: usize = 3;

pub(super) fn column(name: &str, object: &Fields<'_>) -> Option<ArrayRef> {
    Some(match name {
        "cluster_ip" => {
            let (all, one) = (object.texts("spec.clusterIPs"), object.text("spec.clusterIP"));
            texts(object, |row| some_text(all.get(row).first().map(String::as_str).or_else(|| one.get(row))))
        }
        "external_ip" => external_ip(object),
        "ports" if object.has("spec.tls") => {
            let tls = object.list("spec.tls");
            texts(object, |row| Some(if tls.get(row).is_empty() { "80" } else { "80, 443" }.to_owned()))
        }
        "ports" => ports(object),
        "class" => {
            let class = object.text("spec.ingressClassName");
            texts(object, |row| class.get(row).map(str::to_owned))
        }
        "hosts" => {
            let rules = object.list("spec.rules");
            let host = rules.items.text("host");
            texts(object, |row| {
                let (mut hosts, mut more) = (Vec::new(), false);
                for at in rules.get(row) {
                    more |= hosts.len() == HOSTS;
                    hosts.extend(host.get(at).filter(|host| !more && !host.is_empty()));
                }
                let shown = if hosts.is_empty() { "*".to_owned() } else { hosts.join(",") };
                let left = rules.get(row).len().saturating_sub(HOSTS);
                Some(if more { format!("{shown} + {left} more...") } else { shown })
            })
        }
        "address" => {
            let addresses = balancer(object);
            texts(object, |row| some_text(Some(&addresses(row).join(","))))
        }
        _ => return None,
    })
}

/// The addresses of a load balancer, sorted.
fn balancer<'a>(object: &Fields<'a>) -> impl Fn(usize) -> Vec<String> + use<'a> {
    let list = object.list("status.loadBalancer.ingress");
    let (ip, host) = (list.items.text("ip"), list.items.text("hostname"));
    move |row| {
        let address = |at| ip.get(at).filter(|ip| !ip.is_empty()).or_else(|| host.get(at));
        let found: BTreeSet<&str> = list.get(row).filter_map(address).filter(|text| !text.is_empty()).collect();
        found.into_iter().map(str::to_owned).collect()
    }
}

fn external_ip(object: &Fields<'_>) -> ArrayRef {
    let (of, external) = (object.text("spec.type"), object.texts("spec.externalIPs"));
    let name = object.text("spec.externalName");
    let balancer = balancer(object);
    texts(object, |row| match of.get(row).unwrap_or("ClusterIP") {
        "LoadBalancer" => {
            let all: Vec<String> = balancer(row).into_iter().chain(external.get(row)).collect();
            Some(if all.is_empty() { "<pending>".to_owned() } else { all.join(",") })
        }
        "ExternalName" => some_text(name.get(row)),
        _ => some_text(Some(&external.get(row).join(","))),
    })
}

fn ports(object: &Fields<'_>) -> ArrayRef {
    let list = object.list("spec.ports");
    let (port, node) = (list.items.integer("port"), list.items.integer("nodePort"));
    let protocol = list.items.text("protocol");
    texts(object, |row| {
        let text = |at| {
            let (port, protocol) = (port.or_zero(at), protocol.get(at).unwrap_or("TCP"));
            match node.or_zero(at) {
                0 => format!("{port}/{protocol}"),
                node => format!("{port}:{node}/{protocol}"),
            }
        };
        let ports: Vec<String> = list.get(row).map(text).collect();
        (!ports.is_empty()).then(|| ports.join(","))
    })
}
