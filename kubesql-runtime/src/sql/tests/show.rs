//! SHOW, DESCRIBE, information_schema and settings.

use super::{answer, check, columns_of, session};

async fn rows(sql: &str) -> Vec<String> {
    answer(&session(), sql).await.unwrap_or_else(|error| panic!("{sql}: {error}")).1
}

#[tokio::test]
async fn lists_tables() {
    let tables = rows("show tables").await;
    for table in ["pods", "nodes", "containers", "deployments", "service_ports", "events"] {
        assert!(tables.iter().any(|found| found == table), "{table}");
    }
    assert!(!tables.iter().any(|found| found == "container_env"), "only kinds and their direct lists");
    assert!(rows("show tables from core").await.iter().any(|found| found == "container_env"));
    assert!(rows("show tables in apps").await.iter().any(|found| found == "deployments"));
    assert!(rows("show tables from \"networking.k8s.io\"").await.iter().any(|found| found == "ingresses"));
    assert!(rows("show tables from kubesql.apps").await.iter().any(|found| found == "deployments"));
    check("show tables like 'pod%s'", &rows_as_str(&tables, |name| name.starts_with("pod") && name.ends_with('s')))
        .await;
}

fn rows_as_str(rows: &[String], keep: impl Fn(&str) -> bool) -> Vec<&str> {
    rows.iter().map(String::as_str).filter(|name| keep(name)).collect()
}

#[tokio::test]
async fn lists_schemas_and_catalogs() {
    let schemas = rows("show schemas").await;
    for schema in ["kubesql", "core", "apps", "networking.k8s.io", "information_schema", "system"] {
        assert!(schemas.iter().any(|found| found == schema), "{schema}");
    }
    check("show catalogs", &["kubesql"]).await;
}

#[tokio::test]
async fn resolves_qualified_table_names() {
    for table in
        ["pods", "core.pods", "kubesql.pods", "kubesql.kubesql.pods", "kubesql.core.pods", "PODS", "\"core\".pods"]
    {
        check(&format!("select count(*) from {table}"), &["4"]).await;
    }
    check("select count(*) from \"networking.k8s.io\".ingresses", &["1"]).await;
    check("select core.pods.name from core.pods where core.pods.labels.appid is not null", &["web-2"]).await;
}

#[tokio::test]
async fn describes_columns_and_keys() {
    for sql in
        ["describe pods", "desc pods", "show columns from pods", "describe core.pods", "describe kubesql.core.pods"]
    {
        let rows = rows(sql).await;
        for row in [
            "cluster|text|",
            "nodename|text|spec.nodeName",
            "creationtimestamp|timestamp with time zone|metadata.creationTimestamp",
            "labels|map|metadata.labels",
            "labels.app|text|metadata.labels[app]",
            "object|json|",
        ] {
            assert!(rows.iter().any(|found| found == row), "{sql}: {row} in {rows:?}");
        }
        assert!(rows.iter().any(|row| row.starts_with("ready.status|text|")), "{rows:?}");
    }
    let containers = rows("describe containers").await;
    for row in [
        "requests.cpu|double precision|",
        "requests.memory|bigint|",
        "args|json|",
        "lifecycle.prestop.exec.command|text[]|",
        "ready|boolean|",
    ] {
        assert!(containers.iter().any(|found| found.starts_with(row)), "{row} in {containers:?}");
    }
}

#[tokio::test]
async fn information_schema_lists_tables_and_columns() {
    check(
        "select table_catalog, table_schema, table_name, table_type from information_schema.tables \
         where table_schema = 'core' and table_name = 'pods'",
        &["kubesql|core|pods|BASE TABLE"],
    )
    .await;
    check(
        "select column_name, data_type, ordinal_position = 1 from information_schema.columns \
         where table_schema = 'kubesql' and table_name = 'pods' and column_name in ('cluster', 'creationtimestamp')",
        &["cluster|text|true", "creationtimestamp|timestamp with time zone|false"],
    )
    .await;
    check(
        "select data_type from information_schema.columns where table_name = 'pods' and table_schema = 'kubesql' \
         and column_name = 'labels.app'",
        &["text"],
    )
    .await;
    check("select schema_name from information_schema.schemata where schema_name = 'apps'", &["apps"]).await;
    assert!(rows("select distinct table_name from information_schema.columns").await.len() > 900);
    columns_of(&session(), "select * from information_schema.tables").await;
}

#[tokio::test]
async fn system_schema_describes_server() {
    check("select name from system.clusters", &["east", "west"]).await;
    check(
        "select name, kind, listed from system.tables where name = 'container_env' and \"schema\" = 'core'",
        &["container_env|Pod|false"],
    )
    .await;
    assert!(!rows("describe system.clusters").await.is_empty());
    assert!(rows("show tables from system").await.contains(&"clusters".to_owned()));
}

#[tokio::test]
async fn reads_and_sets_settings() {
    let session = session();
    assert_eq!(answer(&session, "show search_path").await.expect("a setting").1, ["kubesql"]);
    answer(&session, "set search_path = apps").await.expect("a known schema");
    assert_eq!(answer(&session, "show search_path").await.expect("a setting").1, ["apps"]);
    assert_eq!(answer(&session, "select count(*) from deployments").await.expect("a table").1, ["0"]);
    assert!(answer(&session, "show tables").await.expect("tables").1.contains(&"deployment_containers".to_owned()));
    // Tables of other schemas are still found.
    assert_eq!(answer(&session, "select count(*) from pods").await.expect("a table").1, ["4"]);
    answer(&session, "reset search_path").await.expect("a setting");
    assert_eq!(answer(&session, "show search_path").await.expect("a setting").1, ["kubesql"]);
    answer(&session, "use core").await.expect("a known schema");
    assert_eq!(answer(&session, "show search_path").await.expect("a setting").1, ["core"]);
    assert!(answer(&session, "set search_path = nowhere").await.is_err());
    assert!(answer(&session, "set nothing = 1").await.is_err());
    assert!(answer(&session, "show nothing").await.is_err());
}

#[tokio::test]
async fn does_not_list_keys_of_dead_rows() {
    use serde_json::json;
    let pod = |name: &str, key: &str| {
        json!({"kind": "Pod", "metadata": {"name": name, "uid": name, "labels": {key: "x"}},
            "spec": {"containers": [{"name": "c", "resources": {"requests": {key: "1"}}}]},
            "status": {"conditions": [{"type": key, "status": "True"}]}})
    };
    let world = super::world::World::new().with("east", pod("a", "alive")).with_dead("east", pod("d", "gone"));
    let session = super::session_of(&world);
    for (table, columns) in [("pods", &["labels.alive", "alive.status"][..]), ("containers", &["requests.alive"])] {
        let described = super::answer(&session, &format!("describe {table}")).await.expect("an answer").1;
        for column in columns {
            assert!(described.iter().any(|row| row.starts_with(&format!("{column}|"))), "{described:?}");
        }
        assert!(!described.iter().any(|row| row.contains("gone")), "{described:?}");
        let star = super::columns_of(&session, &format!("select * from {table}")).await;
        assert!(!star.iter().any(|name| name.contains("gone")), "{star:?}");
    }
}
