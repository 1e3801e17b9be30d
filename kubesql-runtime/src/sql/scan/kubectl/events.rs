//! Columns of events of both groups, whose fields have different names.

use arrow::array::ArrayRef;

use super::arrays::{integers, intervals, some_text, texts};
use super::fields::Fields;

pub(super) fn column(name: &str, event: &Fields<'_>, now: i64) -> Option<ArrayRef> {
    let is_core = event.has("involvedObject");
    let path = |core: &'static str, other: &'static str| if is_core { core } else { other };
    let about = |field: &str| event.text(&format!("{}.{field}", path("involvedObject", "regarding")));
    Some(match name {
        "last_seen" | "first_seen" => {
            let first = event.time(path("firstTimestamp", "deprecatedFirstTimestamp"));
            let last = event.time(path("lastTimestamp", "deprecatedLastTimestamp"));
            let (at, observed) = (event.time("eventTime"), event.time("series.lastObservedTime"));
            let is_last = name == "last_seen";
            intervals(event, |row| {
                let first = first.get(row).or_else(|| at.get(row));
                let time = if is_last { observed.get(row).or_else(|| last.get(row)).or(first) } else { first };
                now.checked_sub(time?)
            })
        }
        "target" => {
            let (kind, name) = (about("kind"), about("name"));
            texts(event, |row| {
                let kind = kind.get(row).unwrap_or_default().to_lowercase();
                Some(some_text(name.get(row)).map_or(kind.clone(), |name| format!("{kind}/{name}")))
            })
        }
        "subobject" => {
            let field = about("fieldPath");
            texts(event, |row| some_text(field.get(row)))
        }
        "source" => {
            let component = event.text(path("source.component", "deprecatedSource.component"));
            let host = event.text(path("source.host", "deprecatedSource.host"));
            let controller = event.text(path("reportingComponent", "reportingController"));
            let instance = event.text("reportingInstance");
            texts(event, |row| {
                let controller = some_text(component.get(row)).or_else(|| some_text(controller.get(row)));
                let instance = some_text(host.get(row)).or_else(|| some_text(instance.get(row)));
                match instance {
                    Some(instance) => Some(format!("{}, {instance}", controller.unwrap_or_default())),
                    None => controller,
                }
            })
        }
        "count" => {
            let count = event.integer(path("count", "deprecatedCount"));
            let series = event.integer("series.count");
            integers(event, |row| series.get(row).or_else(|| count.get(row).filter(|count| *count != 0)).or(Some(1)))
        }
        _ => return None,
    })
}
