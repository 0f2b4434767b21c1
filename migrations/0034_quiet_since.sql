-- As start_attempt of 0029, and looks in the same count whether anything went to this person since a while ago, by every address that
-- is theirs. Takes its place; the older one stays for processes of the version before.
create function start_attempt(
    attempt uuid, of_message uuid, attempt_number integer, by_channel text, to_recipient text, words text,
    at timestamptz, said_since timestamptz, lease_until timestamptz, other_address text, most integer,
    business_at timestamptz, quiet_since timestamptz)
    returns text
    language plpgsql volatile
    as $$
    declare
        within_a_day bigint;
        is_quiet boolean;
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
        -- What is on its way goes now, however long ago it was due.
        select count(*), coalesce(bool_and(theirs.at <= quiet_since), true) into within_a_day, is_quiet
        from (
            select case when a.outcome is null then business_at + interval '1 second' else said.at end as at
            from (
                select x.message_id, x.outcome from attempts x
                where x.tenant_id = current_tenant() and x.recipient = to_recipient and x.message_id <> of_message
                  and (x.outcome is null or x.outcome = 'accepted')
                union
                select x.message_id, x.outcome from attempts x
                where x.tenant_id = current_tenant() and x.recipient = other_address and x.message_id <> of_message
                  and (x.outcome is null or x.outcome = 'accepted')
            ) a
            cross join lateral (
                select coalesce(m.sent_at, m.due_at) as at from messages m
                where m.tenant_id = current_tenant() and m.id = a.message_id limit 1
            ) said
        ) theirs
        where theirs.at > business_at - interval '24 hours';
        if within_a_day >= most or not is_quiet then
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
