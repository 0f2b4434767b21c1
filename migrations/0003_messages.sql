-- Everything that leaves, from its planning to its receipt.

create table messages (
    tenant_id uuid not null,
    id uuid not null,
    lead_id uuid not null,
    step smallint not null,
    channel text not null check (channel in ('sms', 'email')),
    template text not null,
    state text not null check (state in
        ('planned', 'claimed', 'unknown', 'sent', 'delivered', 'failed', 'withheld', 'cancelled')),
    -- When the plan, or the legal window, wants it sent. Business time.
    due_at timestamptz not null,
    -- When the pipeline looks at the row next: its due time, the end of a lease, the next question to the vendor.
    release_at timestamptz not null,
    -- Why it was withheld, put off or failed.
    reason text,
    attempts integer not null default 0,
    provider_id text,
    sent_at timestamptz,
    finished_at timestamptz,
    primary key (tenant_id, id),
    unique (tenant_id, lead_id, step),
    foreign key (tenant_id, lead_id) references leads (tenant_id, id)
);

-- The only index the releasing of due rows needs. It holds nothing that is done, so it stays as small as the future.
create index messages_to_release on messages (release_at) where state in ('planned', 'claimed', 'unknown');

-- One row for each call that may have put a message in somebody's hand, written before the call.
create table attempts (
    tenant_id uuid not null,
    id uuid not null,
    message_id uuid not null,
    number integer not null,
    channel text not null,
    recipient text not null,
    body text not null,
    started_at timestamptz not null,
    -- Null while the call is out. Then: accepted, refused, not_processed, or not_found after asking the vendor.
    outcome text check (outcome in ('accepted', 'refused', 'not_processed', 'not_found')),
    provider_id text,
    error_code text,
    lookups integer not null default 0,
    primary key (tenant_id, id),
    unique (tenant_id, message_id, number),
    foreign key (tenant_id, message_id) references messages (tenant_id, id)
);

-- Two attempts can never claim the same message of the vendor's.
create unique index attempts_of_provider on attempts (tenant_id, channel, provider_id) where provider_id is not null;

-- For "has this person been told these words already".
create index attempts_of_recipient on attempts (tenant_id, recipient);

create table receipts (
    tenant_id uuid not null,
    source text not null,
    -- The vendor's id of the message and of the event, or what stands in for the latter.
    key text not null,
    attempt_id uuid,
    kind text not null,
    code text,
    received_at timestamptz not null,
    primary key (tenant_id, source, key)
);
