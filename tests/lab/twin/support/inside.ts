/** Runs programs of the machines' image on rendered files: in separate namespaces that leave nothing behind. */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { execa } from "execa";
import type { NodeImage } from "../../../../lab/twin/image.js";
import type { NodeFile } from "../../../../nodes/layout.js";

export interface Outcome {
  readonly exitCode: number | undefined;
  /** Standard output and error, as they came. */
  readonly output: string;
}

/** The files over the image, a file system in memory over both; loopback has the addresses. */
const ENTER = `
set -euo pipefail
files=$1 payload=$2 root=$3 work=$4 addresses=$5 script=$6
mount -t tmpfs none "$work"
mkdir "$work/upper" "$work/work" "$work/root"
mount -t overlay overlay -o "lowerdir=$files:$payload:$root,upperdir=$work/upper,workdir=$work/work" "$work/root"
mount -t proc proc "$work/root/proc"
ip link set lo up
for address in $addresses; do ip address add "$address/32" dev lo; done
exec chroot "$work/root" /bin/bash -c "$script"
`;

/** A certificate and its authority in one, where the node's would be. */
const CERTIFICATES = `
mkdir -p /run/dr/tls
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=node \\
  -keyout /run/dr/tls/node.key -out /run/dr/tls/node.crt 2> /dev/null
cp /run/dr/tls/node.crt /run/dr/tls/authority.crt
chmod 0644 /run/dr/tls/*
`;

/**
 * @param script for bash, inside, as root.
 * @param addresses that the machine has.
 * @param timeoutMillis after which everything inside is ended
 */
export async function inside(
  image: NodeImage,
  files: readonly NodeFile[],
  script: string,
  addresses: readonly string[] = [],
  timeoutMillis = 60_000,
): Promise<Outcome> {
  const folder = await mkdtemp(join(tmpdir(), "dr-inside-"));
  try {
    await mkdir(join(folder, "files"));
    for (const { path, content, mode } of files) {
      const target = join(folder, "files", path);
      await mkdir(dirname(target), { recursive: true });
      await writeFile(target, content, { mode: Number.parseInt(mode, 8) });
    }
    await mkdir(join(folder, "work"));
    const { exitCode, all } = await execa(
      "unshare",
      [
        ...["--mount", "--propagation", "private", "--net", "--pid", "--fork", "--kill-child"],
        ...["bash", "-c", ENTER, "inside"],
        ...[join(folder, "files"), image.payload, image.root, join(folder, "work"), addresses.join(" ")],
        `${CERTIFICATES}\n${script}`,
      ],
      { all: true, reject: false, stdin: "ignore", timeout: timeoutMillis, killSignal: "SIGKILL" },
    );
    return { exitCode, output: all };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
