-- A lead's own link, in texts and emails: whoever has it may leave, or come and talk. Only its hash is kept.
create table links (
    token_hash bytea primary key,
    tenant_id uuid not null,
    lead_id uuid not null,
    -- Without a reference: it is made by whoever holds one of the lead's messages, and would wait for whoever holds the lead.
    made_at timestamptz not null
);

create index links_of_lead on links (tenant_id, lead_id);

alter table links enable row level security;
create policy one_tenant on links using (tenant_id = current_tenant()) with check (tenant_id = current_tenant());
grant select, insert, update on links to leads_app;

-- Whose link this is.
create function find_link(hash bytea)
    returns table (tenant_id uuid, lead_id uuid)
    language sql stable security definer set search_path = public, pg_temp
    as $$
        select l.tenant_id, l.lead_id from links l where l.token_hash = hash
    $$;

revoke all on function find_link(bytea) from public;
grant execute on function find_link(bytea) to leads_app;
