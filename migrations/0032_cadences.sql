-- Cadences as data: versions of them, where each is used, what runs against it, and changes that go through live leads one by one.

create table cadences (
    tenant_id uuid not null,
    name text not null,
    version integer not null,
    steps jsonb not null,
    saved_at timestamptz not null,
    saved_by text not null,
    primary key (tenant_id, name, version)
);

-- Where a cadence is used. A locked one counts for everything below it; otherwise the nearest counts.
create table cadence_uses (
    tenant_id uuid not null,
    scope text not null check (scope in ('tenant', 'region', 'location')),
    -- The region's name, or the location's id; nothing for the tenant.
    of_name text not null,
    cadence text not null,
    version integer not null,
    is_locked boolean not null,
    -- What runs against it, for so many of a hundred leads.
    experiment text,
    rival text,
    rival_version integer,
    rival_percent smallint check (rival_percent between 1 and 99),
    used_since timestamptz not null,
    used_by text not null,
    primary key (tenant_id, scope, of_name),
    foreign key (tenant_id, cadence, version) references cadences (tenant_id, name, version),
    foreign key (tenant_id, rival, rival_version) references cadences (tenant_id, name, version),
    check ((experiment is null) = (rival is null) and (rival is null) = (rival_version is null)
           and (rival is null) = (rival_percent is null))
);

alter table leads
    -- By which it was planned, as in summer@3. Null: by the tenant's settings.
    add column cadence text,
    add column experiment text,
    add column arm text;
-- Those that are being followed up. It changes when leads_to_give_up does, and so costs no write of its own.
create index leads_live on leads (tenant_id, id) where gives_up_at is not null;
create index leads_of_experiment on leads (experiment, tenant_id) where experiment is not null;

-- A change on its way through the leads that are live.
create table cadence_changes (
    tenant_id uuid not null,
    id uuid not null,
    what text not null,
    changed_at timestamptz not null,
    changed_by text not null,
    leads bigint not null,
    moved bigint not null default 0,
    added bigint not null default 0,
    dropped bigint not null default 0,
    finished_at timestamptz,
    primary key (tenant_id, id)
);
create index cadence_changes_open on cadence_changes (changed_at) where finished_at is null;

create table cadence_change_leads (
    tenant_id uuid not null,
    change_id uuid not null,
    lead_id uuid not null,
    -- A few milliseconds after the one before it, so that a change of many leads leaves room for others.
    look_at timestamptz not null,
    is_done boolean not null default false,
    primary key (change_id, lead_id, tenant_id)
);
create index cadence_change_leads_open on cadence_change_leads (look_at) where not is_done;

do $$
declare
    owned text;
begin
    foreach owned in array array['cadences', 'cadence_uses', 'cadence_changes', 'cadence_change_leads'] loop
        execute format('alter table %I enable row level security', owned);
        execute format(
            'create policy one_tenant on %I using (tenant_id = (select current_tenant())) with check (tenant_id = (select current_tenant()))',
            owned);
        execute format('grant select, insert, update on %I to leads_app', owned);
    end loop;
end
$$;

-- The next leads that a change has not come to. Any number of replicas may ask: each lead's own row says who was first.
create function leads_to_change(at timestamptz, batch integer)
    returns table (tenant_id uuid, change_id uuid, lead_id uuid)
    language sql stable security definer set search_path = public, pg_temp
    as $$
        select l.tenant_id, l.change_id, l.lead_id
        from cadence_change_leads l
        where not l.is_done and l.look_at <= at
        order by l.look_at
        limit batch
    $$;
revoke all on function leads_to_change(timestamptz, integer) from public;
grant execute on function leads_to_change(timestamptz, integer) to leads_app;

create function changes_to_finish()
    returns table (tenant_id uuid, change_id uuid)
    language sql stable security definer set search_path = public, pg_temp
    as $$
        select c.tenant_id, c.id from cadence_changes c
        where c.finished_at is null
          and not exists (
              select from cadence_change_leads l where l.change_id = c.id and l.tenant_id = c.tenant_id and not l.is_done)
    $$;
