-- Messages that wait for longer than a moment: for a turn at a vendor, for somebody to mend a tenant's set-up, for an outage to end. In
-- their stream they would hold one of the few places that a consumer has, and one tenant's flood would be everybody's.

create table parked (
    stage text not null,
    stream text not null,
    sequence bigint not null,
    -- With it, because the places of a stream that was made anew repeat.
    event_id text not null,
    tenant_id uuid not null references tenants,
    subject text not null,
    headers jsonb not null,
    payload bytea not null,
    -- How often it has been handled, in its stream and since. Whoever took it last, and nobody before them, may say when it wakes.
    deliveries bigint not null,
    -- What it waits for, in a few words.
    reason text not null,
    parked_at timestamptz not null,
    -- When it is handled next, or the end of the lease of whoever is handling it. By the wall.
    wake_at timestamptz not null,
    primary key (stage, stream, sequence, event_id)
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);

-- Each tenant's own, the earliest first: none of them waits behind another tenant's.
create index parked_to_wake on parked (stage, tenant_id, wake_at);

alter table parked enable row level security;
create policy one_tenant on parked using (tenant_id = current_tenant()) with check (tenant_id = current_tenant());
grant select, insert, update on parked to leads_app;

-- Copies a message out of its stream. Done twice, one copy is there.
create function park(
    in_stage text, in_stream text, at_sequence bigint, as_event text, of_tenant uuid, with_subject text, with_headers jsonb,
    with_payload bytea, handled bigint, because text, at timestamptz, until timestamptz)
    returns void
    language sql volatile security definer set search_path = public, pg_temp
    as $$
        insert into parked as p
            (stage, stream, sequence, event_id, tenant_id, subject, headers, payload, deliveries, reason, parked_at, wake_at)
        values (in_stage, in_stream, at_sequence, as_event, of_tenant, with_subject, with_headers, with_payload, handled, because,
                at, until)
        on conflict (stage, stream, sequence, event_id) do nothing
    $$;

-- Takes messages whose time has come, `most` in all, until `leased_until`. `owners` are the tenants that have any in hand, `in_hand` how
-- many each: of none more than `of_each`, and whoever has fewest comes first. One probe of the index for each tenant that has any, however
-- many it has.
create function take_parked(
    in_stage text, at timestamptz, leased_until timestamptz, owners uuid[], in_hand integer[], of_each integer, most integer)
    returns table (
        stream text, sequence bigint, event_id text, tenant_id uuid, subject text, headers jsonb, payload bytea, deliveries bigint)
    language plpgsql volatile security definer set search_path = public, pg_temp
    as $$
    begin
        return query
            with recursive waiting (id) as (
                (select p.tenant_id from parked p where p.stage = in_stage order by p.tenant_id limit 1)
                union all
                select (select p.tenant_id from parked p where p.stage = in_stage and p.tenant_id > w.id order by p.tenant_id limit 1)
                from waiting w where w.id is not null
            ), due as materialized (
                select d.stream, d.sequence, d.event_id
                from (
                    select w.id, coalesce(in_hand[array_position(owners, w.id)], 0) as has
                    from waiting w where w.id is not null
                ) o
                cross join lateral (
                    select p.stream, p.sequence, p.event_id, p.wake_at
                    from parked p
                    where p.stage = in_stage and p.tenant_id = o.id and p.wake_at <= at
                    order by p.wake_at
                    limit greatest(of_each - o.has, 0)
                    for update skip locked
                ) d
                order by o.has + row_number() over (partition by o.id order by d.wake_at), d.wake_at
                limit most
            )
            update parked p
            set wake_at = leased_until, deliveries = p.deliveries + 1
            from due
            where p.stage = in_stage and p.stream = due.stream and p.sequence = due.sequence and p.event_id = due.event_id
            returning p.stream, p.sequence, p.event_id, p.tenant_id, p.subject, p.headers, p.payload, p.deliveries;
    end
    $$;

-- It wakes then, says whoever took it last: at the end of a longer lease, or because it has to wait again, for `because`.
create function wake_parked_at(
    in_stage text, in_stream text, at_sequence bigint, as_event text, taken bigint, until timestamptz, because text)
    returns void
    language sql volatile security definer set search_path = public, pg_temp
    as $$
        update parked p set wake_at = until, reason = coalesce(because, p.reason)
        where p.stage = in_stage and p.stream = in_stream and p.sequence = at_sequence and p.event_id = as_event
          and p.deliveries = taken
    $$;

create function forget_parked(in_stage text, in_stream text, at_sequence bigint, as_event text)
    returns void
    language sql volatile security definer set search_path = public, pg_temp
    as $$
        delete from parked p
        where p.stage = in_stage and p.stream = in_stream and p.sequence = at_sequence and p.event_id = as_event
    $$;

-- What an engineer on call looks at: who waits where, since when, and for what the one that waits longest waits.
create function list_parked()
    returns table (stage text, slug text, messages bigint, since timestamptz, reason text)
    language sql stable security definer set search_path = public, pg_temp
    as $$
        select p.stage, t.slug, p.messages, p.since,
               (select o.reason from parked o where o.stage = p.stage and o.tenant_id = p.tenant_id order by o.wake_at limit 1)
        from (select x.stage, x.tenant_id, count(*) as messages, min(x.parked_at) as since from parked x group by 1, 2) p
        join tenants t on t.id = p.tenant_id
        order by p.since
    $$;

revoke all on function
    park(text, text, bigint, text, uuid, text, jsonb, bytea, bigint, text, timestamptz, timestamptz),
    take_parked(text, timestamptz, timestamptz, uuid[], integer[], integer, integer),
    wake_parked_at(text, text, bigint, text, bigint, timestamptz, text),
    forget_parked(text, text, bigint, text),
    list_parked()
from public;
grant execute on function
    park(text, text, bigint, text, uuid, text, jsonb, bytea, bigint, text, timestamptz, timestamptz),
    take_parked(text, timestamptz, timestamptz, uuid[], integer[], integer, integer),
    wake_parked_at(text, text, bigint, text, bigint, timestamptz, text),
    forget_parked(text, text, bigint, text),
    list_parked()
to leads_app;
