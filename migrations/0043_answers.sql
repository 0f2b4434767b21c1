-- Messages that answer a customer beside their follow-up, such as what confirms an appointment. Their steps are below zero, so that no
-- cadence has them.
alter table messages
    -- The appointment that it is about. Null: it is one of the follow-up.
    add column about uuid;
