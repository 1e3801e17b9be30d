-- The statements that are run with every protocol over tests/fixtures/demo, one in each paragraph. If one must fail, the
-- comment before it is the kind of error; if it has no rows, the comment is `empty`.

-- Constants of every type.

select 1 as one, -1 as minus, 9223372036854775807 as most, -9223372036854775807 as least

select 0.5 as half, 1e300 as large, -2.5e-10 as small, cast(1 as double) as whole

select true as yes, false as no, null as neither

select 'text' as plain, '' as empty, 'it''s' as quote, ' blanks ' as blanks

select 'Grüße, 世界 🚀' as unicode, 'e' || chr(769) as combining

select 'line' || chr(10) || 'feed, tab' || chr(9) || 'back\slash "quoted"' as controls

select cast('2026-01-02' as date) as day

select cast('2026-01-02T03:04:05.678901Z' as timestamptz) as exact, cast('1969-12-31T23:59:59Z' as timestamptz) as before

select cast('2026-01-02T03:04:05+02:00' as timestamptz) as moved

select cast(1.25 as decimal(10, 2)) as price, cast(-0.01 as decimal(10, 2)) as debt, cast(null as decimal(5, 1)) as none

select array[1, 2, 3] as numbers, array['a', null, 'c'] as words, array[true, false] as flags

select make_array(make_array(1, 2), make_array(3)) as nested

select cast(null as text) as t, cast(null as bigint) as i, cast(null as double) as d, cast(null as boolean) as b

select cast(null as timestamptz) as t, cast(null as date) as d

select cast(7 as smallint) as small, cast(7 as int) as middle, cast(7 as bigint) as big, cast(0.5 as real) as single

select 1 = 1 as same, null is null as nothing, 1 is distinct from null as distinct_from

-- Empty answers, and answers of one column or none.

-- empty
select name from pods where false

-- empty
select * from nodes where name = 'nowhere'

-- empty
select namespace, count(*) as n from pods where name = '' group by namespace

select count(*) as n from pods where false

select max(creationtimestamp) as latest, sum(generation) as total from pods where false

-- empty
select name, labels, creationtimestamp, hostnetwork, finalizers from pods limit 0

-- Columns of every kind.

select name, namespace, uid, nodename, phase, podip from pods order by namespace, name

select name, creationtimestamp, deletiontimestamp from pods order by name

select name, labels, annotations from pods order by name

select name, finalizers from pods order by name

select name, priority, generation, terminationgraceperiodseconds from pods order by name

select name, hostnetwork, hostpid, enableservicelinks from pods order by name

select name, "labels.app", "labels.team", "labels.no-such-key" from pods order by name

select name, labels['app'] as app, labels.team as team from pods order by name

select name, "ready.status", "ready.lasttransitiontime" from pods order by name

select name, "allocatable.cpu", "allocatable.memory", "capacity.pods" from nodes order by name

select namespace, name, image, "requests.cpu", "limits.memory" from containers order by uid, name

select namespace, name, command, args from containers order by uid, name

select name, data from configmaps order by name

select name, data from secrets order by name

select name, selector from services order by name

select reason, type, count, message from events order by name

select cluster, name from nodes order by name

-- Wide rows.

select * from pods order by namespace, name

select * from nodes order by name

select * from deployments order by name

select * from containers order by uid, name limit 5

select * from events order by name

select p.*, n.name as node from pods p join nodes n on p.nodename = n.name order by p.name limit 3

select value as a, value as b, value as c, value as d, value as e, value as f from generate_series(1, 50) order by 1

-- Conditions.

select name from pods where phase = 'Running' order by name

select name from pods where phase in ('Pending', 'Failed') order by name

select name from pods where phase not in ('Running') order by name

select name from pods where name like 'cart-%' order by name

select name from pods where name not like '%-%' order by name

select name from pods where name ilike 'CART-%' order by name

select name from pods where name ~ '^w.*[0-9]' order by name

select name from pods where creationtimestamp > '2026-11-01' order by name

select name from pods where creationtimestamp between timestamp '2026-10-01' and timestamp '2026-11-02' order by name

select name from pods where labels['app'] is null order by name

select name from pods where labels['team'] = 'checkout' and nodename is not null order by name

select name from pods where (phase = 'Running' or phase = 'Failed') and not namespace = 'shop' order by name

select name from pods where exists (select 1 from nodes where nodes.name = pods.nodename) order by name

select name from pods where nodename not in (select name from nodes where name <> 'worker-a') order by name

select name from pods where namespace = (select min(namespace) from pods) order by name

select name from nodes where "allocatable.cpu" >= 3.5 order by name

select name from nodes where "allocatable.memory" > quantity('4Gi') order by name

-- Groups, joins, windows, sets.

select namespace, count(*) as n from pods group by namespace order by namespace

select phase, count(distinct nodename) as nodes from pods group by phase order by phase

select namespace, phase, count(*) as n from pods group by namespace, phase having count(*) > 1 order by 1, 2

select min(name) as first, max(name) as last, min(creationtimestamp) as oldest from pods

select sum("requests.cpu") as cpu, avg("requests.cpu") as mean from containers

select nodename, sum("requests.cpu") as cpu from pods, containers where pods.uid = containers.uid group by nodename order by nodename

select p.name, c.name as container from pods p join containers c using (uid) order by 1, 2

select n.name, count(p.uid) as pods from nodes n left join pods p on p.nodename = n.name group by n.name order by n.name

select d.name, r.name as pod from deployments d full join pods r on r.labels['app'] = d.name order by d.name, r.name

select a.name, b.name as other from nodes a cross join nodes b where a.name < b.name order by 1, 2

select name, row_number() over (partition by namespace order by name) as place from pods order by namespace, name

