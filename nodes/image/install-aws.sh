#!/bin/bash
# Installs what a machine needs only because it is an EC2 instance: AWS's command line, the agents of CloudWatch and
# Session Manager, Amazon's clock, the rules for the instance metadata. Run as root, any number of times, after
# install-KIND.sh and its payload.
#
#   install-aws.sh REGION KIND   AWS region whose mirrors of the agents are used; kind of image: database, tomcat
set -euo pipefail
region=${1:?the AWS region} kind=${2:?the kind of image}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=nodes/image/common.sh
. "$here/common.sh"

# rsyslog: the CloudWatch agent reads files, not the journal.
install_packages awscli cloud-init chrony gnupg curl ca-certificates rsyslog logrotate nftables
# It would begin, and end, by deleting all rules.
disable_services nftables.service

# Only some users reach the instance metadata, from the start.
ln -sfn "/usr/local/lib/dr/metadata-$kind.nft" /etc/dr/metadata.nft
systemctl daemon-reload
systemctl enable --quiet --now dr-metadata.service

# The Amazon Time Sync Service; it needs no network beyond the host.
install -d /etc/chrony/sources.d
printf 'server 169.254.169.123 prefer iburst minpoll 4 maxpoll 4\n' > /etc/chrony/sources.d/amazon.sources

arch=$(dpkg --print-architecture)
work=$(mktemp -d)
fetch() { curl --fail --silent --show-error --location --retry 5 --output "$work/$2" "$1"; }

# install_signed PACKAGE VERSION URL SIGNATURE KEY FINGERPRINT: installs that version of the package if that key signed it.
# VERSION is without Debian's revision.
install_signed() {
  local package=$1 version=$2 url=$3 signature=$4 key=$5 fingerprint=$6 found
  found=$(dpkg-query -W -f='${Status} ${Version}' "$package" 2> /dev/null || true)
  [[ $found == *'ok installed '"$version"-* ]] && return
  fetch "$url" "$package.deb"
  fetch "$signature" "$package.sig"
  fetch "$key" "$package.gpg"
  local home=$work/gnupg-$package
  install -d -m 0700 "$home"
  gpg --homedir "$home" --batch --quiet --import "$work/$package.gpg"
  gpg --homedir "$home" --batch --status-fd 1 --verify "$work/$package.sig" "$work/$package.deb" 2> /dev/null |
    grep -q "^\[GNUPG:\] VALIDSIG .*$fingerprint" ||
    { echo "$package has no valid signature of key $fingerprint" >&2; exit 1; }
  # One key signs all versions: an old one in the place of this one has a valid signature, too.
  found=$(dpkg-deb --field "$work/$package.deb" Version)
  [[ $found == "$version"-* ]] || { echo "$package: the package says version $found, not $version" >&2; exit 1; }
  apt-get install -y -qq --no-install-recommends --allow-downgrades "$work/$package.deb"
}

# Source: AmazonCloudWatch/latest/monitoring/verify-CloudWatch-Agent-Package-Signature.html
# To raise the version: the newest release in github.com/aws/amazon-cloudwatch-agent, with its build behind the `b`.
agent_version=1.300072.0b1766
agent=https://amazoncloudwatch-agent-$region.s3.$region.amazonaws.com
install_signed amazon-cloudwatch-agent "$agent_version" \
  "$agent/debian/$arch/$agent_version/amazon-cloudwatch-agent.deb" \
  "$agent/debian/$arch/$agent_version/amazon-cloudwatch-agent.deb.sig" \
  https://amazoncloudwatch-agent.s3.amazonaws.com/assets/amazon-cloudwatch-agent.gpg \
  937616F3450B7D806CBD9725D58167303B789C72

# Image Builder installs it. AWS publishes the key that signs it only on a page of its documentation, and replaces it every
# one or two years, so this script can't check its download.
dpkg-query -W amazon-ssm-agent > /dev/null 2>&1 ||
  { echo "amazon-ssm-agent is not installed: install it with its signature checked, as AWS's page 'Verifying the signature of SSM Agent' says" >&2; exit 1; }
rm -rf "$work"
systemctl enable --quiet chrony.service amazon-ssm-agent.service
