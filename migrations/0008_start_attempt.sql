-- Deciding and writing in one call, because each call is a round trip on the way of every message.

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
