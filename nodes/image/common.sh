# shellcheck shell=bash
# Functions of the install scripts of all images. Sourced, as root, on Debian 12; also inside a chroot.

export DEBIAN_FRONTEND=noninteractive

# No service may run before cloud-init has written its configuration: packages must not start their services.
POLICY=/usr/sbin/policy-rc.d

forbid_starts() {
  [[ -e $POLICY ]] && return
  printf '#!/bin/sh\nexit 101\n' > "$POLICY"
  chmod 0755 "$POLICY"
  trap 'rm -f "$POLICY"' EXIT
}

# install_packages NAME...
install_packages() {
  forbid_starts
  apt-get update -qq
  apt-get install -y -qq --no-install-recommends -o Dpkg::Use-Pty=0 "$@"
  apt-get clean
}

# disable_services UNIT...: user data enables them after it has written their files.
disable_services() {
  if command -v systemctl > /dev/null; then
    systemctl disable --quiet "$@"
  else
    # A chroot may have no systemd. A link enables a unit.
    local unit
    for unit in "$@"; do rm -f /etc/systemd/system/*.wants/"$unit"; done
  fi
}

# join_ssl_cert USER...: members may read the node's key.
join_ssl_cert() {
  local user
  for user in "$@"; do usermod -a -G ssl-cert "$user"; done
}

# record_build: when this image was built, for `dr-publish-ages`.
record_build() {
  install -d -m 0755 /usr/local/lib/dr
  date +%s > /usr/local/lib/dr/image-built
}

# install_payload FOLDER: the project's own programs. The folder mirrors the file system.
install_payload() {
  local payload=$1 file
  while IFS= read -r -d '' file; do
    local mode=0644
    [[ $file == usr/local/sbin/* ]] && mode=0755
    install -D -m "$mode" -o root -g root "$payload/$file" "/$file"
  done < <(cd "$payload" && find . -type f -printf '%P\0')
}
