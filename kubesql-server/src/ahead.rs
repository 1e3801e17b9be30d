//! A stream that a task of its own makes, one item ahead of who reads it: the next is made while one is sent.

use std::panic::resume_unwind;

use futures::{Stream, StreamExt, stream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// The same items. The task ends with the stream, also where that is dropped before its end.
pub(crate) fn ahead<T: Send + 'static>(
    mut items: impl Stream<Item = T> + Send + Unpin + 'static,
) -> impl Stream<Item = T> + Send {
    let (sender, receiver) = mpsc::channel(1);
    let mut maker = JoinSet::new();
    maker.spawn(async move {
        while let Some(item) = items.next().await {
            // Nobody wants more where it cannot be sent.
            if sender.send(item).await.is_err() {
                break;
            }
        }
    });
    stream::unfold((receiver, maker), |(mut receiver, mut maker)| async move {
        if let Some(item) = receiver.recv().await {
            return Some((item, (receiver, maker)));
        }
        // An end that is none must not be taken for one.
        if let Some(Err(error)) = maker.join_next().await
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
    async fn items_come_in_order_and_are_made_no_further_than_one_ahead() {
        let made = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let counted = Arc::clone(&made);
        let items = stream::iter(0..10).inspect(move |_| {
            counted.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        });
        let mut items = Box::pin(ahead(items));
        assert_eq!(items.next().await, Some(0));
        tokio::time::sleep(Duration::from_millis(50)).await;
        // One waits to be read, and one to be sent.
        assert!(made.load(std::sync::atomic::Ordering::Relaxed) <= 3);
        assert_eq!(items.collect::<Vec<_>>().await, (1..10).collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn what_is_not_wanted_is_not_made() {
        let held = Arc::new(());
        let kept = Arc::clone(&held);
        let endless = stream::repeat(()).map(move |()| Arc::clone(&kept));
        let mut items = Box::pin(ahead(endless));
        items.next().await;
        drop(items);
        for _ in 0..100 {
            if Arc::strong_count(&held) == 1 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("it goes on");
    }

    #[tokio::test]
    #[should_panic(expected = "in the middle")]
    async fn a_panic_is_no_end() {
        let items = stream::iter(0..3).map(|number| assert!(number < 2, "in the middle"));
        let made = ahead(items).collect::<Vec<_>>().await;
        assert_eq!(made.len(), 0, "an end");
    }
}
