-- When somebody may be written to, by which rule, and by which channel instead.

alter table locations
    -- Several shops that are led together.
    add column region text,
    -- When it is open, as rules read it; "hours" is how people do. Null: nobody has said.
    add column opening jsonb,
    add column closed_on date[] not null default '{}';

alter table messages
    -- What is tried instead, in this order, if the channel turns out not to reach them.
    add column fallbacks text[] not null default '{}',
    -- What moved it, each with its rule, the newest last. Null: nothing did.
    add column moves jsonb;

-- A step may be said by an email at once and by a text in the morning, or by one channel after the other has failed.
alter table messages
    drop constraint messages_lead_id_step_tenant_id_key,
    add unique (lead_id, step, channel, tenant_id);

-- What a lead's plan needs to know, by itself. Takes the place of lookup_lead.
create function lookup_lead_to_plan(of_tenant uuid, of_lead uuid)
    returns table (
        location_id uuid, status text, phone text, texts_allowed boolean, has_email boolean, created_at timestamptz,
        planned_at timestamptz, stop_reason text, heat text, total_cents bigint, has_vehicle boolean, time_zone text,
        postal_address text, opening jsonb, closed_on date[], settings jsonb)
    language plpgsql volatile
    as $$
    begin
        perform set_config('app.tenant', of_tenant::text, true);
        return query
            select l.location_id, l.status, l.phone, l.texts_allowed, l.email is not null, l.created_at, l.planned_at,
                   l.stop_reason, l.heat, l.total_cents, l.vehicle <> '', s.time_zone, s.postal_address, s.opening,
                   s.closed_on, t.settings
            from (select * from leads x where x.tenant_id = of_tenant and x.id = of_lead limit 1) l
            join locations s on s.tenant_id = of_tenant and s.id = l.location_id
            join tenants t on t.id = of_tenant;
    end
    $$;

-- As plan_touches of 0016, and keeps what is tried instead: one list for each touch, with commas.
create function plan_touches(
    of_tenant uuid, of_lead uuid, ids uuid[], steps smallint[], channels text[], templates text[], due timestamptz[],
    release timestamptz[], others text[], give_up_at timestamptz, at timestamptz)
    returns bigint
    language plpgsql volatile
    as $$
    declare
        planned bigint := 0;
    begin
        perform set_config('app.tenant', of_tenant::text, true);
        update leads l set planned_at = at, gives_up_at = give_up_at
        where l.tenant_id = of_tenant and l.id = of_lead and l.planned_at is null and l.stopped_at is null;
        if found then
            insert into messages (tenant_id, id, lead_id, step, channel, template, state, due_at, release_at, fallbacks)
            select of_tenant, t.id, of_lead, t.step, t.channel, t.template, 'planned', t.due_at, t.release_at,
                   coalesce(string_to_array(nullif(t.others, ''), ','), '{}')
            from unnest(ids, steps, channels, templates, due, release, others)
                 as t (id, step, channel, template, due_at, release_at, others);
            get diagnostics planned = row_count;
        end if;
        return planned;
    end
    $$;

-- As start_attempt of 0010, and counts what this person has had within a day, by every address that is theirs: two leads of one
-- person that claim at the same moment are counted one after the other. Answers started, said (the same words went out before)
-- or too_many.
create function start_attempt(
    attempt uuid, of_message uuid, attempt_number integer, by_channel text, to_recipient text, words text,
    at timestamptz, said_since timestamptz, lease_until timestamptz, other_address text, most integer,
    business_at timestamptz)
    returns text
    language plpgsql volatile
    as $$
    begin
        perform pg_advisory_xact_lock(hashtextextended(current_tenant()::text || theirs.address, 0))
        from (select a.address from (values (to_recipient), (other_address)) a (address)
              where a.address is not null order by a.address) theirs;
        if exists (
            select from attempts a
            where a.tenant_id = current_tenant() and a.recipient = to_recipient and a.channel = by_channel
              and a.body = words and a.message_id <> of_message and a.started_at > said_since
              and (a.outcome is null or a.outcome = 'accepted'))
        then
            return 'said';
        end if;
        if count_sent(of_message, to_recipient, business_at) + count_sent(of_message, other_address, business_at) >= most then
            return 'too_many';
        end if;
        update messages m set state = 'claimed', attempts = attempt_number, release_at = lease_until, reason = null
        where m.tenant_id = current_tenant() and m.id = of_message and m.state = 'planned';
        if not found then
            raise 'message % is not planned any more', of_message using errcode = 'serialization_failure';
        end if;
        insert into attempts (tenant_id, id, message_id, number, channel, recipient, body, started_at)
        values (current_tenant(), attempt, of_message, attempt_number, by_channel, to_recipient, words, at);
        return 'started';
    end
    $$;

-- How many other messages went to an address within the day before, or are on their way.
create function count_sent(of_message uuid, address text, business_at timestamptz)
    returns bigint
    language sql stable
    as $$
        select count(distinct a.message_id)
        from attempts a
        cross join lateral (
            select m.sent_at, m.due_at from messages m where m.tenant_id = current_tenant() and m.id = a.message_id limit 1
        ) said
        where a.tenant_id = current_tenant() and a.recipient = address and a.message_id <> of_message
          and (a.outcome is null or a.outcome = 'accepted')
          and coalesce(said.sent_at, said.due_at) > business_at - interval '24 hours'
    $$;
