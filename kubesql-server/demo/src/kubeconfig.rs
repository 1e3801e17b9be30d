//! The kubeconfig of a demo cluster.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::protocol::PATH_OF_TOKEN;

/// A kubeconfig with one context, `demo`, as YAML.
pub(crate) fn kubeconfig(url: &str, token: &str) -> String {
    let encoded = utf8_percent_encode(token, NON_ALPHANUMERIC);
    // JSON strings are valid YAML, whatever a token contains.
    let (url, token) = (serde_json::json!(format!("{url}/{PATH_OF_TOKEN}/{encoded}")), serde_json::json!(token));
    format!(
        "\
apiVersion: v1
kind: Config
current-context: demo
clusters:
- name: demo
  cluster:
    server: {url}
users:
- name: demo
  user:
    token: {token}
contexts:
- name: demo
  context:
    cluster: demo
    user: demo
    namespace: default
"
    )
}
