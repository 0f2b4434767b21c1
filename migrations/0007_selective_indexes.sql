-- Indexes that begin with what is looked for, not with the tenant.
--
-- Row-level security adds "tenant_id = …" to every query, which makes every index that begins with the tenant look usable.
-- On a young table, without statistics, the planner took one of those, read all rows of the tenant through it, and kept that
-- plan. An index whose first column is nearly unique cannot be chosen wrongly.

alter table replies drop constraint replies_tenant_id_lead_id_fkey;
alter table messages drop constraint messages_tenant_id_lead_id_fkey;
alter table attempts drop constraint attempts_tenant_id_message_id_fkey;

alter table leads
    drop constraint leads_pkey,
    drop constraint leads_tenant_id_crm_crm_order_id_key,
    add primary key (id, tenant_id),
    add unique (crm_order_id, crm, tenant_id);
drop index leads_of_phone;
create index leads_of_phone on leads (phone, tenant_id) where phone is not null;

alter table messages
    drop constraint messages_pkey,
    drop constraint messages_tenant_id_lead_id_step_key,
    add primary key (id, tenant_id),
    add unique (lead_id, step, tenant_id);

alter table attempts
    drop constraint attempts_pkey,
    drop constraint attempts_tenant_id_message_id_number_key,
    add primary key (id, tenant_id),
    add unique (message_id, number, tenant_id);
drop index attempts_of_provider;
create unique index attempts_of_provider on attempts (provider_id, channel, tenant_id) where provider_id is not null;
drop index attempts_of_recipient;
create index attempts_of_recipient on attempts (recipient, tenant_id);

alter table replies add foreign key (lead_id, tenant_id) references leads (id, tenant_id);
alter table messages add foreign key (lead_id, tenant_id) references leads (id, tenant_id);
alter table attempts add foreign key (message_id, tenant_id) references messages (id, tenant_id);
