-- Hands what is left of a lead's follow-up over to the oldest of those that are one with it, because its order is gone and theirs is
-- not. Answers who goes on, also when it is asked again. Nothing is planned anew, so nobody hears anything twice.
create or replace function pass_on(of_tenant uuid, of_lead uuid, at timestamptz)
    returns uuid
    language plpgsql volatile
    as $$
    declare
        heir uuid;
    begin
        -- Nobody plans it, or hangs another on it, before it is over.
        perform from leads l where l.tenant_id = of_tenant and l.id = of_lead for update;
        select l.id into heir from leads l
        where l.tenant_id = of_tenant and l.merged_into = of_lead and l.stop_reason = 'merged'
        order by l.created_at, l.id limit 1
        for update;
        if heir is null then
            -- Whoever was interrupted here before has handed over to somebody whom nobody may have planned.
            select l.id into heir from merges m join leads l on l.tenant_id = m.tenant_id and l.id = m.lead_id
            where m.tenant_id = of_tenant and m.into_lead_id = of_lead and m.undone_at is not null
              and l.planned_at is null and l.stopped_at is null
            order by m.merged_at limit 1;
            return heir;
        end if;
        update leads l
        set merged_into = null, stop_reason = null, stopped_at = null, status = old.status, planned_at = old.planned_at,
            gives_up_at = old.gives_up_at
        from leads old
        where old.tenant_id = of_tenant and old.id = of_lead and l.tenant_id = of_tenant and l.id = heir;
        update leads l set merged_into = heir
        where l.tenant_id = of_tenant and l.merged_into = of_lead;
        update messages m set lead_id = heir
        where m.tenant_id = of_tenant and m.lead_id = of_lead and m.state = 'planned'
          and not exists (select from messages x
                          where x.tenant_id = of_tenant and x.lead_id = heir and x.step = m.step);
        update merges m set undone_at = at
        where m.tenant_id = of_tenant and m.lead_id = heir and m.undone_at is null;
        return heir;
    end
    $$;
