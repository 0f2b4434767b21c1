-- That nothing reaches somebody is no wish of theirs: it is kept apart from opt-outs, and neither can hide the other.
create table unreachable (
    tenant_id uuid not null references tenants,
    channel text not null check (channel in ('sms', 'email', 'whatsapp')),
    address text not null,
    -- The vendor, and its code.
    source text not null,
    -- Wall time.
    since timestamptz not null,
    -- Since when they are reached again: they have written by this channel. Null: they are not.
    reached_at timestamptz,
    primary key (address, channel, tenant_id)
);
alter table unreachable enable row level security;
create policy one_tenant on unreachable
    using (tenant_id = (select current_tenant())) with check (tenant_id = (select current_tenant()));
grant select, insert, update on unreachable to leads_app;

insert into unreachable (tenant_id, channel, address, source, since)
select tenant_id, channel, address, substring(source from length('unreachable:') + 1), suppressed_at
from suppressions
where starts_with(source, 'unreachable:') and lifted_at is null;

-- What was an opt-out before is one again, and so is what may have been one: of which more was told than once.
update suppressions s
set source = coalesce(before.source, 'vendor')
from (
    select h.tenant_id, h.channel, h.address, count(*) as told,
           (array_agg(h.source order by h.at desc) filter (where not starts_with(h.source, 'unreachable:')))[1] as source
    from suppression_history h
    where h.what = 'opted_out'
    group by h.tenant_id, h.channel, h.address
) before
where starts_with(s.source, 'unreachable:') and s.lifted_at is null and before.told > 1
  and (before.tenant_id, before.channel, before.address) = (s.tenant_id, s.channel, s.address);

delete from suppressions where starts_with(source, 'unreachable:');

-- As start_attempt of 0040. What did not arrive was not said, by whichever channel.
create or replace function start_attempt(
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
            cross join lateral (
                select m.state = 'failed' and m.reason is distinct from 'nobody_knows' as is_lost from messages m
                where m.tenant_id = current_tenant() and m.id = a.message_id limit 1
            ) said
            where a.tenant_id = current_tenant() and a.recipient = to_recipient
              and a.body = words and a.message_id <> of_message and a.started_at > said_since
              and (a.outcome is null or a.outcome in ('accepted', 'lost')) and not said.is_lost)
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
                  and (x.outcome is null or x.outcome in ('accepted', 'lost'))
                union
                select x.message_id, x.outcome from attempts x
                where x.tenant_id = current_tenant() and x.recipient = other_address and x.message_id <> of_message
                  and (x.outcome is null or x.outcome in ('accepted', 'lost'))
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

-- Whether a change of a cadence had anything to do with a lead. Null: it had, or that was not kept.
alter table cadence_change_leads add column has_changed boolean;
