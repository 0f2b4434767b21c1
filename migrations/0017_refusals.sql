-- What came to a door and was turned away, for whoever asks why a vendor's webhooks do not arrive. No bodies: they are
-- customers' data, or nobody knows whose. Bounded: the newest thousand of each tenant, and the newest thousand of nobody's.

create table refusals (
    id bigint generated always as identity primary key,
    -- Null: the door's token is nobody's.
    tenant_id uuid,
    refused_at timestamptz not null,
    source text not null,
    status smallint not null,
    code text not null,
    -- As the sender announced it.
    size_bytes bigint,
    -- Names, and the values of those that can carry no secret.
    headers jsonb not null
);
create index refusals_of_tenant on refusals (tenant_id, id);

alter table refusals enable row level security;
create policy one_tenant on refusals
    using (tenant_id = (select current_tenant())) with check (tenant_id = (select current_tenant()));
grant select, update on refusals to leads_app;

create function keep_refusals(
    refused timestamptz[], sources text[], token_hashes bytea[], statuses smallint[], codes text[], sizes bigint[],
    all_headers jsonb[])
    returns void
    language plpgsql volatile security definer set search_path = public, pg_temp
    as $$
    declare
        whose uuid;
    begin
        for whose in
            with kept as (
                insert into refusals (tenant_id, refused_at, source, status, code, size_bytes, headers)
                select d.tenant_id, r.refused_at, r.source, r.status, r.code, r.size_bytes, r.headers
                from unnest(refused, sources, token_hashes, statuses, codes, sizes, all_headers)
                     as r (refused_at, source, token_hash, status, code, size_bytes, headers)
                left join doors d on d.token_hash = r.token_hash and d.source = r.source
                order by r.refused_at
                returning tenant_id
            )
            -- In one order everywhere: two processes may trim the same tenants.
            select distinct kept.tenant_id from kept order by 1
        loop
            if whose is null then
                delete from refusals r where r.tenant_id is null and r.id <=
                    (select x.id from refusals x where x.tenant_id is null order by x.id desc offset 1000 limit 1);
            else
                delete from refusals r where r.tenant_id = whose and r.id <=
                    (select x.id from refusals x where x.tenant_id = whose order by x.id desc offset 1000 limit 1);
            end if;
        end loop;
    end
    $$;

-- The newest, and apart from them a few of nobody's, which may be many.
create function list_refusals(most integer)
    returns table (tenant_id uuid, refused_at timestamptz, source text, status smallint, code text, size_bytes bigint,
                   headers jsonb)
    language sql stable security definer set search_path = public, pg_temp
    as $$
        select r.tenant_id, r.refused_at, r.source, r.status, r.code, r.size_bytes, r.headers
        from (
            (select * from refusals x where x.tenant_id is not null order by x.id desc limit most)
            union all
            (select * from refusals x where x.tenant_id is null order by x.id desc limit greatest(most / 5, 1))
        ) r
        order by r.id desc
    $$;

do $$
declare
    signature text;
begin
    foreach signature in array array[
        'keep_refusals(timestamptz[], text[], bytea[], smallint[], text[], bigint[], jsonb[])', 'list_refusals(integer)'
    ] loop
        execute format('revoke all on function %s from public', signature);
        execute format('grant execute on function %s to leads_app', signature);
    end loop;
end
$$;
