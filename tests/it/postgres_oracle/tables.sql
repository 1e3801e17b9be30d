-- The tables that statements read, out of the table of objects that the test fills.
create table pods as select
    o->'metadata'->>'namespace' as namespace,
    o->'metadata'->>'name' as name,
    o->'metadata'->>'uid' as uid,
    o->'spec'->>'nodeName' as nodename,
    o->'status'->>'phase' as phase,
    (o->'spec'->>'priority')::integer as priority,
    (o->'metadata'->>'generation')::bigint as generation,
    (o->'spec'->>'activeDeadlineSeconds')::bigint as activedeadlineseconds,
    (o->'spec'->>'hostNetwork')::boolean as hostnetwork,
    (o->'metadata'->>'creationTimestamp')::timestamptz as creationtimestamp,
    (o->'status'->>'startTime')::timestamptz as starttime,
    o->'metadata'->'labels' as labels,
    (select array_agg(item order by at) from jsonb_array_elements_text(o->'metadata'->'finalizers')
        with ordinality list(item, at)) as finalizers
from objects where o->>'kind' = 'Pod';

create table containers as select
    o->'metadata'->>'namespace' as namespace,
    o->'metadata'->>'name' as pod,
    o->'metadata'->>'uid' as uid,
    c->>'name' as name,
    c->>'image' as image,
    (c->'securityContext'->>'privileged')::boolean as privileged,
    (s->>'restartCount')::integer as restartcount,
    (s->>'ready')::boolean as ready,
    (c->'resources'->'requests'->>'cpu')::double precision as "requests.cpu",
    (c->'resources'->'requests'->>'memory')::bigint as "requests.memory"
from objects
cross join jsonb_array_elements(o->'spec'->'containers') as containers(c)
left join jsonb_array_elements(o->'status'->'containerStatuses') as statuses(s) on s->>'name' = c->>'name'
where o->>'kind' = 'Pod';

create table nodes as select
    o->'metadata'->>'name' as name,
    o->'metadata'->>'uid' as uid,
    (o->'spec'->>'unschedulable')::boolean as unschedulable,
    (select array_agg(item order by at) from jsonb_array_elements_text(o->'spec'->'podCIDRs')
        with ordinality list(item, at)) as podcidrs,
    (o->'status'->'allocatable'->>'cpu')::double precision as "allocatable.cpu",
    (o->'status'->'allocatable'->>'memory')::bigint as "allocatable.memory",
    (o->'metadata'->>'creationTimestamp')::timestamptz as creationtimestamp,
    o->'metadata'->'labels' as labels
from objects where o->>'kind' = 'Node';
