-- What is known of a lead beside what it says: the services asked for, its time zone and how that is known, how hot it is and why;
-- and which leads are one.

alter table leads
    add column services text[] not null default '{}',
    add column time_zone text,
    add column time_zone_source text check (time_zone_source in ('area_code', 'shop')),
    add column heat text check (heat in ('hot', 'warm', 'cold')),
    add column heat_reasons text[] not null default '{}',
    -- The lead that is followed up in place of this one.
    add column merged_into uuid;

create index leads_of_email on leads (email, tenant_id) where email is not null;

-- Each merge, also those that somebody has undone.
create table merges (
    tenant_id uuid not null,
    lead_id uuid not null,
    into_lead_id uuid not null,
    -- In words: what the two have in common.
    because text not null,
    merged_at timestamptz not null,
    undone_at timestamptz,
    primary key (tenant_id, lead_id, merged_at)
);
create index merges_of_lead on merges (lead_id, tenant_id);
create index merges_into_lead on merges (into_lead_id, tenant_id);
alter table merges enable row level security;
create policy one_tenant on merges
    using (tenant_id = (select current_tenant())) with check (tenant_id = (select current_tenant()));
grant select, insert, update on merges to leads_app;

-- As save_lead of 0018, which processes of the version before go on with, and keeps what is new above. A lead that is one with another is kept and not followed up. Two leads of one
-- person are decided upon one after the other: whoever comes second waits for the first one's end, and sees it.
create function save_lead(
    of_tenant uuid, new_id uuid, at_location uuid, of_crm text, order_id text, version bigint, nobody_because text,
    given_name text, family_name text, phone_number text, may_text boolean, email_address text, car text, wish text,
    cents bigint, asked_at timestamptz, customer_id text, customer_version bigint, at timestamptz, heard_by text,
    silent_because text, wishes text[], zone text, zone_source text, how_hot text, hot_because text[], merge_days integer,
    owner text)
    returns text
    language plpgsql volatile
    as $$
    declare
        is_new boolean;
        older record;
        may_merge constant boolean := merge_days > 0 and silent_because is null;
    begin
        perform set_config('app.tenant', of_tenant::text, true);
        -- Numbers before addresses, and both before any row, so that no two wait for each other.
        if may_merge and phone_number is not null then
            perform pg_advisory_xact_lock(hashtextextended(of_tenant || ':' || phone_number, 2));
        end if;
        if may_merge and email_address is not null then
            perform pg_advisory_xact_lock(hashtextextended(of_tenant || ':' || email_address, 3));
        end if;
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
             crm_customer_version, stop_reason, stopped_at, services, time_zone, time_zone_source, heat, heat_reasons)
        values (of_tenant, new_id, at_location, of_crm, save_lead.order_id, version, 'new', nobody_because, given_name,
                family_name, phone_number, may_text, email_address, car, wish, cents, asked_at, at, customer_id,
                customer_version, silent_because, case when silent_because is not null then at end, wishes, zone,
                zone_source, how_hot, hot_because)
        on conflict (crm_order_id, crm, tenant_id) do update
        set location_id = excluded.location_id, crm_version = excluded.crm_version, vehicle = excluded.vehicle,
            service = excluded.service, total_cents = excluded.total_cents, services = excluded.services,
            heat = excluded.heat, heat_reasons = excluded.heat_reasons
        where l.crm_version < excluded.crm_version
        returning xmax = 0 into is_new;
        -- Also when this version was there already: the customer's copy may be newer, and has a version of its own.
        if is_new is distinct from true then
            update leads l
            set no_contact = nobody_because, first_name = given_name, last_name = family_name, phone = phone_number,
                texts_allowed = may_text, email = email_address, crm_customer_id = customer_id,
                crm_customer_version = customer_version, time_zone = zone, time_zone_source = zone_source, heat = how_hot,
                heat_reasons = hot_because
            where l.tenant_id = of_tenant and l.id = new_id
              and (l.crm_customer_id is distinct from customer_id or l.crm_customer_version <= customer_version);
            return case when is_new is null then 'unchanged' else 'updated' end;
        end if;
        if not may_merge then
            return 'added';
        end if;
        -- Locked, so that nobody ends its follow-up between this and what is written below. What it is found by compares plainly:
        -- under row-level security nothing else may use an index (ADR 8).
        select l.id, l.location_id, l.created_at,
               case when l.phone = phone_number then 'the same telephone' else 'the same address' end as person,
               (cardinality(wishes) > 0 and lower(l.service) = lower(wish)) as is_same_service,
               (car <> '' and lower(l.vehicle) = lower(car)) as is_same_car,
               -- Whether everything that reaches this one reaches that one, too.
               (l.no_contact is null and (l.texts_allowed or not (may_text and phone_number is not null))) as is_reached
        into older
        from leads l
        where l.tenant_id = of_tenant
          and l.id = any (array(select p.id from leads p where p.phone = phone_number and p.tenant_id = of_tenant
                                union select e.id from leads e where e.email = email_address and e.tenant_id = of_tenant))
          and l.id <> new_id and l.merged_into is null
          and l.status in ('new', 'contacted', 'chat_active', 'appointment_scheduled')
          and l.created_at between asked_at - make_interval(days => merge_days)
                               and asked_at + make_interval(days => merge_days)
          and ((l.stop_reason is null and l.location_id <> at_location)
               or ((l.stop_reason is null or l.stop_reason in ('replied', 'booked'))
                   and ((car <> '' and lower(l.vehicle) = lower(car))
                        or (cardinality(wishes) > 0 and lower(l.service) = lower(wish))))
               -- Who says a moment later what it is about, or says it no more, is talking of the same.
               or (l.stop_reason is null and (cardinality(wishes) = 0 or cardinality(l.services) = 0)
                   and l.created_at between asked_at - interval '1 hour' and asked_at + interval '1 hour'))
        order by l.created_at, l.id
        limit 1
        for update;
        if not found then
            return 'added';
        end if;
        -- Who can be written to goes on in place of who cannot.
        if not older.is_reached
           or (older.location_id <> at_location and owner = 'asked_last' and asked_at >= older.created_at) then
            update leads l set merged_into = new_id, stop_reason = coalesce(l.stop_reason, 'merged'),
                               stopped_at = coalesce(l.stopped_at, at)
            where l.tenant_id = of_tenant and l.id = older.id;
            update messages m set state = 'cancelled', reason = 'merged', finished_at = at
            where m.tenant_id = of_tenant and m.lead_id = older.id and m.state = 'planned';
            insert into merges (tenant_id, lead_id, into_lead_id, because, merged_at)
            values (of_tenant, older.id, new_id,
                    older.person || case when older.is_reached then ', asked another shop later'
                                         else ', and can be reached better now' end, at);
            return 'added';
        end if;
        update leads l set merged_into = older.id, stop_reason = 'merged', stopped_at = at
        where l.tenant_id = of_tenant and l.id = new_id;
        insert into merges (tenant_id, lead_id, into_lead_id, because, merged_at)
        values (of_tenant, new_id, older.id,
                older.person || case when older.is_same_service then ', the same service'
                                     when older.is_same_car then ', the same car'
                                     when older.location_id = at_location then ', a moment before'
                                     else ', asked another shop before' end, at);
        return 'merged';
    end
    $$;

