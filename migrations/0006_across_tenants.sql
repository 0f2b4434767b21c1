-- The named ways to look across tenants. Each runs in the owner's name, does one thing, and has its own grant.

-- Whose door this token opens.
create function find_door(hash bytea)
    returns table (tenant_id uuid, source text, sealed_secret bytea)
    language sql stable security definer set search_path = public, pg_temp
    as 'select d.tenant_id, d.source, d.sealed_secret from doors d where d.token_hash = hash';

-- Takes a batch of rows whose time has come and puts each off to `again_at`: whoever takes them publishes them, and if it
-- dies in between, they come up again. Any number of replicas may call it at once; none waits for another.
create function release_due(at timestamptz, again_at timestamptz, batch integer)
    returns table (tenant_id uuid, id uuid, released_at timestamptz)
    language sql volatile security definer set search_path = public, pg_temp
    as $$
        with due as (
            select m.tenant_id, m.id, m.release_at
            from messages m
            where m.state in ('planned', 'claimed', 'unknown') and m.release_at <= at
            order by m.release_at
            limit batch
            for update skip locked
        )
        update messages m
        set release_at = again_at
        from due
        where m.tenant_id = due.tenant_id and m.id = due.id
        returning m.tenant_id, m.id, due.release_at
    $$;

-- The same for leads that may have to be given up.
create function leads_to_give_up(at timestamptz, again_at timestamptz, batch integer)
    returns table (tenant_id uuid, id uuid)
    language sql volatile security definer set search_path = public, pg_temp
    as $$
        with due as (
            select l.tenant_id, l.id
            from leads l
            where l.gives_up_at <= at
            order by l.gives_up_at
            limit batch
            for update skip locked
        )
        update leads l
        set gives_up_at = again_at
        from due
        where l.tenant_id = due.tenant_id and l.id = due.id
        returning l.tenant_id, l.id
    $$;

-- Keeps a dead letter; burying one twice leaves one.
create function bury(
    id uuid, tenant uuid, stage text, stream text, sequence bigint, subject text, headers jsonb, payload bytea,
    reasons text[], deliveries bigint, died_at timestamptz)
    returns boolean
    language sql volatile security definer set search_path = public, pg_temp
    as $$
        with buried as (
            insert into dead_letters
                (id, tenant_id, stage, stream, sequence, subject, headers, payload, reasons, deliveries, died_at)
            values (bury.id, (select t.id from tenants t where t.id = bury.tenant), bury.stage, bury.stream, bury.sequence,
                    bury.subject, bury.headers, bury.payload, bury.reasons, bury.deliveries, bury.died_at)
            on conflict (stage, stream, sequence) do nothing
            returning 1
        )
        select exists (select from buried)
    $$;

-- What an engineer on call lists, newest first.
create function open_dead_letters(most integer)
    returns table (id uuid, tenant_id uuid, stage text, stream text, sequence bigint, subject text,
                   reasons text[], deliveries bigint, died_at timestamptz)
    language sql stable security definer set search_path = public, pg_temp
    as $$
        select d.id, d.tenant_id, d.stage, d.stream, d.sequence, d.subject, d.reasons, d.deliveries, d.died_at
        from dead_letters d where d.redriven_at is null order by d.died_at desc limit most
    $$;

create function find_dead_letter(wanted uuid)
    returns table (id uuid, stage text, stream text, subject text, headers jsonb, payload bytea, redriven_at timestamptz)
    language sql stable security definer set search_path = public, pg_temp
    as $$
        select d.id, d.stage, d.stream, d.subject, d.headers, d.payload, d.redriven_at
        from dead_letters d where d.id = wanted
    $$;

create function mark_redriven(wanted uuid, at timestamptz)
    returns boolean
    language sql volatile security definer set search_path = public, pg_temp
    as $$
        with marked as (update dead_letters d set redriven_at = at where d.id = wanted returning 1)
        select exists (select from marked)
    $$;

-- Counts a start of work on a message that was delivered suspiciously often; answers how many starts had no outcome.
create function count_start(at_stage text, in_stream text, at_sequence bigint)
    returns integer
    language sql volatile security definer set search_path = public, pg_temp
    as $$
        insert into suspects (stage, stream, sequence, starts) values (at_stage, in_stream, at_sequence, 1)
        on conflict (stage, stream, sequence) do update set starts = suspects.starts + 1
        returning starts
    $$;

-- The work had an outcome after all.
create function clear_starts(at_stage text, in_stream text, at_sequence bigint)
    returns void
    language sql volatile security definer set search_path = public, pg_temp
    as 'delete from suspects s where s.stage = at_stage and s.stream = in_stream and s.sequence = at_sequence';

-- Whether another message with these words went to this recipient since `since`, or is on its way. Until the transaction
-- ends nobody else can ask the same, so of two messages with the same words one goes out. Runs as its caller: one tenant.
create function has_said(message uuid, by_channel text, to_recipient text, words text, since timestamptz)
    returns boolean
    language plpgsql volatile
    as $$
    begin
        perform pg_advisory_xact_lock(hashtextextended(current_tenant()::text || to_recipient, 0));
        return exists (
            select from attempts a
            where a.tenant_id = current_tenant() and a.recipient = to_recipient and a.channel = by_channel
              and a.body = words and a.message_id <> message and a.started_at > since
              and (a.outcome is null or a.outcome = 'accepted'));
    end
    $$;

-- Numbers without names, for progress views, checks and metrics.
create function count_leads_by_status()
    returns table (status text, leads bigint)
    language sql stable security definer set search_path = public, pg_temp
    as 'select l.status, count(*) from leads l group by l.status order by l.status';

create function count_judgements_by_reason()
    returns table (reason text, orders bigint)
    language sql stable security definer set search_path = public, pg_temp
    as $$
        select r.reason, count(*) from judgements j, unnest(j.reasons) as r (reason)
        where not j.is_lead group by r.reason order by r.reason
    $$;

create function count_messages_by_state()
    returns table (channel text, state text, messages bigint)
    language sql stable security definer set search_path = public, pg_temp
    as 'select m.channel, m.state, count(*) from messages m group by m.channel, m.state order by m.channel, m.state';

do $$
declare
    signature text;
begin
    foreach signature in array array[
        'find_door(bytea)', 'release_due(timestamptz, timestamptz, integer)',
        'leads_to_give_up(timestamptz, timestamptz, integer)',
        'bury(uuid, uuid, text, text, bigint, text, jsonb, bytea, text[], bigint, timestamptz)',
        'count_start(text, text, bigint)', 'clear_starts(text, text, bigint)',
        'open_dead_letters(integer)', 'find_dead_letter(uuid)', 'mark_redriven(uuid, timestamptz)',
        'count_leads_by_status()', 'count_judgements_by_reason()', 'count_messages_by_state()'
    ] loop
        execute format('revoke all on function %s from public', signature);
        execute format('grant execute on function %s to leads_app', signature);
    end loop;
end
$$;
