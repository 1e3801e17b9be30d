//! Label and field selectors: parsing and matching.
//!
//! kubesql's own selector functions are not used, since the crate that has them depends on DataFusion.

use super::json_path;
use super::resource::Resource;

/// The selectors of a list or watch.
#[derive(Clone, Debug, Default)]
pub(crate) struct Selection {
    /// Label requirements.
    pub(crate) labels: Vec<Requirement>,
    /// Field requirements.
    pub(crate) fields: Vec<Field>,
}

/// A label requirement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Requirement {
    key: String,
    test: Test,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Test {
    In(Vec<String>),
    /// Matches objects without the label as well.
    NotIn(Vec<String>),
    Exists,
    Missing,
    Less(i64),
    More(i64),
}

/// A field requirement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Field {
    at: Place,
    value: String,
    equal: bool,
}

/// Where to find the value of a field.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    Name,
    Namespace,
    /// The first path with a value, or a default.
    Object {
        paths: Vec<Vec<String>>,
        absent: &'static str,
    },
}

impl Selection {
    /// Parses the selectors for a resource; errors have the API server's wording.
    pub(crate) fn parse(resource: &Resource, labels: &str, fields: &str) -> Result<Self, String> {
        Ok(Self { labels: labels_of(labels)?, fields: fields_of(resource, fields)? })
    }

    /// Whether all objects match.
    pub(crate) fn is_everything(&self) -> bool {
        self.labels.is_empty() && self.fields.is_empty()
    }

    /// Whether an object matches.
    pub(crate) fn matches(&self, key: &str, object: &[u8]) -> bool {
        let (namespace, name) = key.split_once('/').unwrap_or(("", key));
        // Conditions on the key first: they do not parse the object.
        let field = |field: &Field| {
            let is_equal = match &field.at {
                Place::Name => name == field.value,
                Place::Namespace => namespace == field.value,
                Place::Object { paths, absent } => value(object, paths, absent) == field.value,
            };
            is_equal == field.equal
        };
        let by_key = |field: &&Field| !matches!(field.at, Place::Object { .. });
        if !self.fields.iter().filter(by_key).all(field) || !self.fields.iter().filter(|it| !by_key(it)).all(field) {
            return false;
        }
        if self.labels.is_empty() {
            return true;
        }
        let labels = json_path::map_at(object, &["metadata", "labels"]);
        self.labels.iter().all(|requirement| requirement.holds(&labels))
    }
}

fn value(object: &[u8], paths: &[Vec<String>], absent: &str) -> String {
    let find = |path: &Vec<String>| json_path::text_at(object, &path.iter().map(String::as_str).collect::<Vec<_>>());
    paths.iter().map(find).find(|text| !text.is_empty()).unwrap_or_else(|| absent.to_owned())
}

impl Requirement {
    fn holds(&self, labels: &[(String, String)]) -> bool {
        let value = labels.iter().find(|(key, _)| *key == self.key).map(|(_, value)| value);
        let number = || value.and_then(|value| value.parse::<i64>().ok());
        match &self.test {
            Test::In(values) => value.is_some_and(|value| values.contains(value)),
            Test::NotIn(values) => value.is_none_or(|value| !values.contains(value)),
            Test::Exists => value.is_some(),
            Test::Missing => value.is_none(),
            Test::Less(than) => number().is_some_and(|number| number < *than),
            Test::More(than) => number().is_some_and(|number| number > *than),
        }
    }
}

/// Parses `a=b,c!=d,e in (f,g),h notin (i),j,!k`.
fn labels_of(text: &str) -> Result<Vec<Requirement>, String> {
    let wrong = |what: &str| format!("unable to parse requirement: {what} in {text:?}");
    let mut words = words(text).into_iter().peekable();
    let mut found = Vec::new();
    if words.peek().is_none() {
        return Ok(found);
    }
    loop {
        let mut next = || words.next().unwrap_or_default();
        let first = next();
        let (key, negated) = if first == "!" { (next(), true) } else { (first, false) };
        if !is_key(&key) {
            return Err(wrong(&format!("found {key:?}, expected: identifier")));
        }
        let test = match words.peek().map(String::as_str) {
            _ if negated => Test::Missing,
            None | Some(",") => Test::Exists,
            _ => test(&mut words).map_err(|what| wrong(&what))?,
        };
        found.push(Requirement { key, test });
        match words.next().as_deref() {
            None => return Ok(found),
            Some(",") => {}
            Some(other) => return Err(wrong(&format!("found {other:?}, expected: ',' or end of string"))),
        }
    }
}

