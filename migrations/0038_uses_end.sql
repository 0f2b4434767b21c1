-- A use of a cadence can be taken away again: what is above it counts then. The application deletes no rows by itself; this is its
-- transaction's tenant's own, and one.
create function end_cadence_use(in_scope text, with_name text)
    returns boolean
    language sql volatile security definer set search_path = public, pg_temp
    as $$
        with ended as (
            delete from cadence_uses u
            where u.tenant_id = current_tenant() and u.scope = in_scope and u.of_name = with_name
            returning 1
        )
        select exists (select from ended)
    $$;
revoke all on function end_cadence_use(text, text) from public;
grant execute on function end_cadence_use(text, text) to leads_app;
