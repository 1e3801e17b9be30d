//! Queries and columns of the previous version of kubesql, which must keep working.

use super::{check, columns_of, session};

#[tokio::test]
async fn runs_old_queries() {
    check("select nodename, count(*) as pod_count from pods group by nodename;", &["n1|3", "NULL|1"]).await;
    check(
        r#"select pods.namespace,pods.name,sum("requests.cpu") as "requests.cpu" ,sum("limits.cpu") as "limits.cpu" from pods,containers where pods.uid = containers.uid group by pods.namespace,pods.name"#,
        // Two pods of the same name in two clusters: 0.1 + 0.5.
        &["shop|web-1|0.6|1.0", "shop|web-2|0.25|NULL"],
    )
    .await;
    check(
        r#"select nodes.name, nodes."allocatable.cpu" - podnodecpu."requests.cpu" from nodes, (select pods.nodename,sum("requests.cpu") as "requests.cpu" from pods,containers where pods.uid = containers.uid group by pods.nodename) as podnodecpu where nodes.name = podnodecpu.nodename;"#,
        &["n1|3.4", "n1|1.4"],
    )
    .await;
    check(
        "select name, namespace,creationTimestamp from pods where creationTimestamp > date('2020-05-12') order by creationTimestamp desc;",
        &["web-1|shop|2024-01-01T00:00:00Z", "web-1|shop|2020-05-13T10:00:00Z"],
    )
    .await;
    check(
        r#"select namespace,name,phase from pods where phase = 'Pending' and "labels.appid" = 'springboot';"#,
        &["shop|web-2|Pending"],
    )
    .await;
    check(r#"select count(*) from pods where phase = 'Pending' and "labels.appid" = 'springboot';"#, &["1"]).await;
    check(r#"select name from pods where "ready.status" = 'True';"#, &["web-1"]).await;
}

#[tokio::test]
async fn shows_tables_and_describes_columns() {
    let session = session();
    assert_eq!(columns_of(&session, "show tables;").await.len(), 1);
    assert_eq!(columns_of(&session, "describe pods;").await, ["column", "type", "path"]);
}

#[tokio::test]
async fn has_old_columns() {
    for (table, columns) in [
        (
            "nodes",
            "allocatable.cpu allocatable.memory capacity.pods annotations.x labels.x architecture bootid \
             containerruntimeversion creationtimestamp deletiontimestamp diskpressure.lastheartbeattime \
             memorypressure.lasttransitiontime networkunavailable.message outofdisk.reason pidpressure.status \
             ready.status kernelversion kubeletversion kubeproxyversion machineid name operatingsystem osimage port \
             systemuuid uid unschedulable",
        ),
        (
            "pods",
            "annotations.x labels.x containersready.lastprobetime initialized.lasttransitiontime podscheduled.message \
             ready.reason creationtimestamp deletiontimestamp dnspolicy hostip hostipc hostnetwork hostpid name \
             namespace nodename phase podip priority qosclass restartpolicy schedulername serviceaccount \
             serviceaccountname starttime terminationgraceperiodseconds uid",
        ),
        (
            "containers",
            "args command containerid image imageid imagepullpolicy laststate.terminated.containerid \
             laststate.terminated.exitcode laststate.terminated.finishedat laststate.terminated.message \
             laststate.terminated.reason laststate.terminated.signal laststate.terminated.startedat limits.cpu \
             limits.memory requests.cpu name privileged ready restartcount state.running.startedat \
             state.terminated.exitcode state.waiting.message state.waiting.reason status.image stdin stdinonce \
             terminationmessagepath terminationmessagepolicy tty uid workingdir",
        ),
    ] {
        let session = session();
        for column in columns.split_whitespace() {
            columns_of(&session, &format!("select \"{column}\" from {table}")).await;
        }
    }
}
