-- The message's update takes its lock before the attempt's, so that nothing need be locked first.
create or replace function accept_attempt(of_tenant uuid, attempt uuid, of_message uuid, vendor_id text, at timestamptz)
    returns boolean
    language plpgsql volatile
    as $$
    declare
        of_lead uuid;
    begin
        perform set_config('app.tenant', of_tenant::text, true);
        update messages m set state = 'sent', provider_id = vendor_id, sent_at = at, reason = null
        where m.tenant_id = of_tenant and m.id = of_message
          and (m.state in ('claimed', 'unknown') or (m.state = 'planned' and m.attempts > 0))
        returning m.lead_id into of_lead;
        update attempts a set outcome = 'accepted', provider_id = vendor_id
        where a.tenant_id = of_tenant and a.id = attempt and (a.outcome is null or a.outcome = 'not_found');
        if of_lead is null then
            return false;
        end if;
        update leads l set status = 'contacted'
        where l.tenant_id = of_tenant and l.id = of_lead and l.status = 'new';
        return true;
    end
    $$;
