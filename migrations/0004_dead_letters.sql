-- What a stage gave up on, with everything needed to give it another chance.

create table dead_letters (
    id uuid primary key,
    -- Null when the message does not even say whose it is.
    tenant_id uuid references tenants,
    stage text not null,
    stream text not null,
    sequence bigint not null,
    subject text not null,
    headers jsonb not null,
    payload bytea not null,
    -- The chain of causes, outermost first.
    reasons text[] not null,
    deliveries bigint not null,
    died_at timestamptz not null,
    redriven_at timestamptz,
    unique (stage, stream, sequence)
);

create index dead_letters_open on dead_letters (died_at) where redriven_at is null;

-- Messages whose handling keeps ending without an outcome (the process died, the handler panicked), counted so that one
-- such message cannot take a stage down for ever. An outage has an outcome, "later", and is never counted here.
create table suspects (
    stage text not null,
    stream text not null,
    sequence bigint not null,
    starts integer not null,
    primary key (stage, stream, sequence)
);
