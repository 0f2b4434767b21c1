-- What was asked of models, one row for each call, those that failed included: they cost money, too.
create table model_calls (
    tenant_id uuid not null references tenants,
    lead_id uuid not null,
    -- The answer that it was for, whoever worded that in the end.
    answer_id uuid not null,
    fence bigint not null,
    -- Within one try at the answer.
    number smallint not null,
    vendor text not null,
    model text not null,
    -- Which of the vendor's models answered. Null: none did.
    served_by text,
    input_tokens bigint not null,
    cache_read_tokens bigint not null,
    cache_write_tokens bigint not null,
    output_tokens bigint not null,
    -- In billionths of a dollar. Null: nobody knows the price.
    cost_nanos bigint,
    -- Null: it did not fail.
    failed_because text,
    -- Business time.
    asked_at timestamptz not null,
    primary key (answer_id, fence, number, tenant_id)
);
create index model_calls_of_time on model_calls (asked_at, tenant_id);
alter table model_calls enable row level security;
create policy one_tenant on model_calls
    using (tenant_id = (select current_tenant())) with check (tenant_id = (select current_tenant()));
-- What was asked is never changed.
grant select, insert on model_calls to leads_app;