revoke all on function changes_to_finish() from public;
grant execute on function changes_to_finish() to leads_app;

-- As lookup_lead_to_plan of 0029, and the cadence that counts for the lead's shop.
create function find_lead_to_plan(of_tenant uuid, of_lead uuid)
    returns table (
        location_id uuid, status text, phone text, texts_allowed boolean, has_email boolean, created_at timestamptz,
        planned_at timestamptz, stop_reason text, heat text, total_cents bigint, has_vehicle boolean, time_zone text,
        postal_address text, opening jsonb, closed_on date[], settings jsonb, cadence text, steps jsonb, experiment text,
        rival text, rival_steps jsonb, rival_percent smallint, own_experiment text, own_arm text)
    language plpgsql volatile
    as $$
    begin
        perform set_config('app.tenant', of_tenant::text, true);
        return query
            select l.location_id, l.status, l.phone, l.texts_allowed, l.email is not null, l.created_at, l.planned_at,
                   l.stop_reason, l.heat, l.total_cents, l.vehicle <> '', s.time_zone, s.postal_address, s.opening,
                   s.closed_on, t.settings, used.cadence || '@' || used.version, used.steps, used.experiment,
                   used.rival || '@' || used.rival_version, used.rival_steps, used.rival_percent,
                   l.experiment, l.arm
            from (select * from leads x where x.tenant_id = of_tenant and x.id = of_lead limit 1) l
            join locations s on s.tenant_id = of_tenant and s.id = l.location_id
            join tenants t on t.id = of_tenant
            left join lateral (
                select u.cadence, u.version, c.steps, u.experiment, u.rival, u.rival_version, r.steps as rival_steps,
                       u.rival_percent
                from cadence_uses u
                join cadences c on c.tenant_id = of_tenant and c.name = u.cadence and c.version = u.version
                left join cadences r on r.tenant_id = of_tenant and r.name = u.rival and r.version = u.rival_version
                where u.tenant_id = of_tenant
                  and (u.scope = 'tenant' or (u.scope = 'region' and u.of_name = s.region)
                       or (u.scope = 'location' and u.of_name = s.id::text))
                order by u.is_locked desc,
                         case u.scope when 'tenant' then 1 when 'region' then 2 else 3 end
                             * case when u.is_locked then 1 else -1 end
                limit 1
            ) used on true;
    end
    $$;

-- As plan_touches of 0029, starts the lead's clock, if it has one, and notes by which cadence it is planned.
create function plan_touches(
    of_tenant uuid, of_lead uuid, ids uuid[], steps smallint[], channels text[], templates text[], due timestamptz[],
    release timestamptz[], others text[], give_up_at timestamptz, at timestamptz, sla_asked_at timestamptz,
    sla_warns_at timestamptz, sla_ends_at timestamptz, by_cadence text, of_experiment text, in_arm text)
    returns bigint
    language plpgsql volatile
    as $$
    declare
        planned bigint := 0;
    begin
        perform set_config('app.tenant', of_tenant::text, true);
        update leads l
        set planned_at = at, gives_up_at = give_up_at, cadence = by_cadence, experiment = of_experiment, arm = in_arm
        where l.tenant_id = of_tenant and l.id = of_lead and l.planned_at is null and l.stopped_at is null;
        if not found then
            return 0;
        end if;
        insert into messages (tenant_id, id, lead_id, step, channel, template, state, due_at, release_at, fallbacks)
        select of_tenant, t.id, of_lead, t.step, t.channel, t.template, 'planned', t.due_at, t.release_at,
               coalesce(string_to_array(nullif(t.others, ''), ','), '{}')
        from unnest(ids, steps, channels, templates, due, release, others)
             as t (id, step, channel, template, due_at, release_at, others);
        get diagnostics planned = row_count;
        if sla_ends_at is not null then
            perform start_sla(of_tenant, of_lead, sla_asked_at, sla_warns_at, sla_ends_at);
        end if;
        return planned;
    end
    $$;
