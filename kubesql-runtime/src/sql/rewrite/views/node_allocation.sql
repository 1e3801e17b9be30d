with used as (
    select cluster, node, count(*) as pods, sum(cpu_requests) as cpu_requests, sum(cpu_limits) as cpu_limits,
        cast(sum(memory_requests) as bigint) as memory_requests, cast(sum(memory_limits) as bigint) as memory_limits
    from kubesql.pod_resources
    where coalesce(phase, '') not in ('Succeeded', 'Failed')
    group by cluster, node
)
select n.cluster as cluster, n.name as node,
    n."allocatable.cpu" as cpu_allocatable, coalesce(u.cpu_requests, 0.0) as cpu_requests,
    coalesce(u.cpu_limits, 0.0) as cpu_limits, m."usage.cpu" as cpu_usage,
    n."allocatable.memory" as memory_allocatable, coalesce(u.memory_requests, 0) as memory_requests,
    coalesce(u.memory_limits, 0) as memory_limits, m."usage.memory" as memory_usage,
    n."allocatable.pods" as pods_allocatable, coalesce(u.pods, 0) as pods
from kubesql.nodes n
left join used u on u.cluster = n.cluster and u.node = n.name
left join kubesql."nodemetrics?" m on m.cluster = n.cluster and m.name = n.name