select name, count(*) over () as total, lag(name) over (order by name) as previous from nodes order by name

select name from nodes union all select name from nodes order by name

select namespace from pods union select namespace from deployments order by namespace

select namespace from pods intersect select namespace from deployments order by namespace

select namespace from pods except select namespace from deployments order by namespace

with busy as (select nodename, count(*) as n from pods group by nodename) select * from busy where n > 1 order by nodename

select distinct namespace from pods order by namespace desc

select name from pods order by name limit 3 offset 2

select cast('NaN' as double) as a, cast('Infinity' as double) as b, cast('-Infinity' as double) as c

select exists (select 1 from pods where phase = 'Running') as running, not exists (select 1 from pods where phase = 'x') as x

select name from pods order by name, namespace offset 1 row fetch first 2 rows only

select labels ->> 'app' as app, count(*) as n from pods group by 1 order by 1 nulls last

-- error: unsupported
select name from nodes order by name fetch first 2 rows with ties

select name, case when phase = 'Running' then 'up' when phase is null then 'unknown' else 'down' end as state from pods order by name

select coalesce(nodename, 'none') as node, nullif(phase, 'Running') as trouble from pods order by name

select array_agg(name order by name) as names from nodes

select string_agg(name, ', ' order by name) as names from nodes

select unnest(map_keys(labels)) as key, count(*) as n from pods group by 1 order by 1

select value from generate_series(1, 10) order by value desc

select * from (values (1, 'one'), (2, null)) as t(number, word) order by number

select count(*) filter (where phase = 'Running') as running, count(*) as total from pods

select name, greatest(name, 'm') as later, length(name) as letters from nodes order by name

-- Functions.

select upper(name) as upper, substr(name, 1, 3) as begin, replace(name, '-', '_') as under, reverse(name) as back from nodes order by name

select split_part(name, '-', 1) as app, strpos(name, '-') as dash from pods order by name

select abs(-3) as a, round(2.567, 2) as r, floor(-0.5) as f, ceil(0.2) as c, power(2, 10) as p, 7 % 3 as m

select date_trunc('month', creationtimestamp) as month, extract(year from creationtimestamp) as year from pods order by name

select to_char(creationtimestamp, '%Y/%m/%d') as day from pods order by name

select quantity('1500m') as cpu, quantity('2Ki') as memory, quantity('1e3') as exponent, quantity('lots') as none

select cast("requests.cpu" as varchar) as cpu, cast('12' as bigint) as number, cast(name as varchar) as name from containers order by uid, name

select cardinality(labels) as n, map_keys(labels) as keys from pods where labels is not null order by name

select md5('kubesql') as md5, encode('kubesql', 'hex') as hex

select concat('a', null, 'b') as joined, 'a' || 1 as appended

-- The first users' queries.

select nodename, count(*) as pod_count from pods group by nodename order by nodename;

select pods.namespace,pods.name,sum("requests.cpu") as "requests.cpu" ,sum("limits.cpu") as "limits.cpu" from pods,containers where pods.uid = containers.uid group by pods.namespace,pods.name order by 1, 2

select nodes.name, nodes."allocatable.cpu" - podnodecpu."requests.cpu" as free from nodes, (select pods.nodename,sum("requests.cpu") as "requests.cpu" from pods,containers where pods.uid = containers.uid group by pods.nodename) as podnodecpu where nodes.name = podnodecpu.nodename order by 1;

select name, namespace,creationTimestamp from pods where creationTimestamp > date('2020-05-12') order by creationTimestamp desc, name;

-- empty
select namespace,name,phase from pods where phase = 'Pending' and "labels.appid" = 'python' order by 1, 2;

select count(*) as n from pods where phase = 'Pending' and "labels.appid" = 'springboot';

select name from pods where "ready.status" = 'True' order by name;

-- Names.

select NAME, NameSpace from PODS order by name

select "name" from kubesql.kubesql.pods order by 1

select name from core.pods order by name

select p.name as "Mixed Case", p.namespace as "with.dot", p.uid as "select" from pods as p order by 1

select table_name from information_schema.tables where table_name like 'pod_t%' order by table_name

select column_name, is_nullable from information_schema.columns where table_name = 'nodes' and column_name < 'c' order by column_name

-- Errors of every kind.

-- error: syntax
selec 1

-- error: syntax
select name from pods where

-- error: syntax
select 'open

-- error: syntax
select (1

-- error: unknown-table
select * from podz

-- error: unknown-table
select * from nowhere.pods

-- error: unknown-table
select * from kubesql.core.podz

-- error: unknown-column
select nam from pods

-- error: unknown-column
select p.nam from pods p

-- error: unknown-column
select name from pods order by nothing

-- error: unknown-column
select name from pods p join nodes n on p.nodename = n.name

-- error: invalid
select 1 / 0 as x

-- error: invalid
select cast('x' as bigint) as x

-- error: invalid
select cast('soon' as timestamptz) as x

-- error: invalid
select sum(9223372036854775807) as x from nodes

-- error: invalid
select no_such_function(1) as x

-- error: invalid
select name, count(*) as n from pods

-- error: syntax
select name from pods union select name, namespace from pods

-- error: invalid
select max(name, phase, uid) as x from pods

-- error: read-only
delete from pods

-- error: read-only
insert into pods (name) values ('x')

-- error: read-only
update pods set phase = 'Running'

-- error: read-only
drop table pods

-- error: read-only
create table mine (a int)

-- error: unsupported
select 1 as x intersect all select 1 as x

-- error: timeout
select count(*) as n from generate_series(1, 1000000) a(value), generate_series(1, 1000000) b(value), generate_series(1, 1000000) c(value) where a.value + b.value < c.value
