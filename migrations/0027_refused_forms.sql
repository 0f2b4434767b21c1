-- As before, and an old address that is still open is its tenant's, too, and so is a form's key.
create or replace function keep_refusals(
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
                select coalesce(d.tenant_id, f.tenant_id), r.refused_at, r.source, r.status, r.code, r.size_bytes, r.headers
                from unnest(refused, sources, token_hashes, statuses, codes, sizes, all_headers)
                     as r (refused_at, source, token_hash, status, code, size_bytes, headers)
                left join doors d
                    on d.source = r.source
                    and (d.token_hash = r.token_hash or (d.old_token_hash = r.token_hash and d.old_until > now()))
                left join form_keys f on r.source = 'form' and sha256(convert_to(f.key, 'UTF8')) = r.token_hash
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

-- A key that was taken back opens nothing; what came by it still names it.
alter table form_keys add column revoked_at timestamptz;

create or replace function find_form_key(wanted text)
    returns table (tenant_id uuid, name text, location_id uuid, schema jsonb, origins text[], shops jsonb)
    language sql stable security definer set search_path = public, pg_temp
    as $$
        select k.tenant_id, k.name, k.location_id, k.schema, k.origins,
               (select coalesce(jsonb_object_agg(l.crm_location_id, l.id), '{}') from locations l
                where l.tenant_id = k.tenant_id)
        from form_keys k where k.key = wanted and k.revoked_at is null
    $$;
