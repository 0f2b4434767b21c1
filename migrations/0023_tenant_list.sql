-- Every tenant, for the commands that set one up and for whoever seals credentials anew.

create function list_tenants()
    returns table (tenant_id uuid, slug text, name text, crm text, locations bigint, live_since timestamptz)
    language sql stable security definer set search_path = public, pg_temp
    as $$
        select t.id, t.slug, t.name, coalesce(t.settings ->> 'crm', 'shopmonkey'),
               (select count(*) from locations l where l.tenant_id = t.id), t.contacts_since
        from tenants t order by t.slug
    $$;
revoke all on function list_tenants() from public;
grant execute on function list_tenants() to leads_app;
