-- A shop may write from a messaging service or a number of its own; null: the tenant's.
alter table locations add column text_sender text;
