//! Continue tokens of lists.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::status::{ApiError, ApiResult};

/// Where a list continues.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    /// The revision of the first page; `None` continues with the current objects.
    pub(crate) revision: Option<u64>,
    /// The first key of the next page.
    pub(crate) start: String,
}

impl Token {
    /// The token as sent to clients.
    pub(crate) fn encode(&self) -> String {
        let revision = self.revision.map_or(json!(-1), |revision| json!(revision));
        URL_SAFE_NO_PAD.encode(json!({"v": "meta.k8s.io/v1", "rv": revision, "start": self.start}).to_string())
    }

    /// Decodes a token.
    pub(crate) fn decode(text: &str) -> ApiResult<Self> {
        let invalid = || ApiError::bad_request("continue key is not valid");
        let json = URL_SAFE_NO_PAD.decode(text).map_err(|_| invalid())?;
        let json: Value = serde_json::from_slice(&json).map_err(|_| invalid())?;
        let start = json["start"].as_str().filter(|_| json["v"] == "meta.k8s.io/v1").ok_or_else(invalid)?;
        let revision = match &json["rv"] {
            rv if *rv == -1 => None,
            rv => Some(rv.as_u64().ok_or_else(invalid)?),
        };
        Ok(Self { revision, start: start.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_encoded_tokens() {
        for revision in [None, Some(0), Some(u64::MAX)] {
            let token = Token { revision, start: "ns/pod-1".to_owned() };
            assert_eq!(Token::decode(&token.encode()).ok(), Some(token));
        }
        for wrong in ["", "x", "e30", &URL_SAFE_NO_PAD.encode(r#"{"v":"meta.k8s.io/v1","rv":"1","start":"a"}"#)] {
            assert!(Token::decode(wrong).is_err(), "{wrong}");
        }
    }
}
