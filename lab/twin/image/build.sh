#!/bin/bash
# Builds the file system of the twin's machines: Debian 12 and what the install scripts put on it, nothing of
# the project's own. Runs as root in its own mount and process namespaces (lab/twin/image.ts starts it): when
# it is killed, no mount and no process is left behind.
#
#   build.sh TARGET SCRIPTS PACKAGES
#     TARGET    folder to make; it gets root/ and manifest.txt. It is there either whole or not at all.
#     SCRIPTS   nodes/image
#     PACKAGES  file with further packages, one a line
#   MIRROR and SECURITY_MIRROR name Debian's mirrors.
set -euo pipefail
target=$1 scripts=$2 packages=$3
mirror=${MIRROR:?} security=${SECURITY_MIRROR:?}
work=$target.building root=$target.building/root

# Two twins that start at once build one image. The lock goes with this process, however that ends; so what
# is half built now has no owner.
exec 9> "$(dirname "$target")/node-root.lock"
flock 9
[[ -e $target ]] && exit 0
rm -rf "$(dirname "$target")"/node-root-*.building
mkdir -p "$work"

step() { printf '== %s\n' "$*"; }

step "debootstrap from $mirror"
debootstrap --variant=minbase --include=ca-certificates bookworm "$root" "$mirror"
cat > "$root/etc/apt/sources.list" << EOF
deb $mirror bookworm main
deb $mirror bookworm-updates main
deb $security bookworm-security main
EOF

# What this host needs to reach mirrors and PyPI, for the time of the build only: name resolution, proxies,
# certificates. It lies on mounts that end with this process, or is removed below.
mount -t proc proc "$root/proc"
mount -t tmpfs tmpfs "$root/run"
mkdir "$root/run/build"
for file in /etc/resolv.conf /etc/hosts; do
  [[ -e $file ]] || continue
  [[ -e $root$file ]] || : > "$root$file"
  mount --bind "$file" "$root$file"
done
apt-config dump 2> /dev/null | grep -iE '^Acquire::(https?|ftp|Retries)' > "$root/etc/apt/apt.conf.d/90build" || true
if [[ -e /etc/ssl/certs/ca-certificates.crt ]]; then
  ca=/run/build/ca.crt
  cp /etc/ssl/certs/ca-certificates.crt "$root$ca"
  echo "Acquire::https::CAInfo \"$ca\";" >> "$root/etc/apt/apt.conf.d/90build"
  export PIP_CERT=$ca SSL_CERT_FILE=$ca REQUESTS_CA_BUNDLE=$ca CURL_CA_BUNDLE=$ca
fi
for file in "${PIP_CONFIG_FILE-}" "$HOME/.config/pip/pip.conf" "$HOME/.pip/pip.conf" /etc/pip.conf; do
  [[ -f $file ]] || continue
  cp "$file" "$root/run/build/pip.conf"
  export PIP_CONFIG_FILE=/run/build/pip.conf
  break
done
# No need to wait for the disk: an interrupted build starts from the beginning.
echo force-unsafe-io > "$root/etc/dpkg/dpkg.cfg.d/build"
printf '#!/bin/sh\nexit 101\n' > "$root/usr/sbin/policy-rc.d"
chmod 0755 "$root/usr/sbin/policy-rc.d"
cp -r "$scripts" "$root/run/build/image"

inside() { LC_ALL=C.UTF-8 TMPDIR=/tmp chroot "$root" "$@"; }
step "packages of a database node"
inside /run/build/image/install-database.sh
step "packages of a Tomcat server"
inside /run/build/image/install-tomcat.sh
step "packages for the benchmark"
grep -v '^#' "$packages" | DEBIAN_FRONTEND=noninteractive inside xargs apt-get install -y -qq --no-install-recommends

{
  inside dpkg-query -W
  inside /opt/patroni/bin/pip list --format freeze --disable-pip-version-check
} > "$work/manifest.txt"
inside apt-get clean
rm -rf "$root"/var/lib/apt/lists/* "$root/var/cache/debconf" "$root/etc/apt/apt.conf.d/90build" \
  "$root/etc/dpkg/dpkg.cfg.d/build" "$root/usr/sbin/policy-rc.d"
umount "$root/etc/hosts" "$root/etc/resolv.conf" "$root/run" "$root/proc"
# debootstrap has left this host's.
rm -f "$root/etc/hostname" "$root/etc/resolv.conf"
printf '127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n' > "$root/etc/hosts"
mv "$work" "$target"
step "built"
