//! Builds JSON text with fields in the order of API servers.

/// JSON text.
#[derive(Clone)]
pub(crate) struct Json(pub(crate) String);

impl From<&str> for Json {
    fn from(text: &str) -> Self {
        Self(serde_json::Value::from(text).to_string())
    }
}

impl From<String> for Json {
    fn from(text: String) -> Self {
        Self::from(text.as_str())
    }
}

impl From<&String> for Json {
    fn from(text: &String) -> Self {
        Self::from(text.as_str())
    }
}

impl From<i64> for Json {
    fn from(number: i64) -> Self {
        Self(number.to_string())
    }
}

impl From<bool> for Json {
    fn from(value: bool) -> Self {
        Self(value.to_string())
    }
}

impl From<Vec<Json>> for Json {
    fn from(elements: Vec<Json>) -> Self {
        let elements: Vec<String> = elements.into_iter().map(|element| element.0).collect();
        Self(format!("[{}]", elements.join(",")))
    }
}

impl FromIterator<(String, Json)> for Json {
    fn from_iter<T: IntoIterator<Item = (String, Json)>>(fields: T) -> Self {
        let fields: Vec<String> =
            fields.into_iter().map(|(key, value)| format!("{}:{}", Self::from(key).0, value.0)).collect();
        Self(format!("{{{}}}", fields.join(",")))
    }
}

/// An object with these fields, in this order.
macro_rules! object {
    ($($key:expr => $value:expr),* $(,)?) => {
        [$((String::from($key), $crate::json::Json::from($value)),)*].into_iter().collect::<$crate::json::Json>()
    };
}

pub(crate) use object;
