-- As release_due of 0010, and which step it is: whoever was asked for a first answer goes by the way of first answers, also when it comes up
-- again.
drop function release_due(timestamptz, timestamptz, integer);
create function release_due(at timestamptz, again_at timestamptz, batch integer)
    returns table (tenant_id uuid, id uuid, released_at timestamptz, step smallint)
    language sql volatile security definer set search_path = public, pg_temp
    as $$
        with due as materialized (
            select m.tenant_id, m.id, m.release_at, m.step
            from messages m
            where m.state in ('planned', 'claimed', 'unknown') and m.release_at <= at
            order by m.release_at
            limit batch
            for update skip locked
        ), put_off as (
            update messages m
            set release_at = again_at + least(greatest((at - m.due_at) / 2, interval '0'), interval '30 minutes')
            where m.id = any (array (select due.id from due))
        )
        select due.tenant_id, due.id, due.release_at, due.step from due
    $$;
revoke all on function release_due(timestamptz, timestamptz, integer) from public;
grant execute on function release_due(timestamptz, timestamptz, integer) to leads_app;
