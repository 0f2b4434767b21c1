-- Website forms: the keys under which a website may fill one in, and what came.

-- A key is public: it stands in a page's source. What it may do is bounded by its origins and its rates.
create table form_keys (
    tenant_id uuid not null references tenants,
    key text not null unique check (key ~ '^[A-Za-z0-9_-]{8,64}$'),
    name text not null,
    -- The shop that is asked, where the form does not say. Null: the form has to.
    location_id uuid,
    -- What it asks for. Null: it is the tenant's publishable key, for the forms that are described already.
    schema jsonb,
    -- The websites that may use it from a browser. Empty: any.
    origins text[] not null default '{}',
    primary key (tenant_id, key),
    foreign key (tenant_id, location_id) references locations (tenant_id, id)
);

create table form_submissions (
    tenant_id uuid not null,
    id text not null,
    form text not null,
    lead_id uuid not null,
    asked_at timestamptz not null,
    answers jsonb not null,
    -- What somebody agreed to who may be texted, and when.
    consent_words text,
    consented_at timestamptz,
    metadata jsonb not null,
    primary key (tenant_id, id)
);

do $$
declare
    owned text;
begin
    foreach owned in array array['form_keys', 'form_submissions'] loop
        execute format('alter table %I enable row level security', owned);
        execute format(
            'create policy one_tenant on %I
                 using (tenant_id = (select current_tenant())) with check (tenant_id = (select current_tenant()))',
            owned);
        execute format('grant select, insert, update on %I to leads_app', owned);
    end loop;
end
$$;

-- Whose form a key is, and the tenant's shops by their ids here and at the CRM.
create function find_form_key(wanted text)
    returns table (tenant_id uuid, name text, location_id uuid, schema jsonb, origins text[], shops jsonb)
    language sql stable security definer set search_path = public, pg_temp
    as $$
        select k.tenant_id, k.name, k.location_id, k.schema, k.origins,
               (select coalesce(jsonb_object_agg(l.crm_location_id, l.id), '{}') from locations l
                where l.tenant_id = k.tenant_id)
        from form_keys k where k.key = wanted
    $$;
revoke all on function find_form_key(text) from public;
grant execute on function find_form_key(text) to leads_app;
