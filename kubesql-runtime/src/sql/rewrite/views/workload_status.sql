select cluster, namespace, 'Deployment' as kind, name, uid, cast(coalesce(replicas, 1) as bigint) as desired,
    cast(coalesce(readyreplicas, 0) as bigint) as ready, cast(coalesce(updatedreplicas, 0) as bigint) as updated,
    cast(coalesce(availablereplicas, 0) as bigint) as available, age
from kubesql.deployments
union all
select cluster, namespace, 'StatefulSet', name, uid, cast(coalesce(replicas, 1) as bigint),
    cast(coalesce(readyreplicas, 0) as bigint), cast(coalesce(updatedreplicas, 0) as bigint),
    cast(coalesce(availablereplicas, 0) as bigint), age
from kubesql.statefulsets
union all
select cluster, namespace, 'DaemonSet', name, uid, cast(coalesce(desirednumberscheduled, 0) as bigint),
    cast(coalesce(numberready, 0) as bigint), cast(coalesce(updatednumberscheduled, 0) as bigint),
    cast(coalesce(numberavailable, 0) as bigint), age
from kubesql.daemonsets
union all
select cluster, namespace, 'ReplicaSet', name, uid, cast(coalesce(replicas, 1) as bigint),
    cast(coalesce(readyreplicas, 0) as bigint), null, cast(coalesce(availablereplicas, 0) as bigint), age
from kubesql.replicasets r
where not exists (
    select 1 from kubesql.replicaset_ownerreferences o where o.cluster = r.cluster and o.uid = r.uid and o.controller)
union all
select cluster, namespace, 'ReplicationController', name, uid, cast(coalesce(replicas, 1) as bigint),
    cast(coalesce(readyreplicas, 0) as bigint), null, cast(coalesce(availablereplicas, 0) as bigint), age
from kubesql.replicationcontrollers
union all
select cluster, namespace, 'Job', name, uid, cast(coalesce(completions, 1) as bigint),
    cast(coalesce(jobs.ready, 0) as bigint), null, null, age
from kubesql.jobs
