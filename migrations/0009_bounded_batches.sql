-- Taking a batch costs what the batch costs. Joined to its batch, whose size the planner cannot know, the table was read whole
-- once it was large; looked up by a list of ids, it never is.

create or replace function release_due(at timestamptz, again_at timestamptz, batch integer)
    returns table (tenant_id uuid, id uuid, released_at timestamptz)
    language sql volatile security definer set search_path = public, pg_temp
    as $$
        with due as materialized (
            select m.tenant_id, m.id, m.release_at
            from messages m
            where m.state in ('planned', 'claimed', 'unknown') and m.release_at <= at
            order by m.release_at
            limit batch
            for update skip locked
        ), put_off as (
            update messages m set release_at = again_at where m.id = any (array (select due.id from due))
        )
        select due.tenant_id, due.id, due.release_at from due
    $$;

create or replace function leads_to_give_up(at timestamptz, again_at timestamptz, batch integer)
    returns table (tenant_id uuid, id uuid)
    language sql volatile security definer set search_path = public, pg_temp
    as $$
        with due as materialized (
            select l.tenant_id, l.id
            from leads l
            where l.gives_up_at <= at
            order by l.gives_up_at
            limit batch
            for update skip locked
        ), put_off as (
            update leads l set gives_up_at = again_at where l.id = any (array (select due.id from due))
        )
        select due.tenant_id, due.id from due
    $$;
