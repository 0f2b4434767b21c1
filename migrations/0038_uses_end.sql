-- A use of a cadence can be taken away again: what is above it counts then.
grant delete on cadence_uses to leads_app;
