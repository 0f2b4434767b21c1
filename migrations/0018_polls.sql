-- The backup of the webhooks: every tenant's CRM is looked through again and again, by one replica at a time.

-- Orders made before this are kept, and nobody is written to about them. Null: whoever asked is answered.
alter table tenants add column contacts_since timestamptz;

-- How we first heard of an order, and when it was first judged. Null: before this was kept.
alter table judgements add column told_by text;
alter table judgements add column first_judged_at timestamptz;

create table polls (
    tenant_id uuid not null references tenants,
    crm text not null,
    -- When somebody may take it, by the wall: of one that is taken, when its lease ends.
    due_at timestamptz not null,
    -- Grows with every taking: whoever was too slow no longer holds it and writes nothing.
    lease bigint not null default 0,
    -- In business time, every change before it has been looked at.
    orders_until timestamptz not null,
    -- Appointments and customers are looked at less often.
    others_due_at timestamptz not null,
    others_until timestamptz not null,
    primary key (tenant_id, crm)
);
create index polls_due on polls (due_at);

-- What every run found. Runs that found nothing, one after the other, share a line; so do those that failed alike.
create table poll_runs (
    id bigint generated always as identity primary key,
    tenant_id uuid not null,
    crm text not null,
    runs integer not null default 1,
    started_at timestamptz not null,
    ended_at timestamptz not null,
    outcome text not null check (outcome in ('quiet', 'found', 'failed')),
    requests integer not null,
    -- Rows the CRM listed, and those of them that were news to us.
    rows_listed integer not null,
    told integer not null,
    -- Of the orders made within the window: how many we heard of by webhook first, how long the slowest of these took from the
    -- CRM's clock to our judgement, and how many nobody told us of.
    by_webhook integer not null,
    by_poll integer not null,
    slowest_webhook_ms bigint,
    problem text
);
create index poll_runs_of_tenant on poll_runs (tenant_id, id);

do $$
declare
    owned text;
begin
    foreach owned in array array['polls', 'poll_runs'] loop
        execute format('alter table %I enable row level security', owned);
        execute format(
            'create policy one_tenant on %I
                 using (tenant_id = (select current_tenant())) with check (tenant_id = (select current_tenant()))',
            owned);
        execute format('grant select, insert, update on %I to leads_app', owned);
    end loop;
end
$$;

-- Tenants that are live already.
insert into polls (tenant_id, crm, due_at, orders_until, others_due_at, others_until)
select tenant_id, vendor, now(), now(), now(), now() from credentials where vendor = 'shopmonkey';

-- Takes a batch of polls that are due, until `leased_until`. Any number of replicas may call it at once.
create function take_polls(at timestamptz, leased_until timestamptz, batch integer)
    returns table (tenant_id uuid, crm text, lease bigint, orders_until timestamptz, others_due_at timestamptz,
                   others_until timestamptz)
    language sql volatile security definer set search_path = public, pg_temp
    as $$
        with due as (
            select p.tenant_id, p.crm from polls p where p.due_at <= at order by p.due_at limit batch
            for update skip locked
        )
        update polls p
        set due_at = leased_until, lease = p.lease + 1
        from due
        where p.tenant_id = due.tenant_id and p.crm = due.crm
        returning p.tenant_id, p.crm, p.lease, p.orders_until, p.others_due_at, p.others_until
    $$;

-- Keeps a run: beside the last one if both were quiet or failed alike, or else on a line of its own, of which a tenant has the
-- newest thousand.
create function keep_poll_run(
    of_tenant uuid, of_crm text, started timestamptz, ended timestamptz, how text, asked integer, listed integer,
    news integer, webhooks integer, polls integer, slowest_ms bigint, why text)
    returns void
    language plpgsql volatile security definer set search_path = public, pg_temp
    as $$
    begin
        if of_tenant is distinct from current_tenant() then
            raise exception 'a tenant keeps its own runs';
        end if;
        update poll_runs r
        set runs = r.runs + 1, ended_at = ended, requests = r.requests + asked, rows_listed = r.rows_listed + listed,
            by_webhook = greatest(r.by_webhook, webhooks), by_poll = greatest(r.by_poll, polls),
            slowest_webhook_ms = greatest(r.slowest_webhook_ms, slowest_ms)
        where r.id = (select x.id from poll_runs x where x.tenant_id = of_tenant order by x.id desc limit 1)
          and r.crm = of_crm and r.outcome = how and how <> 'found' and r.problem is not distinct from why
          -- A line covers an hour at most, so that one can see when.
          and r.started_at > ended - interval '1 hour';
        if found then
            return;
        end if;
        insert into poll_runs
            (tenant_id, crm, started_at, ended_at, outcome, requests, rows_listed, told, by_webhook, by_poll,
             slowest_webhook_ms, problem)
        values (of_tenant, of_crm, started, ended, how, asked, listed, news, webhooks, polls, slowest_ms, why);
        delete from poll_runs r where r.tenant_id = of_tenant and r.id <=
            (select x.id from poll_runs x where x.tenant_id = of_tenant order by x.id desc offset 1000 limit 1);
    end
    $$;

