//! Conversion between the stored version of objects and other served versions.

use std::borrow::Cow;

use serde_json::{Map, Value, json};

use crate::resource::Resource;

/// Core events and those of `events.k8s.io` are the same objects with different field names.
const EVENT_FIELDS: &[(&str, &str)] = &[
    ("involvedObject", "regarding"),
    ("message", "note"),
    ("firstTimestamp", "deprecatedFirstTimestamp"),
    ("lastTimestamp", "deprecatedLastTimestamp"),
    ("count", "deprecatedCount"),
    ("source", "deprecatedSource"),
    ("reportingComponent", "reportingController"),
];

/// Converts a stored object to a version.
pub(crate) fn to_version<'a>(resource: &Resource, object: &'a [u8]) -> Cow<'a, [u8]> {
    let rename: fn(&mut Map<String, Value>) = match resource.kind.group.as_str() {
        "events.k8s.io" => |object| EVENT_FIELDS.iter().for_each(|(core, new)| rename(object, core, new)),
        "autoscaling" if resource.kind.version == "v1" => autoscaling_v1,
        _ => return Cow::Borrowed(object),
    };
    match serde_json::from_slice(object) {
        Ok(Value::Object(mut object)) => {
            rename(&mut object);
            Cow::Owned(Value::Object(object).to_string().into_bytes())
        }
        _ => Cow::Borrowed(object),
    }
}

/// Converts an object of a version to the stored form.
pub(crate) fn from_version(resource: &Resource, object: &mut Map<String, Value>) {
    match resource.kind.group.as_str() {
        "events.k8s.io" => EVENT_FIELDS.iter().for_each(|(core, new)| rename(object, new, core)),
        "autoscaling" if resource.kind.version == "v1" => from_autoscaling_v1(object),
        _ => {}
    }
}

fn rename(object: &mut Map<String, Value>, from: &str, to: &str) {
    if let Some(value) = object.remove(from) {
        object.insert(to.to_owned(), value);
    }
}

/// Whether a metric of `autoscaling/v2` is CPU utilization, the only metric that `v1` has.
fn is_cpu(metric: &Value) -> bool {
    metric.pointer("/resource/name").is_some_and(|name| name == "cpu")
}

fn autoscaling_v1(object: &mut Map<String, Value>) {
    for (part, list, value, flat) in [
        ("spec", "metrics", "/resource/target/averageUtilization", "targetCPUUtilizationPercentage"),
        ("status", "currentMetrics", "/resource/current/averageUtilization", "currentCPUUtilizationPercentage"),
    ] {
        let Some(Value::Object(part)) = object.get_mut(part) else { continue };
        part.remove("behavior");
        part.remove("conditions");
        let metrics = part.remove(list);
        let cpu = metrics.as_ref().and_then(Value::as_array).and_then(|list| list.iter().find(|metric| is_cpu(metric)));
        if let Some(percent) = cpu.and_then(|metric| metric.pointer(value)) {
            part.insert(flat.to_owned(), percent.clone());
        }
    }
}

fn from_autoscaling_v1(object: &mut Map<String, Value>) {
    let Some(Value::Object(spec)) = object.get_mut("spec") else { return };
    if let Some(percent) = spec.remove("targetCPUUtilizationPercentage") {
        let target = json!({"type": "Utilization", "averageUtilization": percent});
        spec.insert("metrics".to_owned(), json!([{"type": "Resource", "resource": {"name": "cpu", "target": target}}]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn converts_autoscalers_both_ways() {
        let mut object = json!({"spec": {"maxReplicas": 3, "targetCPUUtilizationPercentage": 70}});
        let v1 = object.clone();
        let object = object.as_object_mut().expect("an object");
        from_autoscaling_v1(object);
        assert_eq!(object["spec"]["metrics"][0]["resource"]["target"]["averageUtilization"], 70);
        autoscaling_v1(object);
        assert_eq!(Value::Object(object.clone()), v1);
    }
}