/// Parses an operator and its values.
fn test(words: &mut std::iter::Peekable<impl Iterator<Item = String>>) -> Result<Test, String> {
    let operator = words.next().unwrap_or_default();
    if matches!(operator.as_str(), "in" | "notin") {
        let values = list(words)?;
        return Ok(if operator == "in" { Test::In(values) } else { Test::NotIn(values) });
    }
    // `a=` requires the empty value.
    let value = words.next_if(|word| word != ",").unwrap_or_default();
    let number = || value.parse().map_err(|_| format!("{value:?} is not an integer"));
    if matches!(operator.as_str(), "=" | "==" | "!=") && !is_value(&value) {
        return Err(format!("{value:?} is not a valid label value"));
    }
    match operator.as_str() {
        "=" | "==" => Ok(Test::In(vec![value])),
        "!=" => Ok(Test::NotIn(vec![value])),
        "<" => Ok(Test::Less(number()?)),
        ">" => Ok(Test::More(number()?)),
        _ => Err(format!("found {operator:?}, expected: in, notin, =, ==, !=, gt, lt")),
    }
}

/// Parses `(a,b)`.
fn list(words: &mut std::iter::Peekable<impl Iterator<Item = String>>) -> Result<Vec<String>, String> {
    if words.next().as_deref() != Some("(") {
        return Err("expected: '('".to_owned());
    }
    let mut values = Vec::new();
    loop {
        let value = words.next_if(|word| word != "," && word != ")").unwrap_or_default();
        if !is_value(&value) {
            return Err(format!("{value:?} is not a valid label value"));
        }
        values.push(value);
        match words.next().as_deref() {
            Some(",") => {}
            Some(")") => return Ok(values),
            _ => return Err("expected: ',' or ')'".to_owned()),
        }
    }
}

/// Splits into names, values and operators.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let sign = ["==", "!=", "=", "!", ",", "(", ")", "<", ">"].into_iter().find(|sign| rest.starts_with(sign));
        let word = rest.find(|c: char| c.is_whitespace() || "=!,()<>".contains(c)).unwrap_or(rest.len());
        let length = sign.map_or(word.max(first.len_utf8()), str::len);
        words.push(rest[..length].to_owned());
        rest = rest[length..].trim_start();
    }
    words
}

/// `app` or `example.com/app`.
fn is_key(key: &str) -> bool {
    let (prefix, name) = key.split_once('/').map_or((None, key), |(prefix, name)| (Some(prefix), name));
    !name.is_empty() && is_value(name) && prefix.is_none_or(|prefix| !prefix.is_empty() && is_value(prefix))
}

fn is_value(value: &str) -> bool {
    let ends = |c: Option<char>| c.is_none_or(|c| c.is_ascii_alphanumeric());
    let inside = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    value.chars().all(inside) && ends(value.chars().next()) && ends(value.chars().next_back())
}

/// Parses `a=b,c!=d`; a backslash escapes the next character.
fn fields_of(resource: &Resource, text: &str) -> Result<Vec<Field>, String> {
    let mut terms = vec![String::new()];
    let mut signs = text.chars();
    while let Some(sign) = signs.next() {
        let last = terms.last_mut().expect("there is one from the start");
        match sign {
            '\\' => last.extend(['\\'].into_iter().chain(signs.next())),
            ',' => terms.push(String::new()),
            sign => last.push(sign),
        }
    }
    terms.iter().filter(|term| !term.is_empty()).map(|term| field(resource, term)).collect()
}

