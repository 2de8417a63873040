#!/bin/bash
# PostgreSQL and Tomcat with the sample application, in a private copy of a machine image, without a
# network but its own loopback. Then runs what it reads, one line at a time, and ends each answer with a line
# "=> EXIT STATUS". Everything ends with it.   sample-machine.sh IMAGE_ROOT WAR
set -euo pipefail

if [[ ${1-} != --inside ]]; then
  exec unshare --mount --net --pid --fork --kill-child "$0" --inside "$@"
fi
image=$2 war=$3
# Any folder will do: in this mount namespace something else is mounted over it.
mount -t tmpfs tmpfs /mnt
mkdir /mnt/{upper,work,root}
mount -t overlay overlay -o "lowerdir=$image,upperdir=/mnt/upper,workdir=/mnt/work" /mnt/root
mount -t proc proc /mnt/root/proc
mount --rbind /dev /mnt/root/dev
mount -t tmpfs tmpfs /mnt/root/tmp
chmod 1777 /mnt/root/tmp
cp "$war" /mnt/root/tmp/ROOT.war

exec chroot /mnt/root /bin/bash -c '
set -e
export PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8
ip link set lo up
install -d -o postgres /run/postgresql /tmp/postgres
as_postgres() { su postgres -s /bin/bash -c "$1"; }
bin=/usr/lib/postgresql/15/bin
as_postgres "$bin/initdb -D /tmp/postgres -A trust" > /tmp/initdb.log
start_database() { as_postgres "$bin/pg_ctl -D /tmp/postgres -l /tmp/postgres.log -o \"-c fsync=off -c listen_addresses=127.0.0.1\" -w start" > /dev/null || { tail -5 /tmp/postgres.log; return 1; }; }
database_processes() { local first; first=$(head -1 /tmp/postgres/postmaster.pid); echo "$first" $(pgrep -P "$first"); }
sql() { as_postgres "psql -XqAt -c \"$1\" ${2-app}"; }
start_database
sql "create role app login" postgres
sql "create database app owner app" postgres
# A replica that is as far behind as a test wants: it has what "replicate" last copied.
sql "create database replica owner app" postgres
replicate() { as_postgres "pg_dump -t items --clean --if-exists app | psql -Xq replica" > /dev/null; }

base=/tmp/base
mkdir -p $base/{logs,webapps,work,temp,lib}
cp -r /etc/tomcat10 $base/conf
ln -s /usr/share/java/postgresql.jar $base/lib/
mv /tmp/ROOT.war $base/webapps/
url() { echo "jdbc:postgresql://127.0.0.1:5432/$1?connectTimeout=2&socketTimeout=30"; }
env DR_SAMPLE="${DR_SAMPLE-allowed}" DR_SAMPLE_HOSTS="${DR_SAMPLE_HOSTS-shown}" \
  DR_SAMPLE_WRITES_PER_SECOND="${DR_SAMPLE_WRITES_PER_SECOND-}" DR_SAMPLE_TABLE_MIB="${DR_SAMPLE_TABLE_MIB-}" CATALINA_BASE=$base CATALINA_HOME=/usr/share/tomcat10 JAVA_HOME=$(echo /usr/lib/jvm/java-17-openjdk-*) \
  DR_REGION=eu-west-1 DR_DATABASE_NODES=127.0.0.1=db-1 DR_DATABASE_USER=app DR_DATABASE_PASSWORD=unused \
  DR_DATABASE_WRITE_URL="$(url app)" DR_DATABASE_READ_URL="$(url replica)" \
  JAVA_OPTS="-Xmx96m -XX:+UseSerialGC -Dorg.apache.tomcat.util.digester.PROPERTY_SOURCE=org.apache.tomcat.util.digester.EnvironmentPropertySource" \
  /usr/share/tomcat10/bin/catalina.sh run > /tmp/tomcat.log 2>&1 < /dev/null &
tomcat=$!
until curl -sf -o /dev/null http://127.0.0.1:8080/dr/healthz; do
  sleep 0.1
  kill -0 $tomcat || { cat /tmp/tomcat.log; exit 1; }
  if grep -qs "Server startup in" /tmp/tomcat.log; then break; fi
done
echo "=> 0"
set +e
while IFS= read -r line; do
  eval "$line" < /dev/null 2>&1 && status=0 || status=$?
  printf "\n=> %s\n" "$status"
done
'
