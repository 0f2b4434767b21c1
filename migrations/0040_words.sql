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

alter table messages
    drop constraint messages_channel_check,
    add check (channel in ('sms', 'email', 'whatsapp'));

alter table suppressions
    drop constraint suppressions_channel_check,
    add check (channel in ('sms', 'email', 'whatsapp'));

-- Until when a business may write freely to whom: a day from each message of theirs by WhatsApp.
create table conversations (
    tenant_id uuid not null references tenants,
    channel text not null check (channel = 'whatsapp'),
    address text not null,
    -- Of theirs, the newest. Wall time, by the vendor's clock.
    heard_at timestamptz not null,
    primary key (tenant_id, channel, address)
);

alter table conversations enable row level security;
create policy one_tenant on conversations using (tenant_id = current_tenant()) with check (tenant_id = current_tenant());
grant select, insert, update on conversations to leads_app;

-- What somebody's own words or browser say; what a person has chosen stays.
create function note_language(of_tenant uuid, of_lead uuid, spoken text)
    returns void
    language plpgsql volatile
    as $$
    begin
        perform set_config('app.tenant', of_tenant::text, true);
        update leads l set language = spoken
        where l.tenant_id = of_tenant and l.id = of_lead and l.language is null;
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
        where a.tenant_id = of_tenant and a.id = attempt and (a.outcome is null or a.outcome = 'not_found');
        if of_lead is null then
            return false;
        end if;
        update leads l set status = 'contacted'
        where l.tenant_id = of_tenant and l.id = of_lead and l.status = 'new';
        return true;
    end
    $$;
