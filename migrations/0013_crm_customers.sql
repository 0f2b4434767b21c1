-- Whose order a lead is in the CRM's words: an appointment may name the customer and no order.

alter table leads add column crm_customer_id text;
create index leads_of_crm_customer on leads (crm_customer_id, tenant_id) where crm_customer_id is not null;
