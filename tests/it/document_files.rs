//! The documents of the checkout: which there are, and how tests compare or rewrite them.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::support::root;

/// With this variable set, the tests of the documents write what is printed into them instead of comparing.
const UPDATE: &str = "KUBESQL_UPDATE_README";

/// The documents in a folder of the checkout, as paths from there; folders in it are not looked at.
pub(crate) fn documents(folder: &str) -> Vec<String> {
    let entries =
        std::fs::read_dir(root().join(folder)).expect("a folder").map(|entry| entry.expect("an entry").path());
    let mut found: Vec<String> = entries
        .filter(|path| path.extension().is_some_and(|ending| ending == "md"))
        .map(|path| path.strip_prefix(root()).expect("below the checkout").to_string_lossy().into_owned())
        .collect();
    found.sort();
    found
}

/// Held by a test that may rewrite a document: some tests share a document.
pub(crate) fn updating() -> Option<MutexGuard<'static, ()>> {
    static UPDATES: Mutex<()> = Mutex::new(());
    std::env::var_os(UPDATE).map(|_| UPDATES.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Fails if a document is not as it should be, or rewrites it.
pub(crate) fn compare(document: &str, is: &str, shown: &str) {
    if std::env::var_os(UPDATE).is_some() {
        std::fs::write(root().join(document), is).expect("the document");
        return;
    }
    for (number, (is, shown)) in is.lines().zip(shown.lines()).enumerate() {
        assert_eq!(is, shown, "{document}:{}: run this test with {UPDATE}=1 to write what is printed", number + 1);
    }
    assert_eq!(is.lines().count(), shown.lines().count(), "{document}: run this test with {UPDATE}=1");
}
