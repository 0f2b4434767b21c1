-- Changes of orders that no webhook told, beside all that were seen: a CRM may tell of what is made and not of what changes.

alter table poll_runs
    add column changes integer not null default 0,
    add column late_changes integer not null default 0;

-- As keep_poll_run of 0018, which processes of the version before go on with, and keeps what is new above.
create function keep_poll_run(
    of_tenant uuid, of_crm text, started timestamptz, ended timestamptz, how text, asked integer, listed integer,
    news integer, webhooks integer, polls integer, slowest_ms bigint, why text, seen integer, late integer)
    returns void
    language plpgsql volatile security definer set search_path = public, pg_temp
    as $$
    begin
        perform keep_poll_run(of_tenant, of_crm, started, ended, how, asked, listed, news, webhooks, polls, slowest_ms, why);
        update poll_runs r set changes = greatest(r.changes, seen), late_changes = r.late_changes + late
        where r.id = (select x.id from poll_runs x where x.tenant_id = of_tenant order by x.id desc limit 1);
    end
    $$;
