//! Prefetching: a stream that is produced by its own task, one item ahead of its reader.

use std::panic::resume_unwind;

use futures::{Stream, StreamExt, stream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// Returns the same items. Dropping the stream cancels the task.
pub(crate) fn prefetch<T: Send + 'static>(
    mut items: impl Stream<Item = T> + Send + Unpin + 'static,
) -> impl Stream<Item = T> + Send {
    let (sender, receiver) = mpsc::channel(1);
    let mut producer = JoinSet::new();
    producer.spawn(async move {
        while let Some(item) = items.next().await {
            // The receiver is gone if this fails.
            if sender.send(item).await.is_err() {
                break;
            }
        }
    });
    stream::unfold((receiver, producer), |(mut receiver, mut producer)| async move {
        if let Some(item) = receiver.recv().await {
            return Some((item, (receiver, producer)));
        }
        // A panic of the task must not look like the end of the stream.
        if let Some(Err(error)) = producer.join_next().await
            && let Ok(panic) = error.try_into_panic()
        {
            resume_unwind(panic);
        }
        None
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn keeps_order_and_prefetches_one_item() {
        let made = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let counted = Arc::clone(&made);
        let items = stream::iter(0..10).inspect(move |_| {
            counted.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        });
        let mut items = Box::pin(prefetch(items));
        assert_eq!(items.next().await, Some(0));
        tokio::time::sleep(Duration::from_millis(50)).await;
        // One item is in the channel, and one waits to be sent.
        assert!(made.load(std::sync::atomic::Ordering::Relaxed) <= 3);
        assert_eq!(items.collect::<Vec<_>>().await, (1..10).collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn stops_when_dropped() {
        let held = Arc::new(());
        let kept = Arc::clone(&held);
        let endless = stream::repeat(()).map(move |()| Arc::clone(&kept));
        let mut items = Box::pin(prefetch(endless));
        items.next().await;
        drop(items);
        for _ in 0..100 {
            if Arc::strong_count(&held) == 1 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("the task still runs");
    }

    #[tokio::test]
    #[should_panic(expected = "in the middle")]
    async fn passes_panics_on() {
        let items = stream::iter(0..3).map(|number| assert!(number < 2, "in the middle"));
        let made = prefetch(items).collect::<Vec<_>>().await;
        assert_eq!(made.len(), 0, "an end");
    }
}
