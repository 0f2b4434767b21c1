-- What every message does, in one call each: a call is a round trip, and a transaction around it is two more.

-- Takes a planned message in hand and records the call that is about to be made. Answers false, and does nothing, if another
-- message with these words went to this recipient since `said_since`, or is on its way. Until the transaction ends nobody
-- else can ask the same, so of two messages with the same words one goes out. Runs as its caller: one tenant.
create function start_attempt(
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
        if found then
            insert into attempts (tenant_id, id, message_id, number, channel, recipient, body, started_at)
            values (current_tenant(), attempt, of_message, attempt_number, by_channel, to_recipient, words, at);
        end if;
        return true;
    end
    $$;

drop function has_said(uuid, text, text, text, timestamptz);

-- The vendor has the message: settles the attempt, moves the message to sent and a new lead to contacted. Answers whether the
-- message moved; it has not when a receipt was faster than the answer. A message that was planned again, because the vendor
-- seemed not to have it, is sent too: the proof came late. Names its tenant itself, so that it may be a transaction of its own.
create function accept_attempt(of_tenant uuid, attempt uuid, of_message uuid, vendor_id text, at timestamptz)
    returns boolean
    language plpgsql volatile
    as $$
    declare
        of_lead uuid;
    begin
        perform set_config('app.tenant', of_tenant::text, true);
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

-- Keeps what a vendor says about a message and moves the message as far as that goes. The message is found by the attempt's
-- id that we gave the vendor, or by the id the vendor gave us; no row: it is not ours, and the receipt is kept all the same.
-- A receipt can only finish what was sent, and the first final word counts: vendors repeat and reorder theirs.
create function take_receipt(
    of_tenant uuid, from_source text, with_key text, by_channel text, vendor_id text, of_attempt uuid, what text,
    error_code text, at timestamptz)
    returns table (message uuid, lead uuid, address text, state_before text, is_sent boolean, is_finished boolean)
    language plpgsql volatile
    as $$
    declare
        attempt uuid;
        attempt_outcome text;
    begin
        perform set_config('app.tenant', of_tenant::text, true);
        select a.id, a.message_id, a.recipient, a.outcome into attempt, message, address, attempt_outcome
        from attempts a where a.tenant_id = of_tenant and a.id = of_attempt and a.channel = by_channel;
        if not found then
            select a.id, a.message_id, a.recipient, a.outcome into attempt, message, address, attempt_outcome
            from attempts a where a.tenant_id = of_tenant and a.provider_id = vendor_id and a.channel = by_channel;
        end if;
        select m.lead_id, m.state into lead, state_before
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