fn field(resource: &Resource, term: &str) -> Result<Field, String> {
    let at = term.find(['=', '!']).filter(|at| term[*at..].starts_with('=') || term[*at..].starts_with("!="));
    let at = at.ok_or_else(|| format!("invalid selector: '{term}'; can't understand '{term}'"))?;
    let (name, rest) = term.split_at(at);
    let equal = !rest.starts_with('!');
    let value = rest.trim_start_matches('!').strip_prefix('=').unwrap_or_default();
    let value = if equal { value.strip_prefix('=').unwrap_or(value) } else { value };
    let mut plain = String::new();
    let mut signs = value.chars();
    while let Some(sign) = signs.next() {
        match sign {
            '\\' => plain.push(
                signs
                    .next()
                    .filter(|c| "\\,=".contains(*c))
                    .ok_or("invalid field selector: invalid escape sequence")?,
            ),
            '=' => return Err(format!("invalid field selector: unescaped '=' in {term:?}")),
            sign => plain.push(sign),
        }
    }
    Ok(Field { at: place(resource, name)?, value: plain, equal })
}

/// The place of a field's value. Only some fields are selectable.
fn place(resource: &Resource, name: &str) -> Result<Place, String> {
    match name {
        "metadata.name" => return Ok(Place::Name),
        "metadata.namespace" => return Ok(Place::Namespace),
        _ => {}
    }
    let found = |paths: &str, absent| Place::Object {
        paths: paths.split('|').map(|path| path.split('.').map(str::to_owned).collect()).collect(),
        absent,
    };
    if let Some(custom) = &resource.custom {
        return match custom.selectable.iter().any(|path| path == name) {
            true => Ok(found(name, "")),
            false => Err(format!("field label not supported: {name}")),
        };
    }
    let (group, plural) = (resource.kind.group.as_str(), resource.kind.plural.as_str());
    // Events are stored in the form of the core group.
    let events = group == "events.k8s.io";
    let stored = match name.strip_prefix("regarding.") {
        Some(rest) if events => format!("involvedObject.{rest}"),
        _ => name.to_owned(),
    };
    let known = FIELDS.iter().find(|(kind, field, ..)| {
        *field == stored && (*kind == plural || kind.split_once('.') == Some((plural, group)))
    });
    let (.., paths, absent) = known.ok_or_else(|| format!("field label not supported: {name}"))?;
    Ok(found(if paths.is_empty() { stored.as_str() } else { paths }, absent))
}

/// Resource, field, path if it differs from the field, and default value.
const FIELDS: &[(&str, &str, &str, &str)] = &[
    ("pods", "spec.nodeName", "", ""),
    ("pods", "spec.restartPolicy", "", "Always"),
    ("pods", "spec.schedulerName", "", "default-scheduler"),
    ("pods", "spec.serviceAccountName", "", ""),
    ("pods", "spec.hostNetwork", "", "false"),
    ("pods", "status.phase", "", ""),
    ("pods", "status.podIP", "", ""),
    ("pods", "status.nominatedNodeName", "", ""),
    ("events", "involvedObject.kind", "", ""),
    ("events", "involvedObject.namespace", "", ""),
    ("events", "involvedObject.name", "", ""),
    ("events", "involvedObject.uid", "", ""),
    ("events", "involvedObject.apiVersion", "", ""),
    ("events", "involvedObject.resourceVersion", "", ""),
    ("events", "involvedObject.fieldPath", "", ""),
    ("events", "reason", "", ""),
    ("events", "reportingComponent", "", ""),
    ("events", "reportingController", "reportingComponent", ""),
    ("events", "source", "source.component|reportingComponent", ""),
    ("events", "type", "", ""),
    ("secrets", "type", "", "Opaque"),
    ("nodes", "spec.unschedulable", "", "false"),
    ("namespaces", "status.phase", "", "Active"),
    ("jobs", "status.successful", "status.succeeded", "0"),
    ("replicasets", "status.replicas", "", "0"),
    ("replicationcontrollers", "status.replicas", "", "0"),
    ("services", "spec.clusterIP", "", ""),
    ("services", "spec.type", "", "ClusterIP"),
    ("certificatesigningrequests", "spec.signerName", "", ""),
    ("clustertrustbundles", "spec.signerName", "", ""),
    ("podcertificaterequests", "spec.signerName", "", ""),
    ("podcertificaterequests", "spec.podName", "", ""),
    ("podcertificaterequests", "spec.nodeName", "", ""),
    ("resourceslices", "spec.nodeName", "", ""),
    ("resourceslices", "spec.driver", "", ""),
];
