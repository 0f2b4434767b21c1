-- Messages that wait for longer than a moment: for a turn at a vendor, for somebody to mend a tenant's set-up, for an outage to end. In
-- their stream they would hold one of the few places that a consumer has, and one tenant's flood would be everybody's.

create table parked (
    stage text not null,
    stream text not null,
    sequence bigint not null,
    tenant_id uuid not null references tenants,
    subject text not null,
    headers jsonb not null,
    payload bytea not null,
    -- How often it has been handled, in its stream and since.
    deliveries bigint not null,
    -- What it waits for, in a few words.
    reason text not null,
    parked_at timestamptz not null,
    -- When it is handled next, or the end of the lease of whoever is handling it. By the wall.
    wake_at timestamptz not null,
    primary key (stage, stream, sequence)
);

-- Each tenant's own, the earliest first: none of them waits behind another tenant's.
create index parked_to_wake on parked (stage, tenant_id, wake_at);

alter table parked enable row level security;
create policy one_tenant on parked using (tenant_id = current_tenant()) with check (tenant_id = current_tenant());
grant select, insert, update on parked to leads_app;

create function park(
    in_stage text, in_stream text, at_sequence bigint, of_tenant uuid, with_subject text, with_headers jsonb, with_payload bytea,
    handled bigint, because text, at timestamptz, until timestamptz)
    returns void
    language sql volatile security definer set search_path = public, pg_temp
    as $$
        insert into parked as p
            (stage, stream, sequence, tenant_id, subject, headers, payload, deliveries, reason, parked_at, wake_at)
        values (in_stage, in_stream, at_sequence, of_tenant, with_subject, with_headers, with_payload, handled, because, at, until)
        on conflict (stage, stream, sequence) do update
        set deliveries = greatest(p.deliveries, excluded.deliveries), reason = excluded.reason, wake_at = excluded.wake_at
    $$;

-- Takes up to `of_each` of every tenant's whose time has come, `most` in all, until `leased_until`; none of those named as busy. One
-- probe of the index for each tenant that has any, however many it has.
create function take_parked(
    in_stage text, at timestamptz, leased_until timestamptz, busy uuid[], of_each integer, most integer)
    returns table (
        stream text, sequence bigint, tenant_id uuid, subject text, headers jsonb, payload bytea, deliveries bigint)
    language plpgsql volatile security definer set search_path = public, pg_temp
    as $$
    begin
        return query
            with recursive owners (id) as (
                (select p.tenant_id from parked p where p.stage = in_stage order by p.tenant_id limit 1)
                union all
                select (select p.tenant_id from parked p where p.stage = in_stage and p.tenant_id > o.id order by p.tenant_id limit 1)
                from owners o where o.id is not null
            ), due as materialized (
                select d.stream, d.sequence
                from owners o
                cross join lateral (
                    select p.stream, p.sequence, p.wake_at
                    from parked p
                    where p.stage = in_stage and p.tenant_id = o.id and p.wake_at <= at
                    order by p.wake_at
                    limit of_each
                    for update skip locked
                ) d
                where o.id is not null and o.id <> all (busy)
                order by d.wake_at
                limit most
            )
            update parked p
            set wake_at = leased_until, deliveries = p.deliveries + 1
            from due
            where p.stage = in_stage and p.stream = due.stream and p.sequence = due.sequence
            returning p.stream, p.sequence, p.tenant_id, p.subject, p.headers, p.payload, p.deliveries;
    end
    $$;

create function forget_parked(in_stage text, in_stream text, at_sequence bigint)
    returns void
    language sql volatile security definer set search_path = public, pg_temp
    as $$
        delete from parked p where p.stage = in_stage and p.stream = in_stream and p.sequence = at_sequence
    $$;

-- What an engineer on call looks at: who waits where, since when, and for what the one that waits longest waits.
create function list_parked()
    returns table (stage text, slug text, messages bigint, since timestamptz, reason text)
    language sql stable security definer set search_path = public, pg_temp
    as $$
        select p.stage, t.slug, count(*), min(p.parked_at), (array_agg(p.reason order by p.parked_at))[1]
        from parked p
        join tenants t on t.id = p.tenant_id
        group by p.stage, t.slug
        order by min(p.parked_at)
    $$;

revoke all on function
    park(text, text, bigint, uuid, text, jsonb, bytea, bigint, text, timestamptz, timestamptz),
    take_parked(text, timestamptz, timestamptz, uuid[], integer, integer),
    forget_parked(text, text, bigint),
    list_parked()
from public;
grant execute on function
    park(text, text, bigint, uuid, text, jsonb, bytea, bigint, text, timestamptz, timestamptz),
    take_parked(text, timestamptz, timestamptz, uuid[], integer, integer),
    forget_parked(text, text, bigint),
    list_parked()
to leads_app;
