# shellcheck shell=bash
# Node for the project's own programs: the official build in its npm package, since Debian 12's Node is 18, which ended in
# April 2025. node/package-lock.json holds the exact version and each architecture's checksum.

# unpack_node FOLDER LOCK: FOLDER/bin/node is then the locked Node. NODE_REGISTRY: address of an npm registry.
unpack_node() {
  local folder=$1 lock=$2 arch name version integrity found work
  arch=$(dpkg --print-architecture)
  [[ $arch == amd64 ]] && arch=x64
  name=node-linux-$arch
  version=$(jq -r ".packages[\"node_modules/$name\"].version // empty" "$lock")
  integrity=$(jq -r ".packages[\"node_modules/$name\"].integrity // empty" "$lock")
  [[ -n $version && -n $integrity ]] || { echo "$lock: no checksum of $name" >&2; return 1; }
  if [[ $("$folder/bin/node" --version 2> /dev/null) == "v$version" ]]; then return; fi
  work=$(mktemp -d)
  curl --fail --silent --show-error --location --retry 5 --output "$work/node.tgz" \
    "${NODE_REGISTRY:?the address of an npm registry}/$name/-/$name-$version.tgz" || return
  found=sha512-$(openssl dgst -sha512 -binary "$work/node.tgz" | base64 --wrap 0)
  if [[ $found != "$integrity" ]]; then
    echo "$name $version from $NODE_REGISTRY: its checksum is $found, but $lock has $integrity" >&2
    return 1
  fi
  rm -rf "$folder"
  install -d -m 0755 "$folder"
  tar --extract --gzip --no-same-owner --strip-components 1 --directory "$folder" --file "$work/node.tgz" \
    package/bin/node package/LICENSE
  rm -rf "$work"
}
