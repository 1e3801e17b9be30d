//! Accepted and rejected credentials.

use super::*;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

fn peer() -> Peer {
    let address = "127.0.0.1:1".parse().expect("an address");
    Peer { address, is_tls: true, certificate_name: None, channel_binding: None }
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
async fn accepts_only_valid_credentials() {
    let folder = tempfile::tempdir().expect("a folder");
    let auth = auth(folder.path());
    let token = std::fs::read_to_string(folder.path().join("token")).expect("a token");
    let basic = |user: &str, password: &str| format!("Basic {}", STANDARD.encode(format!("{user}:{password}")));
    for (header, expect) in [
        (basic("ada", "secret"), Some("ada")),
        (basic("ada", "secret"), Some("ada")), // from the cache
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
        let principal = auth.authenticate_request("http", &peer(), Some(&header), Some("root")).await;
        assert_eq!(
            principal.as_ref().ok().and_then(|principal| principal.user.as_deref()),
            expect,
            "{header}: {principal:?}"
        );
    }
    let missing = auth.authenticate_request("http", &peer(), None, Some("root")).await.expect_err("no credentials");
    assert!(missing.no_credentials);
    let with_certificate = Peer { certificate_name: Some("bob".to_owned()), ..peer() };
    assert_eq!(
        auth.authenticate_request("http", &with_certificate, None, None).await.expect("bob").user.as_deref(),
        Some("bob")
    );
    // A certificate does not make up for an invalid token.
    assert!(auth.authenticate_request("http", &with_certificate, Some("Bearer x"), None).await.is_err());
}

#[tokio::test]
async fn unknown_users_get_the_error_of_a_wrong_password() {
    let folder = tempfile::tempdir().expect("a folder");
    let auth = auth(folder.path());
    let [ada, eve] = ["ada", "eve"].map(|user| async {
        auth.authenticate_password("http", &peer(), user, "wrong").await.expect_err("refused").message
    });
    assert_eq!(ada.await.replace("ada", "eve"), eve.await);
    let first = |user: &str| {
        let answer = auth.scram_exchange(user, None).first(scram::PLAIN, b"n,,n=,r=abc").expect("an answer");
        let (_, rest) = answer.split_once(",s=").expect("a salt");
        rest.to_owned()
    };
    assert_eq!(first("ada").len(), first("eve").len());
    assert_eq!(first("eve"), first("eve"), "a changing salt would reveal an unknown user");
    assert_ne!(first("eve"), first("mallory"));
}

#[tokio::test]
async fn anonymous_access_uses_the_claimed_name() {
    let auth = Auth::new(None, None, false, None).expect("everybody");
    assert!(auth.allows_anonymous());
    let principal = auth.authenticate_request("http", &peer(), None, Some("somebody")).await.expect("let in");
    assert_eq!(principal.user.as_deref(), Some("somebody"));
}
