-- As accept_attempt of 0014, but an attempt that the vendor refused, or threw away unsent, is settled: a word of it that comes late moves
-- nothing.
create or replace function accept_attempt(of_tenant uuid, attempt uuid, of_message uuid, vendor_id text, at timestamptz)
    returns boolean
    language plpgsql volatile
    as $$
    declare
        of_lead uuid;
    begin
        perform set_config('app.tenant', of_tenant::text, true);
        update messages m set state = 'sent', provider_id = vendor_id, sent_at = at, reason = null
        where m.tenant_id = of_tenant and m.id = of_message
          and (m.state in ('claimed', 'unknown') or (m.state = 'planned' and m.attempts > 0))
          and not exists (select from attempts a where a.tenant_id = of_tenant and a.id = attempt and a.outcome = 'refused')
        returning m.lead_id into of_lead;
        update attempts a set outcome = 'accepted', provider_id = vendor_id
        where a.tenant_id = of_tenant and a.id = attempt and (a.outcome is null or a.outcome = 'not_found');
        if of_lead is null then
            return false;
        end if;
        update leads l set status = 'contacted'
        where l.tenant_id = of_tenant and l.id = of_lead and l.status = 'new';
        return true;
    end
    $$;

-- As take_receipt of 0008, with the same in mind.
create or replace function take_receipt(
    of_tenant uuid, from_source text, with_key text, by_channel text, vendor_id text, of_attempt uuid, what text,
    error_code text, at timestamptz)
    returns table (message uuid, lead uuid, address text, state_before text, is_sent boolean, is_finished boolean)
    language plpgsql volatile
    as $$
    declare
        attempt uuid;
        attempt_outcome text;
        is_newest boolean;
    begin
        perform set_config('app.tenant', of_tenant::text, true);
        select a.id, a.message_id, a.recipient, a.outcome into attempt, message, address, attempt_outcome
        from attempts a where a.tenant_id = of_tenant and a.id = of_attempt and a.channel = by_channel;
        if not found then
            select a.id, a.message_id, a.recipient, a.outcome into attempt, message, address, attempt_outcome
            from attempts a where a.tenant_id = of_tenant and a.provider_id = vendor_id and a.channel = by_channel;
        end if;
        select m.lead_id, m.state, m.attempts = (select a.number from attempts a where a.tenant_id = of_tenant and a.id = attempt)
        into lead, state_before, is_newest
        from messages m where m.tenant_id = of_tenant and m.id = message;
        is_sent := false;
        is_finished := false;
        -- Half of all receipts: the vendor has what it said it has.
        if what = 'accepted' and attempt_outcome = 'accepted' and state_before not in ('planned', 'claimed', 'unknown') then
            return next;
            return;
        end if;
        insert into receipts (tenant_id, source, key, attempt_id, kind, code, received_at)
        values (of_tenant, from_source, with_key, of_attempt, what, error_code, at)
        on conflict do nothing;
        if attempt is null then
            return;
        end if;
        -- What the vendor threw away is settled, and how an earlier attempt ended says nothing of a later one's end.
        if attempt_outcome = 'refused' or (what = 'failed' and not is_newest) then
            return next;
            return;
        end if;
        if attempt_outcome is distinct from 'accepted' or state_before in ('planned', 'claimed', 'unknown') then
            is_sent := accept_attempt(of_tenant, attempt, message, vendor_id, at);
        end if;
        if what in ('delivered', 'failed') then
            update messages m set state = what, reason = error_code, finished_at = at
            where m.tenant_id = of_tenant and m.id = message and m.state in ('planned', 'claimed', 'unknown', 'sent');
            is_finished := found;
        end if;
        return next;
    end
    $$;

-- As save_lead of 0026: an order that a shop makes of a call, or of a conversation it has taken over, belongs to that, too.
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
                    or (l.stop_reason in ('replied', 'booked', 'called', 'taken_over') and l.stopped_at > asked_at - interval '1 day'))
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
