-- Who the data belongs to, and the role that may only see one tenant at a time.
--
-- The application connects as leads_app. It owns no table, so row-level security binds it; the owner, who runs the
-- migrations and in whose name the few cross-tenant functions run, is not bound.

do $$
begin
    if not exists (select from pg_roles where rolname = 'leads_app') then
        create role leads_app login nosuperuser nobypassrls nocreatedb nocreaterole;
    end if;
exception
    -- Two databases of one cluster migrated at once.
    when unique_violation or duplicate_object then null;
end
$$;

grant usage on schema public to leads_app;

-- The tenant of this transaction. Not set: null, which no row's tenant equals.
create function current_tenant() returns uuid
    language sql stable parallel safe
    return nullif(current_setting('app.tenant', true), '')::uuid;

create table tenants (
    id uuid primary key,
    slug text not null unique check (slug ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
    name text not null,
    settings jsonb not null default '{}',
    created_at timestamptz not null
);

create table locations (
    tenant_id uuid not null references tenants,
    id uuid not null,
    crm_location_id text not null,
    name text not null,
    time_zone text not null,
    phone text not null,
    postal_address text not null,
    -- Opening hours as people read them in a message, such as "Mon to Fri 9 to 6".
    hours text not null,
    primary key (tenant_id, id),
    unique (tenant_id, crm_location_id)
);

-- Keys and tokens of vendors, sealed (AEAD) with the tenant and vendor as associated data.
create table credentials (
    tenant_id uuid not null references tenants,
    vendor text not null,
    sealed bytea not null,
    primary key (tenant_id, vendor)
);

-- The unguessable paths under which vendors reach a tenant. Only the token's hash is kept.
create table doors (
    tenant_id uuid not null references tenants,
    source text not null,
    token_hash bytea not null unique,
    sealed_secret bytea not null,
    primary key (tenant_id, source)
);

create table templates (
    tenant_id uuid not null references tenants,
    name text not null,
    channel text not null check (channel in ('sms', 'email')),
    subject text,
    body text not null,
    primary key (tenant_id, name, channel),
    check ((channel = 'email') = (subject is not null))
);
