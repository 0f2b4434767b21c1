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
create policy one_tenant on pauses using (tenant_id = (select current_tenant())) with check (tenant_id = (select current_tenant()));
grant select, insert, update on pauses to leads_app;

-- From when on pauses count for it: what was before is in its due time. Null: from when its lead was planned.
alter table messages
    add column counted_from timestamptz,
    -- The pause that holds it; it is released at the end of the calendar, unless somebody resumes that.
    add column held_by uuid;
create index messages_held on messages (held_by, tenant_id) where held_by is not null;

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
        select p.tenant_id, p.id into ended
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
        set release_at = greatest(at, m.due_at), held_by = null
        where m.tenant_id = ended.tenant_id
          and m.id = any (array (
              select held.id from messages held
              where held.held_by = ended.id and held.tenant_id = ended.tenant_id
              limit batch
              for update skip locked));
        get diagnostics released = row_count;
        if released < batch and not exists (
            select from messages held where held.held_by = ended.id and held.tenant_id = ended.tenant_id)
        then
            update pauses p set is_released = true where p.tenant_id = ended.tenant_id and p.id = ended.id;
            return 1;
        end if;
        -- What somebody has in hand is looked at again.
        return released;
    end
    $$;

revoke all on function release_held(timestamptz, integer) from public;
grant execute on function release_held(timestamptz, integer) to leads_app;
