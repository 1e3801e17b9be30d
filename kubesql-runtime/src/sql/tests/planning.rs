//! The time of planning does not depend on the amount of data.

use std::time::{Duration, Instant};

use serde_json::json;

use super::world::World;
use super::{answer, session_of};

/// Data with 10,000 label keys.
fn many_keys() -> World {
    let pods = (0..100).map(|pod| {
        let labels: serde_json::Map<_, _> =
            (0..100).map(|key| (format!("key-{pod}-{key}"), json!(format!("v{key}")))).collect();
        json!({"kind": "Pod", "metadata": {"name": format!("p{pod}"), "uid": format!("u{pod}"), "labels": labels}})
    });
    pods.fold(World::new().segments_of(100), |world, pod| world.with("east", pod))
}

#[tokio::test]
async fn plans_key_references_quickly() {
    let session = session_of(&many_keys());
    let sql = "select name from pods where \"labels.key-7-3\" = 'v3'";
    assert_eq!(answer(&session, sql).await.expect("an answer").1, ["p7"]);
    let best = |times: Vec<Duration>| times.into_iter().min().unwrap_or_default();
    let mut times = Vec::new();
    for _ in 0..5 {
        let start = Instant::now();
        // The rows are not read.
        let answer = session.execute(sql).await.expect("an answer");
        times.push(start.elapsed());
        drop(answer);
    }
    let planned = best(times);
    // The limit is 5 ms for optimised builds. Debug builds are about ten times slower.
    let limit = Duration::from_millis(if cfg!(debug_assertions) { 100 } else { 5 });
    assert!(planned < limit, "planned in {planned:?}");
}
