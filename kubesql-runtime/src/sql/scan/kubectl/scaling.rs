//! Columns of horizontal pod autoscalers.

use arrow::array::{ArrayRef, Float64Array, Int64Array};

use super::arrays::{integers, texts};
use super::fields::{Fields, Values};

/// The number of metrics that are printed.
const METRICS: usize = 2;

pub(super) fn column(name: &str, object: &Fields<'_>) -> Option<ArrayRef> {
    Some(match name {
        "reference" => {
            let (kind, name) = (object.text("spec.scaleTargetRef.kind"), object.text("spec.scaleTargetRef.name"));
            texts(object, |row| {
                Some(format!("{}/{}", kind.get(row).unwrap_or_default(), name.get(row).unwrap_or_default()))
            })
        }
        "minpods" => {
            let count = object.integer("spec.minReplicas");
            integers(object, |row| count.get(row))
        }
        "maxpods" => {
            let count = object.integer("spec.maxReplicas");
            integers(object, |row| Some(count.or_zero(row)))
        }
        "replicas" => {
            let count = object.integer("status.currentReplicas");
            integers(object, |row| Some(count.or_zero(row)))
        }
        "targets" => targets(object),
        _ => return None,
    })
}

/// The values of one type of metrics, wanted or measured.
struct Metric {
    value: Values<Float64Array>,
    average: Values<Float64Array>,
    utilization: Values<Int64Array>,
}

impl Metric {
    fn new(items: &Fields<'_>, source: &str, part: &str) -> Self {
        let path = |field: &str| format!("{source}.{part}.{field}");
        Self {
            value: items.number(&path("value")),
            average: items.number(&path("averageValue")),
            utilization: items.integer(&path("averageUtilization")),
        }
    }
}

fn targets(object: &Fields<'_>) -> ArrayRef {
    let (specs, statuses) = (object.list("spec.metrics"), object.list("status.currentMetrics"));
    let sources = [
        ("External", "external"),
        ("Pods", "pods"),
        ("Object", "object"),
        ("Resource", "resource"),
        ("ContainerResource", "containerResource"),
    ];
    let sources = sources.map(|(of, source)| {
        let resource = specs.items.text(&format!("{source}.name"));
        (of, resource, Metric::new(&specs.items, source, "target"), Metric::new(&statuses.items, source, "current"))
    });
    let types = specs.items.text("type");
    texts(object, |row| {
        let all = specs.get(row);
        if all.is_empty() {
            return None;
        }
        let total = all.len();
        let text = |(position, at): (usize, usize)| {
            let Some((of, resource, target, current)) = sources.iter().find(|(of, ..)| types.get(at) == Some(of))
            else {
                return "<unknown type>".to_owned();
            };
            let measured = statuses.get(row).nth(position);
            let quantity = |values: &Values<Float64Array>| measured.and_then(|at| values.get(at));
            let unknown = || "<unknown>".to_owned();
            let shown = |value: Option<f64>| value.map_or_else(unknown, short);
            let prefix = match *of {
                "Resource" | "ContainerResource" => format!("{}: ", resource.get(at).unwrap_or_default()),
                _ => String::new(),
            };
            let percent = |value: i64| format!("{value}%");
            match (*of, target.average.get(at)) {
                ("External" | "Object", Some(wanted)) => {
                    format!("{}/{} (avg)", shown(quantity(&current.average)), short(wanted))
                }
                ("External" | "Object", None) => {
                    format!("{}/{}", shown(quantity(&current.value)), short(target.value.get(at).unwrap_or_default()))
                }
                ("Pods", wanted) => {
                    format!("{}/{}", shown(quantity(&current.average)), short(wanted.unwrap_or_default()))
                }
                (_, Some(wanted)) => format!("{prefix}{}/{}", shown(quantity(&current.average)), short(wanted)),
                (_, None) => {
                    let measured = measured.and_then(|at| current.utilization.get(at)).map_or_else(unknown, percent);
                    let wanted = target.utilization.get(at).map_or_else(|| "<auto>".to_owned(), percent);
                    format!("{prefix}{measured}/{wanted}")
                }
            }
        };
        let printed: Vec<String> = all.enumerate().map(text).take(METRICS).collect();
        let printed = printed.join(", ");
        Some(if total > METRICS { format!("{printed} + {} more...", total - METRICS) } else { printed })
    })
}

/// A quantity in its shortest decimal form, as the API server writes it: `100m`, `2k`.
fn short(value: f64) -> String {
    #[expect(clippy::cast_possible_truncation, reason = "quantities of metrics have at most three decimals")]
    let milli = (value * 1000.0).round() as i64;
    if milli % 1000 != 0 {
        return format!("{milli}m");
    }
    let mut whole = milli / 1000;
    let mut suffixes = ["", "k", "M", "G", "T", "P", "E"].into_iter();
    let mut suffix = suffixes.next().unwrap_or_default();
    while whole != 0 && whole % 1000 == 0 {
        let Some(next) = suffixes.next() else { break };
        (whole, suffix) = (whole / 1000, next);
    }
    format!("{whole}{suffix}")
}
