-- How soon a person answers, what is left for a person to do, and who of the staff was told.

create table sla_clocks (
    tenant_id uuid not null,
    lead_id uuid not null,
    -- Business time, as everywhere here.
    started_at timestamptz not null,
    warn_at timestamptz not null,
    due_at timestamptz not null,
    -- When somebody looks at it next. Null: it has ended, or there is nobody left to tell.
    look_at timestamptz,
    warned_at timestamptz,
    breached_at timestamptz,
    -- The highest level that was told, and when.
    level smallint not null default 0,
    told_at timestamptz,
    acknowledged_at timestamptz,
    acknowledged_by text,
    -- The first answer of a person's, or of one who is as good.
    first_response_at timestamptz,
    responded_by text,
    ended_because text,
    primary key (lead_id, tenant_id)
);
create index sla_clocks_to_look_at on sla_clocks (look_at) where look_at is not null;

create table tasks (
    tenant_id uuid not null,
    id uuid not null,
    lead_id uuid not null,
    title text not null,
    due_at timestamptz not null,
    assignee text,
    created_at timestamptz not null,
    created_by text not null,
    completed_at timestamptz,
    completed_by text,
    -- When somebody looks whether it is done. Null: the staff was told that it is not, or it is.
    look_at timestamptz,
    primary key (tenant_id, id)
);
create index tasks_of_lead on tasks (lead_id, tenant_id);
create index tasks_open on tasks (tenant_id, due_at) where completed_at is null;
create index tasks_to_look_at on tasks (look_at) where look_at is not null;

-- What somebody of the staff is told: at least once, with its id in it.
create table alerts (
    tenant_id uuid not null,
    id uuid not null,
    lead_id uuid not null,
    -- Of one that is about a task.
    task_id uuid,
    kind text not null,
    level smallint not null,
    member text not null,
    channel text not null check (channel in ('slack', 'telegram', 'sms', 'email')),
    address text not null,
    body text not null,
    state text not null check (state in ('planned', 'sent', 'failed', 'obsolete')),
    raised_at timestamptz not null,
    release_at timestamptz not null,
    attempts integer not null default 0,
    provider_id text,
    finished_at timestamptz,
    reason text,
    acknowledged_at timestamptz,
    acknowledged_by text,
    primary key (tenant_id, id)
);
create index alerts_to_release on alerts (release_at) where state = 'planned';
create index alerts_of_lead on alerts (lead_id, tenant_id);

do $$
declare
    owned text;
begin
    foreach owned in array array['sla_clocks', 'tasks', 'alerts'] loop
        execute format('alter table %I enable row level security', owned);
        execute format(
            'create policy one_tenant on %I using (tenant_id = (select current_tenant())) with check (tenant_id = (select current_tenant()))',
            owned);
        execute format('grant select, insert, update on %I to leads_app', owned);
    end loop;
end
$$;

-- Each of these takes a batch of rows whose time has come and puts each off to `again_at`, as release_due does.

create function take_sla_clocks(at timestamptz, again_at timestamptz, batch integer)
    returns table (tenant_id uuid, lead_id uuid)
    language sql volatile security definer set search_path = public, pg_temp
    as $$
        with due as (
            select c.tenant_id, c.lead_id from sla_clocks c
            where c.look_at <= at order by c.look_at limit batch for update skip locked
        )
        update sla_clocks c set look_at = again_at from due
        where c.lead_id = due.lead_id and c.tenant_id = due.tenant_id
        returning c.tenant_id, c.lead_id
    $$;

create function take_tasks(at timestamptz, again_at timestamptz, batch integer)
    returns table (tenant_id uuid, id uuid)
    language sql volatile security definer set search_path = public, pg_temp
    as $$
        with due as (
            select t.tenant_id, t.id from tasks t
            where t.look_at <= at order by t.look_at limit batch for update skip locked
        )
        update tasks t set look_at = again_at from due
        where t.tenant_id = due.tenant_id and t.id = due.id
        returning t.tenant_id, t.id
    $$;

create function take_alerts(at timestamptz, again_at timestamptz, batch integer)
    returns table (tenant_id uuid, id uuid, attempts integer)
    language sql volatile security definer set search_path = public, pg_temp
    as $$
        with due as materialized (
            select a.tenant_id, a.id from alerts a
            where a.state = 'planned' and a.release_at <= at order by a.release_at limit batch for update skip locked
        )
        update alerts a set release_at = again_at from due
        where a.tenant_id = due.tenant_id and a.id = due.id
        returning a.tenant_id, a.id, a.attempts
    $$;

do $$
declare
    signature text;
begin
    foreach signature in array array[
        'take_sla_clocks(timestamptz, timestamptz, integer)', 'take_tasks(timestamptz, timestamptz, integer)',
        'take_alerts(timestamptz, timestamptz, integer)'
    ] loop
        execute format('revoke all on function %s from public', signature);
        execute format('grant execute on function %s to leads_app', signature);
    end loop;
end
$$;

-- Starts a lead's clock, once.
create function start_sla(of_tenant uuid, of_lead uuid, asked_at timestamptz, warns_at timestamptz, ends_at timestamptz)
    returns boolean
    language plpgsql volatile
    as $$
    begin
        perform set_config('app.tenant', of_tenant::text, true);
        insert into sla_clocks (tenant_id, lead_id, started_at, warn_at, due_at, look_at)
        values (of_tenant, of_lead, asked_at, warns_at, ends_at, warns_at)
        on conflict do nothing;
        return found;
    end
    $$;
