-- The tenant of a transaction is read once for each statement, not once for each of its rows.
do $$
declare
    owned text;
begin
    for owned in
        select tablename from pg_policies
        where schemaname = 'public' and policyname = 'one_tenant' and tablename <> 'tenants'
        order by tablename
    loop
        execute format(
            'alter policy one_tenant on %I
                 using (tenant_id = (select current_tenant())) with check (tenant_id = (select current_tenant()))',
            owned);
    end loop;
end
$$;
alter policy one_tenant on tenants using (id = (select current_tenant())) with check (id = (select current_tenant()));
