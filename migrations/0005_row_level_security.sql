-- Every table with a tenant_id shows and takes only the rows of the transaction's tenant.

do $$
declare
    owned text;
begin
    foreach owned in array array[
        'locations', 'credentials', 'doors', 'templates', 'judgements', 'leads', 'replies', 'suppressions',
        'messages', 'attempts', 'receipts', 'dead_letters'
    ] loop
        execute format('alter table %I enable row level security', owned);
        execute format(
            'create policy one_tenant on %I using (tenant_id = current_tenant()) with check (tenant_id = current_tenant())',
            owned);
        execute format('grant select, insert, update on %I to leads_app', owned);
    end loop;
end
$$;

alter table tenants enable row level security;
create policy one_tenant on tenants using (id = current_tenant()) with check (id = current_tenant());
grant select, insert, update on tenants to leads_app;
grant delete on templates to leads_app;
