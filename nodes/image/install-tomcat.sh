#!/bin/bash
# Turns a Debian 12 into a Tomcat server: Tomcat, the HAProxy beside it, the JDBC driver, all stopped.
# Run as root, any number of times.
#
#   install-tomcat.sh [PAYLOAD]   PAYLOAD: folder with the project's own programs (nodes/image/payload.ts)
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=nodes/image/common.sh
. "$here/common.sh"

install_packages \
  haproxy tomcat10 openjdk-17-jre-headless libpostgresql-jdbc-java python3 ssl-cert \
  ca-certificates curl jq procps iproute2 util-linux
disable_services haproxy.service tomcat10.service

join_ssl_cert haproxy
# For Tomcat itself, so that its own pool can use the driver too.
ln -sfn ../../java/postgresql.jar /usr/share/tomcat10/lib/postgresql.jar
# Removes Debian's "It works!" page; our application is ROOT.war.
if [[ -e /var/lib/tomcat10/webapps/ROOT/META-INF/context.xml && ! -e /var/lib/tomcat10/webapps/ROOT.war ]]; then
  rm -rf /var/lib/tomcat10/webapps/ROOT
fi
install -d -m 0755 /etc/dr
record_build

if [[ -n ${1-} ]]; then install_payload "$1"; fi
