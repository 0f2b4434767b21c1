-- Conversations: who said what, who answers now, and the times that a shop keeps for somebody.

-- For a bay that nobody has twice: uuids and numbers beside a range in one index. A trusted extension: the owner of the database may add it.
create extension if not exists btree_gist;

-- A lead's conversation, in one row that whoever says something locks.
create table chats (
    tenant_id uuid not null references tenants,
    lead_id uuid not null,
    -- Business time.
    opened_at timestamptz not null,
    -- The newest turn's number; the first has 1.
    last_turn integer not null default 0,
    -- The newest turn of the customer's that waits for no answer any more.
    answered_turn integer not null default 0,
    -- Whoever answers has drawn the newest. A number that is drawn is never drawn again.
    fence bigint not null default 0,
    -- Wall time: until when whoever drew it answers. Null: nobody does.
    answering_until timestamptz,
    -- Where the live log ended when they began, as pages write it.
    answering_from text,
    -- Who of the staff has the conversation. Null: the assistant.
    held_by text,
    held_since timestamptz,
    -- In which the customer is answered. Null: the lead's.
    language text check (language in ('en', 'es')),
    primary key (lead_id, tenant_id),
    check ((held_by is null) = (held_since is null))
);

create table turns (
    tenant_id uuid not null references tenants,
    lead_id uuid not null,
    number integer not null check (number > 0),
    id uuid not null,
    said_by text not null check (said_by in ('customer', 'assistant', 'person')),
    -- Of one of the staff.
    name text,
    channel text not null check (channel in ('web', 'sms', 'whatsapp')),
    words text not null,
    -- What is drawn beside the words.
    cards jsonb not null default '[]',
    -- What the words rest on: the rows of the catalog, the times and the policies behind each claim.
    grounds jsonb not null default '[]',
    -- Who worded it: the concierge, or a vendor's model.
    worded_by text,
    -- Business time.
    said_at timestamptz not null,
    primary key (lead_id, number, tenant_id),
    unique (id, tenant_id)
);

-- Places in a shop: offered to somebody, booked by somebody, or the shop's own, known from its CRM.
create table appointments (
    tenant_id uuid not null references tenants,
    id uuid not null,
    location_id uuid not null,
    -- From 0 on.
    bay smallint not null check (bay >= 0),
    during tstzrange not null check (not isempty(during) and lower_inc(during) and not upper_inc(during)),
    state text not null check (state in ('held', 'booked', 'ended')),
    -- Null: not ours.
    lead_id uuid,
    service text,
    -- Of a held one, wall time: until when.
    held_until timestamptz,
    -- Why it has ended.
    ended_because text check (ended_because in ('expired', 'released', 'cancelled', 'moved', 'gone')),
    booked_at timestamptz,
    -- The CRM's id of it. Of ours null until the CRM has it.
    crm_id text,
    -- Wall time: since when the CRM may have it without our knowing under which id.
    crm_asked_at timestamptz,
    -- Wall time: when the CRM is told what became of it. Null: it knows.
    crm_look_at timestamptz,
    primary key (id, tenant_id),
    check ((state = 'held') = (held_until is not null)),
    check ((state = 'ended') = (ended_because is not null)),
    -- A bay is nobody's twice.
    exclude using gist (location_id with =, bay with =, during with &&) where (state <> 'ended')
);
create index appointments_of_lead on appointments (lead_id, tenant_id) where lead_id is not null;
create index appointments_to_tell on appointments (crm_look_at) where crm_look_at is not null;
create unique index appointments_of_crm on appointments (crm_id, tenant_id, location_id) where crm_id is not null and state <> 'ended';

-- Appointments whose CRM is to be told, of all tenants; nobody else takes them until `again_at`.
create function appointments_to_tell(at timestamptz, again_at timestamptz, batch integer)
    returns table (tenant_id uuid, id uuid)
    language sql volatile security definer set search_path = public, pg_temp
    as $$
        with due as materialized (
            select a.tenant_id, a.id from appointments a
            where a.crm_look_at <= at order by a.crm_look_at limit batch for update skip locked
        )
        update appointments a set crm_look_at = again_at
        where (a.id, a.tenant_id) in (select due.id, due.tenant_id from due)
        returning a.tenant_id, a.id
    $$;
revoke all on function appointments_to_tell(timestamptz, timestamptz, integer) from public;
grant execute on function appointments_to_tell(timestamptz, timestamptz, integer) to leads_app;

-- Whoever has a link may talk, until it is taken back or has grown old; leaving by it works for ever.
alter table links add column revoked_at timestamptz;
create function find_chat_link(hash bytea)
    returns table (tenant_id uuid, lead_id uuid, made_at timestamptz)
    language sql stable security definer set search_path = public, pg_temp
    as $$
        select l.tenant_id, l.lead_id, l.made_at from links l where l.token_hash = hash and l.revoked_at is null
    $$;
revoke all on function find_chat_link(bytea) from public;
grant execute on function find_chat_link(bytea) to leads_app;

-- Cars a shop can have at once.
alter table locations add column bays smallint not null default 1 check (bays between 1 and 100);

alter table chats enable row level security;
alter table turns enable row level security;
alter table appointments enable row level security;
create policy one_tenant on chats
    using (tenant_id = (select current_tenant())) with check (tenant_id = (select current_tenant()));
create policy one_tenant on turns
    using (tenant_id = (select current_tenant())) with check (tenant_id = (select current_tenant()));
create policy one_tenant on appointments
    using (tenant_id = (select current_tenant())) with check (tenant_id = (select current_tenant()));
grant select, insert, update on chats to leads_app;
-- What was said is never changed.
grant select, insert on turns to leads_app;
grant select, insert, update on appointments to leads_app;
