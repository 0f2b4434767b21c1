-- Keys of machines that ask the operators' API. A key is shown once; only its hash is kept.

create table api_keys (
    tenant_id uuid not null references tenants,
    name text not null,
    key_hash bytea not null unique,
    scopes text[] not null,
    created_at timestamptz not null,
    revoked_at timestamptz,
    primary key (tenant_id, name)
);
alter table api_keys enable row level security;
create policy one_tenant on api_keys
    using (tenant_id = (select current_tenant())) with check (tenant_id = (select current_tenant()));
grant select, insert, update on api_keys to leads_app;

-- Whose key this is, and what it may do.
create function find_api_key(hash bytea)
    returns table (tenant_id uuid, slug text, name text, scopes text[])
    language sql stable security definer set search_path = public, pg_temp
    as $$
        select k.tenant_id, t.slug, k.name, k.scopes
        from api_keys k join tenants t on t.id = k.tenant_id
        where k.key_hash = hash and k.revoked_at is null
    $$;
revoke all on function find_api_key(bytea) from public;
grant execute on function find_api_key(bytea) to leads_app;