-- A lead that is one with another is counted with that one.
create or replace function count_leads_by_status()
    returns table (status text, leads bigint)
    language sql stable security definer set search_path = public, pg_temp
    as $$
        select l.status, count(*) from leads l where l.merged_into is null group by l.status order by l.status
    $$;

create index leads_merged on leads (merged_into, tenant_id) where merged_into is not null;

-- Hands what is left of a lead's follow-up over to the oldest of those that are one with it, because its order is gone and theirs is
-- not. Answers who goes on. Nothing is planned anew, so nobody hears anything twice.
create function pass_on(of_tenant uuid, of_lead uuid, at timestamptz)
    returns uuid
    language plpgsql volatile
    as $$
    declare
        heir uuid;
    begin
        -- Nobody plans it, or hangs another on it, before it is over.
        perform from leads l where l.tenant_id = of_tenant and l.id = of_lead for update;
        select l.id into heir from leads l
        where l.tenant_id = of_tenant and l.merged_into = of_lead and l.stop_reason = 'merged'
        order by l.created_at, l.id limit 1
        for update;
        if heir is null then
            return null;
        end if;
        update leads l
        set merged_into = null, stop_reason = null, stopped_at = null, status = old.status, planned_at = old.planned_at,
            gives_up_at = old.gives_up_at
        from leads old
        where old.tenant_id = of_tenant and old.id = of_lead and l.tenant_id = of_tenant and l.id = heir;
        update leads l set merged_into = heir
        where l.tenant_id = of_tenant and l.merged_into = of_lead;
        update messages m set lead_id = heir
        where m.tenant_id = of_tenant and m.lead_id = of_lead and m.state = 'planned'
          and not exists (select from messages x
                          where x.tenant_id = of_tenant and x.lead_id = heir and x.step = m.step);
        update merges m set undone_at = at
        where m.tenant_id = of_tenant and m.lead_id = heir and m.undone_at is null;
        return heir;
    end
    $$;
