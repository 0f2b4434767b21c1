-- For the operator's question whether the seal keys fit: some of the values that they must open.
create function some_sealed_values(most integer)
    returns table (tenant_id uuid, owner text, sealed bytea)
    language sql stable security definer set search_path = public, pg_temp
    as $$
        (select d.tenant_id, d.source, d.sealed_secret from doors d limit most)
        union all
        (select c.tenant_id, c.vendor, c.sealed from credentials c limit most)
    $$;
revoke all on function some_sealed_values(integer) from public;
grant execute on function some_sealed_values(integer) to leads_app;
