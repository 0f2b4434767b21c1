-- Where an address is changed by hand in a CRM, the old one stays open until somebody has done it.

alter table doors add column old_token_hash bytea, add column old_until timestamptz;

create unique index doors_of_old_tokens on doors (old_token_hash) where old_token_hash is not null;

create or replace function find_door(hash bytea)
    returns table (tenant_id uuid, source text, sealed_secret bytea)
    language sql stable security definer set search_path = public, pg_temp
    as $$
        select d.tenant_id, d.source, d.sealed_secret from doors d
        where d.token_hash = hash or (d.old_token_hash = hash and d.old_until > now())
    $$;
