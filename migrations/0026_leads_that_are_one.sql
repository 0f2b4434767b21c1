-- Leads that are one, as they turn out: whose order goes on, who is told, and what is one at all.

-- What is asked with every message and every lead is found by what it begins with (ADR 8).
alter table merges drop constraint merges_pkey, add primary key (lead_id, merged_at, tenant_id);
drop index merges_of_lead;
alter table form_submissions drop constraint form_submissions_pkey, add primary key (id, tenant_id);

-- As before, and: who can be reached is asked of the addresses themselves, and whoever has replied or booked is answered again when
-- they ask again.
create or replace function save_lead(
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
               -- Whether every address that reaches this one reaches that one, too: a number that was corrected is not the same.
               (l.no_contact is null
                and (phone_number is null or not may_text or (l.texts_allowed and l.phone = phone_number))
                and (email_address is null or lower(l.email) is not distinct from lower(email_address))) as is_reached,
               l.stop_reason is null as is_open
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
               -- The order that a shop makes of a conversation comes within a day of it. Who asks again later is answered again.
               or ((l.stop_reason is null
                    or (l.stop_reason in ('replied', 'booked') and l.stopped_at > asked_at - interval '1 day'))
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
        if older.is_open
           and (not older.is_reached
                or (older.location_id <> at_location and owner = 'asked_last' and asked_at >= older.created_at)) then
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

-- Hands what is left of a lead's follow-up over to one of those that are one with it, because its own order is gone; a reachable
-- one and then the oldest goes on. `also_here`: also to one of the same shop. Answers who goes on, also when it is asked again.
-- Nothing that was said is planned anew. Takes the place of pass_on, which processes of the version before go on with.
create function hand_on(of_tenant uuid, of_lead uuid, at timestamptz, also_here boolean)
    returns uuid
    language plpgsql volatile
    as $$
    declare
        old record;
        heir uuid;
    begin
        -- Nobody plans it, or hangs another on it, before it is over.
        select l.merged_into, l.stop_reason, l.location_id, l.status, l.planned_at, l.gives_up_at into old
        from leads l where l.tenant_id = of_tenant and l.id = of_lead for update;
        if not found then
            return null;
        end if;
        if old.merged_into is not null or old.stop_reason is not null then
            -- There is nothing to hand on. Whoever was interrupted here before has handed it to somebody whom nobody may have planned.
            select l.id into heir from merges m join leads l on l.tenant_id = m.tenant_id and l.id = m.lead_id
            where m.tenant_id = of_tenant and m.into_lead_id = of_lead and m.undone_at is not null
              and l.planned_at is null and l.stopped_at is null and l.merged_into is null
            order by m.merged_at limit 1;
            return heir;
        end if;
        select l.id into heir from leads l
        where l.tenant_id = of_tenant and l.merged_into = of_lead and l.stop_reason = 'merged'
          and l.status in ('new', 'contacted') and (also_here or l.location_id <> old.location_id)
        order by l.no_contact is not null, l.created_at, l.id limit 1
        for update;
        if heir is null then
            return null;
        end if;
        update leads l
        set merged_into = null, stop_reason = null, stopped_at = null,
            status = case l.status when 'new' then old.status else l.status end,
            planned_at = coalesce(l.planned_at, old.planned_at), gives_up_at = greatest(l.gives_up_at, old.gives_up_at)
        where l.tenant_id = of_tenant and l.id = heir;
        update merges m set undone_at = at
        where m.tenant_id = of_tenant and m.lead_id = heir and m.undone_at is null;
        with moved as (
            update leads l set merged_into = heir where l.tenant_id = of_tenant and l.merged_into = of_lead returning l.id
        ), undone as (
            update merges m set undone_at = at
            where m.tenant_id = of_tenant and m.lead_id = any (array(select moved.id from moved)) and m.undone_at is null
        )
        insert into merges (tenant_id, lead_id, into_lead_id, because, merged_at)
        select of_tenant, moved.id, heir, 'the order of the one that both were one with is gone', at from moved;
        -- What it had left of its own when another took over, and then what that one has left.
        update messages m set state = 'planned', reason = null, finished_at = null
        where m.tenant_id = of_tenant and m.lead_id = heir and m.state = 'cancelled' and m.reason = 'merged' and m.due_at > at;
        update messages m set lead_id = heir
        where m.tenant_id = of_tenant and m.lead_id = of_lead and m.state = 'planned'
          and not exists (select from messages x
                          where x.tenant_id = of_tenant and x.lead_id = heir and x.step = m.step);
        return heir;
    end
    $$;
