-- Words in more than one language, emails with a design of their own, and WhatsApp.

alter table templates
    add column language text not null default 'en' check (language in ('en', 'es')),
    -- Of an email: MJML, filled like the body, which stays its text part. Null: the design that all emails have.
    add column mjml text,
    -- Of a WhatsApp message: the name under which the vendor has approved it. Null: only in an open conversation.
    add column approved_as text,
    drop constraint templates_pkey,
    add primary key (tenant_id, name, channel, language),
    drop constraint templates_channel_check,
    add check (channel in ('sms', 'email', 'whatsapp')),
    add check (mjml is null or channel = 'email'),
    add check (approved_as is null or channel = 'whatsapp');

-- In which a lead is written to. Null: its tenant's own.
alter table leads add column language text check (language in ('en', 'es'));

-- What people and we did with a lead, of which nothing else is kept: rows are added, and never changed.
create table lead_history (
    tenant_id uuid not null references tenants,
    lead_id uuid not null,
    -- Business time.
    at timestamptz not null,
    -- `we`, or somebody of the staff.
    who text not null,
    -- In one word, such as `speaks` or `task_taken`.
    what text not null,
    detail text
);
create index lead_history_of_lead on lead_history (lead_id, tenant_id);
alter table lead_history enable row level security;
create policy one_tenant on lead_history
    using (tenant_id = (select current_tenant())) with check (tenant_id = (select current_tenant()));
grant select, insert on lead_history to leads_app;

-- Not looked at row by row, which would hold the largest tables up: what is there has kept to less.
alter table messages
    drop constraint messages_channel_check,
    add constraint messages_channel_check check (channel in ('sms', 'email', 'whatsapp')) not valid;
alter table suppressions
    drop constraint suppressions_channel_check,
    add constraint suppressions_channel_check check (channel in ('sms', 'email', 'whatsapp')) not valid;
alter table attempts
    drop constraint attempts_outcome_check,
    -- `lost`: the vendor cannot be asked, and never said.
    add constraint attempts_outcome_check
        check (outcome in ('accepted', 'refused', 'not_processed', 'not_found', 'lost')) not valid;

-- Whoever wants no texts wants no messages on that telephone by another way either.
insert into suppressions (tenant_id, channel, address, source, suppressed_at)
select tenant_id, 'whatsapp', address, source, suppressed_at
from suppressions
where channel = 'sms' and lifted_at is null and not starts_with(source, 'unreachable:')
on conflict do nothing;

-- Every opt-out and opt-in there was: the table of those that hold has each address once. Rows are added, and never changed.
create table suppression_history (
    tenant_id uuid not null references tenants,
    channel text not null,
    address text not null,
    what text not null check (what in ('opted_out', 'opted_in')),
    source text not null,
    at timestamptz not null
);
create index suppression_history_of_address on suppression_history (address, channel, tenant_id);
alter table suppression_history enable row level security;
create policy one_tenant on suppression_history
    using (tenant_id = (select current_tenant())) with check (tenant_id = (select current_tenant()));
grant select, insert on suppression_history to leads_app;

insert into suppression_history (tenant_id, channel, address, what, source, at)
select tenant_id, channel, address, 'opted_out', source, suppressed_at from suppressions
union all
select tenant_id, channel, address, 'opted_in', source, lifted_at from suppressions where lifted_at is not null;

create function keep_suppression() returns trigger
    language plpgsql
    as $$
    begin
        if tg_op = 'UPDATE' and new.lifted_at is not null and new.lifted_at is distinct from old.lifted_at then
            insert into suppression_history (tenant_id, channel, address, what, source, at)
            values (new.tenant_id, new.channel, new.address, 'opted_in', new.source, new.lifted_at);
        elsif tg_op = 'INSERT'
              or (new.suppressed_at, new.source, new.lifted_at) is distinct from (old.suppressed_at, old.source, old.lifted_at) then
            insert into suppression_history (tenant_id, channel, address, what, source, at)
            values (new.tenant_id, new.channel, new.address, 'opted_out', new.source, new.suppressed_at);
        end if;
        return null;
    end
    $$;

create trigger keep_suppression after insert or update on suppressions for each row execute function keep_suppression();

-- When somebody last wrote by WhatsApp: for a day from then on a business may write to them freely.
create table conversations (
    tenant_id uuid not null references tenants,
    channel text not null check (channel = 'whatsapp'),
    address text not null,
    -- Wall time, by the vendor's clock.
    heard_at timestamptz not null,
    primary key (tenant_id, channel, address)
);

alter table conversations enable row level security;
create policy one_tenant on conversations
    using (tenant_id = (select current_tenant())) with check (tenant_id = (select current_tenant()));
grant select, insert, update on conversations to leads_app;

-- What somebody's own words or browser say, of the lead that is followed up in the end; what a person has chosen stays.
create function note_language(of_tenant uuid, of_lead uuid, spoken text, noted_at timestamptz)
    returns void
    language plpgsql volatile
    as $$
    begin
        perform set_config('app.tenant', of_tenant::text, true);
        with noted as (
            update leads l set language = spoken
            where l.tenant_id = of_tenant and l.language is null
              and l.id = (select coalesce(o.merged_into, o.id) from leads o where o.tenant_id = of_tenant and o.id = of_lead limit 1)
            returning l.id
        )
        insert into lead_history (tenant_id, lead_id, at, who, what, detail)
        select of_tenant, noted.id, noted_at, 'we', 'speaks', spoken from noted;
    end
    $$;

-- As accept_attempt of 0033: what nobody knew is known when the vendor's word for it comes at last.
create or replace function accept_attempt(of_tenant uuid, attempt uuid, of_message uuid, vendor_id text, at timestamptz)
    returns boolean
    language plpgsql volatile
    as $$
    declare
        of_lead uuid;
    begin
        perform set_config('app.tenant', of_tenant::text, true);
        update messages m set state = 'sent', provider_id = vendor_id, sent_at = at, reason = null, finished_at = null
        where m.tenant_id = of_tenant and m.id = of_message
          and (m.state in ('claimed', 'unknown') or (m.state = 'planned' and m.attempts > 0)
               or (m.state = 'failed' and m.reason = 'nobody_knows'))
          and not exists (select from attempts a where a.tenant_id = of_tenant and a.id = attempt and a.outcome = 'refused')
        returning m.lead_id into of_lead;
        update attempts a set outcome = 'accepted', provider_id = vendor_id
        where a.tenant_id = of_tenant and a.id = attempt and (a.outcome is null or a.outcome in ('not_found', 'lost'));
        if of_lead is null then
            return false;
        end if;
        update leads l set status = 'contacted'
        where l.tenant_id = of_tenant and l.id = of_lead and l.status = 'new';
        return true;
    end
    $$;

-- As start_attempt of 0034. The same words to one address are the same, by whichever channel; and what a vendor may have taken counts
-- from when it would have left.
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
            where a.tenant_id = current_tenant() and a.recipient = to_recipient
              and a.body = words and a.message_id <> of_message and a.started_at > said_since
              and (a.outcome is null or a.outcome in ('accepted', 'lost')))
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
