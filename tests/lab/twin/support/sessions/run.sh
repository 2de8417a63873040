#!/bin/bash
# Two servers, one that serves and one restored from its dump. The owner of database app plants its traps, then every job of
# the platform runs. Prints a line of JSON for each job.
set -euo pipefail
bin=/usr/lib/postgresql/15/bin
live=/var/lib/postgresql/live restored=/var/lib/dr/by-hand/data
live_sockets=/var/run/postgresql restored_sockets=/var/lib/dr/by-hand/data.restore/socket
export PGBACKREST_REPO1_CIPHER_PASS=passphrase
set -a; . /etc/dr/node.env; set +a
mkdir -p /run/dr/postgres "$live_sockets" "$restored_sockets" /var/lib/dr /tmp/vault
mount -t devtmpfs none /dev 2> /dev/null || true
chmod 1777 /tmp
touch /run/dr/secrets.env
chown -R postgres: /run/dr/postgres "$live_sockets" /var/lib/dr/by-hand
as_postgres() { setpriv --reuid=postgres --regid=postgres --init-groups "$@"; }

as_postgres "$bin/initdb" -D "$live" -A trust -E UTF8 --locale C.UTF-8 > /dev/null
as_postgres cp -a "$live" "$restored"
start() {
  as_postgres "$bin/pg_ctl" -s -w -D "$1" -l "/tmp/$3.log" -o "-c listen_addresses= -c port=$3 -c unix_socket_directories=$2 \
    -c fsync=off -c shared_buffers=16MB -c wal_level=logical -c max_replication_slots=20 -c hba_file=/test/$4 -c log_line_prefix=" start
}
: > /tmp/5432.log; : > /tmp/5499.log; chown postgres: /tmp/*.log
start "$live" "$live_sockets" 5432 live.conf
start "$restored" "$restored_sockets" 5499 restored.conf
admin() { as_postgres "$bin/psql" -XAtq -v ON_ERROR_STOP=1 -h "$live_sockets" -U postgres "$@"; }
# A cluster from before the platform owned the databases.
admin -c "CREATE ROLE app LOGIN PASSWORD 'secret'" -c "CREATE ROLE mate" -c "CREATE DATABASE app OWNER app" \
  -c "SELECT pg_create_physical_replication_slot('peer', true)" > /dev/null
as_app() { as_postgres "$bin/psql" -XAtq -h "$live_sockets" -U app -d app "$@"; }
as_app -v ON_ERROR_STOP=1 -f /test/traps.sql > /dev/null
# As an operator does.
PGOPTIONS='-c search_path= -c standard_conforming_strings=on' admin -d app \
  -c "CREATE TABLE public.operators (id bigint)" -c "INSERT INTO public.operators VALUES (1)"
as_app -f /test/refused.sql > /tmp/refused.log 2>&1 || true
jq -cn --arg errors "$(grep -c ERROR /tmp/refused.log)" '{job: "refused", code: 0, sprung: [], harmless: [], supers: "", said: $errors}'

job() {
  local name=$1 code=0 before sprung
  shift
  before=$(cat /tmp/5432.log /tmp/5499.log | wc -l)
  : > /tmp/said
  wc -l < /tmp/5432.log > /tmp/from-5432; wc -l < /tmp/5499.log > /tmp/from-5499
  "$@" > /tmp/said 2> /tmp/errors || code=$?
  for port in 5432 5499; do tail -n "+$(($(cat /tmp/from-$port) + 1))" "/tmp/$port.log"; done > /tmp/logged
  local supers=""
  for at in "$live_sockets 5432" "$restored_sockets 5499"; do
    supers+=$(as_postgres "$bin/psql" -XAtq -h "${at% *}" -p "${at#* }" -U postgres -d postgres \
      -c "SELECT rolname FROM pg_roles WHERE rolsuper AND rolname <> 'postgres'")
    as_postgres "$bin/psql" -XAtq -h "${at% *}" -p "${at#* }" -U postgres -d postgres -c "ALTER ROLE app NOSUPERUSER" > /dev/null 2>&1 || true
  done
  jq -cn --arg job "$name" --argjson code "$code" --arg supers "$supers" \
    --rawfile said /tmp/said --rawfile errors /tmp/errors --rawfile logged /tmp/logged '{
      job: $job, code: $code, supers: $supers, said: $said, errors: ($errors | .[-1500:]),
      sprung: [$logged | scan("SPRUNG ([^\\n]*)")[0]] | unique,
      harmless: [$logged | scan("HARMLESS ([^\\n]*)")[0]] | unique,
      failures: [$logged | scan("(?:ERROR|FATAL): +([^\\n]*)")[0]] | unique }'
}

# What a superuser's session without the platform's settings does: the traps are real.
job control admin -d app -c "SELECT count(*) FROM public.carried"
job reconcile dr-reconcile --databases "host=$live_sockets dbname=postgres user=postgres"
job slots node /test/jobs.cjs slots
as_app -c "INSERT INTO public.parent VALUES (3, '2026-04-01')"
job decode node /test/jobs.cjs decode
job log node /test/jobs.cjs log
job dump dr-dump
job restore-dump dr-restore-dump --from newest --stanza one --into "host=$restored_sockets port=5499 user=postgres"
job inspect node /test/jobs.cjs inspect
job checks /opt/patroni/bin/python3 /test/checks.py checks
job amcheck /opt/patroni/bin/python3 /test/checks.py amcheck
job existing node /test/jobs.cjs existing
job count node /test/jobs.cjs count
as_app -c 'DROP TABLE public.carried CASCADE' 2> /dev/null
job carry node /test/jobs.cjs carry
job carry-aside node /test/jobs.cjs carryAside
job cut-over node /test/jobs.cjs cutOver
# Set while the owner still could.
admin -f /test/stops.sql
job slots-stopped node /test/jobs.cjs slots
job dump-stopped dr-dump
job carry-stopped node /test/jobs.cjs carryStopped
job reconcile-again dr-reconcile --databases "host=$live_sockets dbname=postgres user=postgres"
PGOPTIONS='-c search_path= -c quote_all_identifiers=off -c standard_conforming_strings=on -c role=none -c session_preload_libraries= -c local_preload_libraries= -c statement_timeout=0 -c default_transaction_read_only=off -c idle_in_transaction_session_timeout=0' \
  admin -d app -c "SELECT pg_catalog.json_build_object('job', 'rights', 'database', (SELECT datdba::pg_catalog.regrole FROM pg_catalog.pg_database WHERE datname = 'app'),
    'public', (SELECT nspowner::pg_catalog.regrole FROM pg_catalog.pg_namespace WHERE nspname = 'public'),
    'carried', (SELECT pg_catalog.json_agg(c.relnamespace::pg_catalog.regnamespace::text || '.' || c.relname || ' of ' || c.relowner::pg_catalog.regrole::text ORDER BY c.relname) FROM pg_catalog.pg_class c WHERE c.relname IN ('carried', 'secured')),
    'left', (SELECT pg_catalog.json_agg(rolname) FROM pg_catalog.pg_roles WHERE rolname ~ '^dr_session_'),
    'may', pg_catalog.has_database_privilege('app', 'app', 'CONNECT'), 'schemas', pg_catalog.has_database_privilege('app', 'app', 'CREATE'))"
for data in "$live" "$restored"; do as_postgres "$bin/pg_ctl" -s -m immediate -D "$data" stop; done
