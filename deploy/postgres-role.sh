#!/bin/sh
# The application's role, with its password, before the migrations grant it anything.
set -eu
psql --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" --set password="$LEADS_APP_PASSWORD" <<'SQL'
create role leads_app login nosuperuser nobypassrls nocreatedb nocreaterole password :'password';
SQL
