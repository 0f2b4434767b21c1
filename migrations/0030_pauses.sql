-- What stands still, and what was moved because of it.

create table pauses (
    tenant_id uuid not null,
    id uuid not null,
    scope text not null check (scope in ('everything', 'location', 'lead', 'channel')),
    -- The lead, the location, or the tenant itself.
    of_id uuid not null,
    channel text check ((channel is not null) = (scope = 'channel')),
    -- Business time.
    paused_at timestamptz not null,
    resumed_at timestamptz,
    because text not null,
    paused_by text not null,
    resumed_by text,
    -- What was held by it comes up again.
    is_released boolean not null default false,
    primary key (tenant_id, id)
);

-- One thing is paused once, however often somebody says so.
create unique index pauses_open on pauses (of_id, tenant_id, coalesce(channel, '')) where resumed_at is null;
create index pauses_of on pauses (of_id, tenant_id);
create index pauses_to_release on pauses (resumed_at) where resumed_at is not null and not is_released;

alter table pauses enable row level security;
create policy one_tenant on pauses using (tenant_id = current_tenant()) with check (tenant_id = current_tenant());
grant select, insert, update on pauses to leads_app;

-- From when on pauses count for it: what was before is in its due time. Null: from when its lead was planned.
alter table messages add column counted_from timestamptz;

-- What a pause holds is released at the end of the calendar, unless somebody resumes it.
create index messages_held on messages (tenant_id, id)
    where state = 'planned' and release_at = timestamptz '9999-01-01 00:00:00+00';

-- Has what one ended pause held looked at again, `batch` rows at a time; answers how many that were. Whoever holds a message for a
-- pause keeps the pause from ending until that is written down, so nothing is held by a pause that is released.
create function release_held(at timestamptz, batch integer)
    returns bigint
    language plpgsql volatile security definer set search_path = public, pg_temp
    as $$
    declare
        ended record;
        released bigint;
    begin
        select p.tenant_id, p.id, p.scope, p.of_id, p.channel into ended
        from pauses p
        where p.resumed_at is not null and not p.is_released
          -- Not the row's own lock: a message that is being held waits for that with the message in its hand.
          and pg_try_advisory_xact_lock(hashtextextended(p.id::text, 5))
        order by p.resumed_at
        limit 1;
        if not found then
            return 0;
        end if;
        update messages m
        set release_at = at
        where m.tenant_id = ended.tenant_id
          and m.id = any (array (
              select held.id from messages held
              where held.tenant_id = ended.tenant_id and held.state = 'planned'
                and held.release_at = timestamptz '9999-01-01 00:00:00+00'
                and case ended.scope
                        when 'lead' then held.lead_id = ended.of_id
                        when 'channel' then held.channel = ended.channel
                        when 'location' then exists (
                            select from leads l
                            where l.tenant_id = held.tenant_id and l.id = held.lead_id and l.location_id = ended.of_id)
                        else true
                    end
              limit batch))
          and m.state = 'planned' and m.release_at = timestamptz '9999-01-01 00:00:00+00';
        get diagnostics released = row_count;
        if released < batch then
            update pauses p set is_released = true where p.tenant_id = ended.tenant_id and p.id = ended.id;
        end if;
        return greatest(released, 1);
    end
    $$;

revoke all on function release_held(timestamptz, integer) from public;
grant execute on function release_held(timestamptz, integer) to leads_app;