-- As save_lead of 0016, and keeps how we first heard of the order and why nobody is written to.
create function save_lead(
    of_tenant uuid, new_id uuid, at_location uuid, of_crm text, order_id text, version bigint, nobody_because text,
    given_name text, family_name text, phone_number text, may_text boolean, email_address text, car text, wish text,
    cents bigint, asked_at timestamptz, customer_id text, customer_version bigint, at timestamptz, heard_by text,
    silent_because text)
    returns text
    language plpgsql volatile
    as $$
    declare
        is_new boolean;
    begin
        perform set_config('app.tenant', of_tenant::text, true);
        insert into judgements as j
            (tenant_id, crm, order_id, crm_version, is_lead, reasons, judged_at, told_by, first_judged_at)
        values (of_tenant, of_crm, save_lead.order_id, version, true, '{}', at, heard_by, at)
        on conflict on constraint judgements_pkey do update
        set crm_version = excluded.crm_version, is_lead = true, reasons = '{}', judged_at = excluded.judged_at
        where j.crm_version <= excluded.crm_version;
        if not found then
            return 'outdated';
        end if;
        insert into leads as l
            (tenant_id, id, location_id, crm, crm_order_id, crm_version, status, no_contact, first_name, last_name, phone,
             texts_allowed, email, vehicle, service, total_cents, created_at, first_seen_at, crm_customer_id,
             crm_customer_version, stop_reason, stopped_at)
        values (of_tenant, new_id, at_location, of_crm, save_lead.order_id, version, 'new', nobody_because, given_name,
                family_name, phone_number, may_text, email_address, car, wish, cents, asked_at, at, customer_id,
                customer_version, silent_because, case when silent_because is not null then at end)
        on conflict (crm_order_id, crm, tenant_id) do update
        set location_id = excluded.location_id, crm_version = excluded.crm_version, vehicle = excluded.vehicle,
            service = excluded.service, total_cents = excluded.total_cents
        where l.crm_version < excluded.crm_version
        returning xmax = 0 into is_new;
        -- Also when this version was there already: the customer's copy may be newer, and has a version of its own.
        if is_new is distinct from true then
            update leads l
            set no_contact = nobody_because, first_name = given_name, last_name = family_name, phone = phone_number,
                texts_allowed = may_text, email = email_address, crm_customer_id = customer_id,
                crm_customer_version = customer_version
            where l.tenant_id = of_tenant and l.id = new_id
              and (l.crm_customer_id is distinct from customer_id or l.crm_customer_version <= customer_version);
        end if;
        return case when is_new is null then 'unchanged' when is_new then 'added' else 'updated' end;
    end
    $$;

-- For processes of the version before, while they still run.
create or replace function save_lead(
    of_tenant uuid, new_id uuid, at_location uuid, of_crm text, order_id text, version bigint, nobody_because text,
    given_name text, family_name text, phone_number text, may_text boolean, email_address text, car text, wish text,
    cents bigint, asked_at timestamptz, customer_id text, customer_version bigint, at timestamptz)
    returns text
    language sql volatile
    as $$
        select save_lead(of_tenant, new_id, at_location, of_crm, order_id, version, nobody_because, given_name, family_name,
                         phone_number, may_text, email_address, car, wish, cents, asked_at, customer_id, customer_version, at,
                         'webhook', null)
    $$;

do $$
declare
    signature text;
begin
    foreach signature in array array[
        'take_polls(timestamptz, timestamptz, integer)',
        'keep_poll_run(uuid, text, timestamptz, timestamptz, text, integer, integer, integer, integer, integer, bigint, text)'
    ] loop
        execute format('revoke all on function %s from public', signature);
        execute format('grant execute on function %s to leads_app', signature);
    end loop;
end
$$;
