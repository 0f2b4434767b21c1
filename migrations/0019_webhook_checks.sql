-- Whether each tenant's CRM still tells us what happens there, as it was when somebody last looked.

create table webhook_checks (
    tenant_id uuid not null references tenants,
    crm text not null,
    -- ok, or what is wrong.
    state text not null,
    says text not null,
    -- Since when it is in this state, and when it was looked at last.
    since timestamptz not null,
    checked_at timestamptz not null,
    primary key (tenant_id, crm)
);
alter table webhook_checks enable row level security;
create policy one_tenant on webhook_checks
    using (tenant_id = (select current_tenant())) with check (tenant_id = (select current_tenant()));
grant select, insert, update on webhook_checks to leads_app;

create function find_tenant(wanted text)
    returns uuid
    language sql stable security definer set search_path = public, pg_temp
    as 'select t.id from tenants t where t.slug = wanted';

-- How each tenant's CRM is: what the doctor and an operator look at.
create function list_crm_health()
    returns table (tenant_id uuid, slug text, crm text, due_at timestamptz, outcome text, problem text, ended_at timestamptz,
                   state text, says text, since timestamptz, checked_at timestamptz)
    language sql stable security definer set search_path = public, pg_temp
    as $$
        select p.tenant_id, t.slug, p.crm, p.due_at, r.outcome, r.problem, r.ended_at, w.state, w.says, w.since, w.checked_at
        from polls p
        join tenants t on t.id = p.tenant_id
        left join lateral (
            select x.outcome, x.problem, x.ended_at from poll_runs x where x.tenant_id = p.tenant_id order by x.id desc limit 1
        ) r on true
        left join webhook_checks w on w.tenant_id = p.tenant_id and w.crm = p.crm
        order by t.slug
    $$;

do $$
declare
    signature text;
begin
    foreach signature in array array['find_tenant(text)', 'list_crm_health()'] loop
        execute format('revoke all on function %s from public', signature);
        execute format('grant execute on function %s to leads_app', signature);
    end loop;
end
$$;
