-- Views over the table `gestures` (see stats.py for its columns). Each answers one question. stats.py
-- writes the parts that depend on kinds: the two lists of counts, MOVING ('drag', ...) and TAPS ('tap', ...).

-- Strokes by kind, and the reasons of those that are no gesture.
create or replace view kinds as
select kind, reason, count(*) as strokes, count(*) / sum(count(*)) over () as share
from gestures
group by kind, reason
order by strokes desc, kind, reason;

-- Gestures by screen, with the rates that say where people are annoyed: the share of taps with a known
-- answer that met something unresponsive, and rage runs for each tap.
create or replace view screens as
select
    screen,
    count(*) as strokes,
    -- counts of all kinds
    count(*) filter (kind in TAPS and not responsive) as dead_taps,
    dead_taps / nullif(count(*) filter (kind in TAPS and responsive is not null), 0) as dead_rate,
    case when count(rage) > 0 then count(*) filter (rage) end as rage_runs,
    rage_runs / nullif(count(*) filter (kind in TAPS), 0) as rage_rate
from gestures
group by screen
order by strokes desc, screen;

-- The same by target.
create or replace view targets as
select
    target,
    min(screen) as screen,
    count(*) as strokes,
    -- counts of kinds at a place
    count(*) filter (kind in MOVING) as swipes,
    count(*) filter (kind in TAPS and not responsive) as dead_taps,
    dead_taps / nullif(count(*) filter (kind in TAPS and responsive is not null), 0) as dead_rate,
    case when count(rage) > 0 then count(*) filter (rage) end as rage_runs
from gestures
where target is not null
group by target
order by strokes desc, target;

-- Time from the end of a tap to the next tap of its stream (ms). Here and in `steps` hashes stand for texts, which
-- would be most of the sorted data (that two of a million share one: 3e-8).
create or replace view tap_gaps as
select stream, time_down, greatest(0, time_down - tap_before) / 1e6 as gap_ms
from (
    select
        stream,
        time_down,
        is_tap,
        lag(case when is_tap then time_up end) over (partition by stream_hash order by time_down, row) as tap_before
    from (
        select stream, stream_hash, time_down, time_up, row, kind in TAPS as is_tap from strokes
    )
)
where is_tap and tap_before is not null;

create or replace view time_between_taps as
select pairs, parts[1] as p10_ms, parts[2] as p50_ms, parts[3] as p90_ms, share_within_300_ms
from (
    select
        count(*) as pairs,
        quantile_cont(gap_ms, [0.1, 0.5, 0.9]) as parts,
        count(*) filter (gap_ms <= 300) / nullif(count(*), 0) as share_within_300_ms
    from tap_gaps
);

-- How fast movements are (dp/s).
create or replace view speeds as
select
    kind, direction, strokes,
    parts[1] as p5, parts[2] as p25, parts[3] as p50, parts[4] as p75, parts[5] as p95
from (
    select kind, direction, count(*) as strokes, quantile_cont(velocity, [0.05, 0.25, 0.5, 0.75, 0.95]) as parts
    from gestures
    where kind in MOVING and isfinite(velocity)
    group by kind, direction
)
order by kind, strokes desc, direction;

-- Recognised strokes of a stream in their order, each with the target before it.
create or replace view steps as
with named as (select hash(target) as code, any_value(target) as target from gestures group by code),
moves as (
    select before, code, count(*) as times
    from (
        select code, lag(code) over (partition by stream_hash order by time_down, row) as before
        from (
            select stream_hash, time_down, row, hash(target) as code
            from strokes
            where kind <> 'none' and target is not null
        )
    )
    where before <> code
    group by before, code
)
select last.target, next.target as next_target, times
from moves
join named as last on last.code = before
join named as next on next.code = moves.code
order by times desc, 1, 2;

-- Streams that reached each step of the table `funnel_steps` (step from 1, target), one after the other.
create or replace view funnel as
with recursive reached(stream, step, time_down) as (
    select stream, 1, min(time_down)
    from gestures, funnel_steps
    where step = 1 and gestures.target = funnel_steps.target and kind <> 'none'
    group by stream
    union all
    select gestures.stream, reached.step + 1, min(gestures.time_down)
    from reached
    join funnel_steps on funnel_steps.step = reached.step + 1
    join gestures
        on gestures.stream = reached.stream
        and gestures.target = funnel_steps.target
        and gestures.time_down > reached.time_down
        and gestures.kind <> 'none'
    group by gestures.stream, reached.step
)
select
    funnel_steps.step,
    funnel_steps.target,
    count(reached.stream) as streams,
    streams / nullif(first(streams) over (order by funnel_steps.step), 0) as share_of_first,
    streams / nullif(lag(streams) over (order by funnel_steps.step), 0) as share_of_before
from funnel_steps
left join reached on reached.step = funnel_steps.step
group by funnel_steps.step, funnel_steps.target
order by funnel_steps.step;

-- Where fingers came down, by screen and its size (px), in cells of 48 px. A size that no file has is that of
-- the touched area.
create or replace view places as
select
    coalesce(screen, '') as screen,
    coalesce(screen_width, 0) as width,
    coalesce(screen_height, 0) as height,
    floor(x / 48)::integer as cell_x,
    floor(y / 48)::integer as cell_y,
    count(*) as strokes
from gestures
where isfinite(x) and isfinite(y)
group by all
order by 1, 2, 3, 4, 5;
