-- What people asked for, and what the rules said about it.
--
-- The busy tables name no foreign key to tenants: each insert would lock the tenant's one row, and every worker would queue
-- there. Row-level security lets a transaction write its own tenant alone, and leads hang on locations, which hang on it.

-- The last word on every order the CRM told us about: a lead or not, and every reason why not.
create table judgements (
    tenant_id uuid not null,
    crm text not null,
    order_id text not null,
    crm_version bigint not null,
    is_lead boolean not null,
    reasons text[] not null,
    judged_at timestamptz not null,
    primary key (tenant_id, crm, order_id)
);

create table leads (
    tenant_id uuid not null,
    id uuid not null,
    location_id uuid not null,
    crm text not null,
    crm_order_id text not null,
    crm_version bigint not null,
    status text not null
        check (status in ('new', 'contacted', 'chat_active', 'appointment_scheduled', 'converted', 'lost')),
    no_contact text,
    first_name text,
    last_name text,
    phone text,
    texts_allowed boolean not null,
    email text,
    vehicle text not null,
    service text not null,
    total_cents bigint not null,
    created_at timestamptz not null,
    first_seen_at timestamptz not null,
    planned_at timestamptz,
    -- When to look whether this lead never answered. Null: not planned yet, or already looked at.
    gives_up_at timestamptz,
    stop_reason text,
    stopped_at timestamptz,
    primary key (tenant_id, id),
    unique (tenant_id, crm, crm_order_id),
    foreign key (tenant_id, location_id) references locations (tenant_id, id)
);

create index leads_of_phone on leads (tenant_id, phone) where phone is not null;
create index leads_to_give_up on leads (gives_up_at) where gives_up_at is not null;

create table replies (
    tenant_id uuid not null,
    source text not null,
    provider_id text not null,
    lead_id uuid,
    body text not null,
    received_at timestamptz not null,
    primary key (tenant_id, source, provider_id),
    foreign key (tenant_id, lead_id) references leads (tenant_id, id)
);

-- Opt-outs. Kept for ever: lifting one is a date, not a deletion.
create table suppressions (
    tenant_id uuid not null,
    channel text not null check (channel in ('sms', 'email')),
    address text not null,
    source text not null,
    suppressed_at timestamptz not null,
    lifted_at timestamptz,
    primary key (tenant_id, channel, address)
);
