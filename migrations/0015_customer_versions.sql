-- Which copy of its CRM customer a lead's name, number and address were read from: an older copy changes nothing.

alter table leads add column crm_customer_version bigint not null default 0;
