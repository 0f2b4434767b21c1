-- A message that is not planned any more is nobody's to call about: the caller holds it, so this cannot be; if it is, nothing
-- is recorded and the work is tried again.
create or replace function start_attempt(
    attempt uuid, of_message uuid, attempt_number integer, by_channel text, to_recipient text, words text,
    at timestamptz, said_since timestamptz, lease_until timestamptz)
    returns boolean
    language plpgsql volatile
    as $$
    begin
        perform pg_advisory_xact_lock(hashtextextended(current_tenant()::text || to_recipient, 0));
        if exists (
            select from attempts a
            where a.tenant_id = current_tenant() and a.recipient = to_recipient and a.channel = by_channel
              and a.body = words and a.message_id <> of_message and a.started_at > said_since
              and (a.outcome is null or a.outcome = 'accepted'))
        then
            return false;
        end if;
        update messages m set state = 'claimed', attempts = attempt_number, release_at = lease_until, reason = null
        where m.tenant_id = current_tenant() and m.id = of_message and m.state = 'planned';
        if not found then
            raise 'message % is not planned any more', of_message using errcode = 'serialization_failure';
        end if;
        insert into attempts (tenant_id, id, message_id, number, channel, recipient, body, started_at)
        values (current_tenant(), attempt, of_message, attempt_number, by_channel, to_recipient, words, at);
        return true;
    end
    $$;

-- Locks the message before its attempt, as whoever looks an attempt up takes them.
create or replace function accept_attempt(of_tenant uuid, attempt uuid, of_message uuid, vendor_id text, at timestamptz)
    returns boolean
    language plpgsql volatile
    as $$
    declare
        of_lead uuid;
    begin
        perform set_config('app.tenant', of_tenant::text, true);
        perform from messages m where m.tenant_id = of_tenant and m.id = of_message for update;
        update attempts a set outcome = 'accepted', provider_id = vendor_id
        where a.tenant_id = of_tenant and a.id = attempt and (a.outcome is null or a.outcome = 'not_found');
        update messages m set state = 'sent', provider_id = vendor_id, sent_at = at, reason = null
        where m.tenant_id = of_tenant and m.id = of_message
          and (m.state in ('claimed', 'unknown') or (m.state = 'planned' and m.attempts > 0))
        returning m.lead_id into of_lead;
        if of_lead is null then
            return false;
        end if;
        update leads l set status = 'contacted'
        where l.tenant_id = of_tenant and l.id = of_lead and l.status = 'new';
        return true;
    end
    $$;

-- A row that is overdue although it was released waits in MESSAGES for somebody to handle it: the longer it waits, the more
-- seldom it is released again, so that an outage of a day does not fill the stream with repeats.
create or replace function release_due(at timestamptz, again_at timestamptz, batch integer)
    returns table (tenant_id uuid, id uuid, released_at timestamptz)
    language sql volatile security definer set search_path = public, pg_temp
    as $$
        with due as materialized (
            select m.tenant_id, m.id, m.release_at
            from messages m
            where m.state in ('planned', 'claimed', 'unknown') and m.release_at <= at
            order by m.release_at
            limit batch
            for update skip locked
        ), put_off as (
            update messages m
            set release_at = again_at + least(greatest((at - m.due_at) / 2, interval '0'), interval '30 minutes')
            where m.id = any (array (select due.id from due))
        )
        select due.tenant_id, due.id, due.release_at from due
    $$;
