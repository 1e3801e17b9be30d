//! Who is let in, and what others are told.

use super::*;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

fn peer() -> Peer {
    let address = "127.0.0.1:1".parse().expect("an address");
    Peer { address, secure: true, certificate: None, binding: None }
}

fn auth(folder: &Path) -> Auth {
    let (users, tokens) = (folder.join("users"), folder.join("tokens"));
    std::fs::write(&users, format!("ada:{}\n", Verifier::new("secret"))).expect("a file");
    let (token, line) = tokens::create("ci", None);
    std::fs::write(&tokens, line).expect("a file");
    std::fs::write(folder.join("token"), token).expect("a file");
    Auth::new(Some(&users), Some(&tokens), true, None).expect("users")
}

#[tokio::test]
async fn only_who_shows_something_right_is_let_in() {
    let folder = tempfile::tempdir().expect("a folder");
    let auth = auth(folder.path());
    let token = std::fs::read_to_string(folder.path().join("token")).expect("a token");
    let basic = |user: &str, password: &str| format!("Basic {}", STANDARD.encode(format!("{user}:{password}")));
    for (header, expect) in [
        (basic("ada", "secret"), Some("ada")),
        (basic("ada", "secret"), Some("ada")), // as remembered
        (basic("token", &token), Some("ci")),
        (format!("Bearer {token}"), Some("ci")),
        (format!("bearer  {token}"), Some("ci")),
        (basic("ada", "Secret"), None),
        (basic("ada", ""), None),
        (basic("eve", "secret"), None),
        (basic("ci", &token), None),
        (format!("Bearer {token}x"), None),
        ("Bearer".to_owned(), None),
        ("Basic !!!".to_owned(), None),
        ("Digest x".to_owned(), None),
    ] {
        let who = auth.request("http", &peer(), Some(&header), Some("root")).await;
        assert_eq!(who.as_ref().ok().and_then(|who| who.user.as_deref()), expect, "{header}: {who:?}");
    }
    let nobody = auth.request("http", &peer(), None, Some("root")).await.expect_err("nothing shown");
    assert!(nobody.nothing_shown);
    let known = Peer { certificate: Some("bob".to_owned()), ..peer() };
    assert_eq!(auth.request("http", &known, None, None).await.expect("bob").user.as_deref(), Some("bob"));
    // A token is not good because a certificate is.
    assert!(auth.request("http", &known, Some("Bearer x"), None).await.is_err());
}

#[tokio::test]
async fn who_does_not_exist_is_told_what_a_wrong_password_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let auth = auth(folder.path());
    let [ada, eve] = ["ada", "eve"]
        .map(|user| async { auth.password("http", &peer(), user, "wrong").await.expect_err("refused").message });
    assert_eq!(ada.await.replace("ada", "eve"), eve.await);
    let first = |user: &str| {
        let answer = auth.exchange(user, None).first(scram::PLAIN, b"n,,n=,r=abc").expect("an answer");
        let (_, rest) = answer.split_once(",s=").expect("a salt");
        rest.to_owned()
    };
    assert_eq!(first("ada").len(), first("eve").len());
    assert_eq!(first("eve"), first("eve"), "a salt that changes is that of nobody");
    assert_ne!(first("eve"), first("mallory"));
}

#[tokio::test]
async fn where_nobody_is_asked_names_are_believed() {
    let auth = Auth::new(None, None, false, None).expect("everybody");
    assert!(auth.is_open());
    let who = auth.request("http", &peer(), None, Some("somebody")).await.expect("let in");
    assert_eq!(who.user.as_deref(), Some("somebody"));
}
