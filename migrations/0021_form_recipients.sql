-- Who is to be answered by a form's submission: a stranger can write anybody's number and address into one.

-- How many of theirs came in a day before it, as it was when this one came.
alter table form_submissions add column phone text, add column email text, add column before integer not null default 0;

create index form_submissions_of_phone on form_submissions (phone, tenant_id, asked_at) where phone is not null;
create index form_submissions_of_email on form_submissions (email, tenant_id, asked_at) where email is not null;
