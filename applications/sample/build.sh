#!/bin/sh
# Builds the WAR inside a machine image's root, whatever this machine has: build.sh IMAGE_ROOT OUTPUT
# As root on Linux. The image is left as it was: the sources go to a folder in memory that only this command sees.
set -eu
[ $# = 2 ] || { sed -n 2,3p "$0" >&2; exit 2; }
# shellcheck disable=SC2016  # expanded inside
exec unshare --mount --pid --fork --kill-child sh -euc '
  # Java finds its own libraries by it.
  mount -t proc proc "$2/proc"
  mount -t tmpfs tmpfs "$2/tmp"
  cp -r "$1/build.py" "$1/source" "$2/tmp/"
  chroot "$2" python3 /tmp/build.py /tmp/sample.war
  cp "$2/tmp/sample.war" "$3"
' sh "$(dirname "$0")" "$1" "$2"
