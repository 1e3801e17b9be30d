with containers as (
    select cluster, namespace, pod,
        sum(coalesce(requests.cpu, limits.cpu, 0)) as cpu_requests,
        sum(coalesce(limits.cpu, 0)) as cpu_limits,
        sum(coalesce(requests.memory, limits.memory, 0)) as memory_requests,
        sum(coalesce(limits.memory, 0)) as memory_limits
    from kubesql.containers
    group by cluster, namespace, pod
), init as (
    select cluster, namespace, pod, index, coalesce(restartpolicy = 'Always', false) as sidecar,
        coalesce(requests.cpu, limits.cpu, 0) as cpu_requests,
        coalesce(limits.cpu, 0) as cpu_limits,
        coalesce(requests.memory, limits.memory, 0) as memory_requests,
        coalesce(limits.memory, 0) as memory_limits
    from kubesql.initcontainers
), running as (
    select cluster, namespace, pod, sidecar, cpu_requests, cpu_limits, memory_requests, memory_limits,
        sum(case when sidecar then cpu_requests else 0 end) over started as cpu_requests_of_sidecars,
        sum(case when sidecar then cpu_limits else 0 end) over started as cpu_limits_of_sidecars,
        sum(case when sidecar then memory_requests else 0 end) over started as memory_requests_of_sidecars,
        sum(case when sidecar then memory_limits else 0 end) over started as memory_limits_of_sidecars
    from init
    window started as (partition by cluster, namespace, pod order by index rows between unbounded preceding and current row)
), starting as (
    select cluster, namespace, pod,
        max(cpu_requests_of_sidecars + case when sidecar then 0 else cpu_requests end) as cpu_requests,
        max(cpu_limits_of_sidecars + case when sidecar then 0 else cpu_limits end) as cpu_limits,
        max(memory_requests_of_sidecars + case when sidecar then 0 else memory_requests end) as memory_requests,
        max(memory_limits_of_sidecars + case when sidecar then 0 else memory_limits end) as memory_limits,
        max(cpu_requests_of_sidecars) as cpu_requests_of_sidecars,
        max(cpu_limits_of_sidecars) as cpu_limits_of_sidecars,
        max(memory_requests_of_sidecars) as memory_requests_of_sidecars,
        max(memory_limits_of_sidecars) as memory_limits_of_sidecars
    from running
    group by cluster, namespace, pod
)
select p.cluster as cluster, p.namespace as namespace, p.name as pod, p.uid as uid, p.nodename as node, p.phase as phase,
    cast(coalesce(p."resources.requests.cpu", greatest(
        coalesce(c.cpu_requests, 0) + coalesce(s.cpu_requests_of_sidecars, 0), coalesce(s.cpu_requests, 0)))
        + coalesce(p."overhead.cpu", 0) as double precision) as cpu_requests,
    cast(coalesce(p."resources.limits.cpu", greatest(
        coalesce(c.cpu_limits, 0) + coalesce(s.cpu_limits_of_sidecars, 0), coalesce(s.cpu_limits, 0)))
        as double precision) as cpu_limits,
    cast(coalesce(p."resources.requests.memory", greatest(
        coalesce(c.memory_requests, 0) + coalesce(s.memory_requests_of_sidecars, 0), coalesce(s.memory_requests, 0)))
        + coalesce(p."overhead.memory", 0) as bigint) as memory_requests,
    cast(coalesce(p."resources.limits.memory", greatest(
        coalesce(c.memory_limits, 0) + coalesce(s.memory_limits_of_sidecars, 0), coalesce(s.memory_limits, 0)))
        as bigint) as memory_limits
from kubesql.pods p
left join containers c
    on c.cluster = p.cluster and c.namespace is not distinct from p.namespace and c.pod = p.name
left join starting s
    on s.cluster = p.cluster and s.namespace is not distinct from p.namespace and s.pod = p.name
