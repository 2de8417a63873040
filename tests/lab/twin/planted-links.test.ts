/**
 * Programs that run as root beside services that somebody may have taken over: user postgres plants a link where such a program
 * writes, and must get neither the link's target nor a file of root.
 */
import { beforeAll, expect, test } from "vitest";
import { Progress } from "../../../common/progress.js";
import { ensureImage, type NodeImage } from "../../../lab/twin/image.js";
import type { NodeFile } from "../../../nodes/layout.js";
import { databaseFiles } from "../../../nodes/render/database-files.js";
import { contractOf, type DatabaseNode } from "../../../settings/contract.js";
import { parseSharedSettings } from "../../../settings/parse.js";
import { BASE_SETTINGS } from "../../support/recorder.js";
import { inside } from "./support/inside.js";

const settings = parseSharedSettings("global", BASE_SETTINGS);
const contract = contractOf(settings, "123456789012");
const [node] = contract.home.databaseNodes;
const files: readonly NodeFile[] = [
  ...databaseFiles(settings, contract, node as DatabaseNode),
  {
    path: "/usr/local/sbin/dr-get-secret",
    mode: "0755",
    content: '#!/bin/bash\nprintf \'{"password": "secret"}\\n\'\n',
  },
];

/** What user postgres would like to have: a file and a folder of root. */
const BEFORE = `
set -a; . /etc/dr/node.env; set +a
mkdir -p /etc/victim; echo unharmed > /etc/victim/file; chmod 0600 /etc/victim/file
as_postgres() { setpriv --reuid=postgres --regid=postgres --init-groups -- "$@"; }
dr-fetch-secrets; dr-prepare-data
`;
const AFTER = `
cat /etc/victim/file
stat --format='%U %a' /etc/victim /etc/victim/file
ls /etc/victim
`;
const UNHARMED = "unharmed\nroot 755\nroot 600\nfile\n";

let image: NodeImage;
beforeAll(async () => {
  image = await ensureImage(new Progress());
}, 600_000);

const ATTACKS: readonly (readonly [program: string, script: string])[] = [
  [
    "dr-fetch-secrets",
    "as_postgres ln -s /etc/victim/file /run/dr/secrets.env.new || true; dr-fetch-secrets",
  ],
  [
    "dr-fetch-secrets, Patroni's passwords",
    "as_postgres ln -s /etc/victim/file /run/dr/patroni/secrets.new || true; dr-fetch-secrets",
  ],
  ["dr-prepare-data", "as_postgres ln -s /etc/victim /var/lib/dr/pgbackrest/spool; dr-prepare-data || true"],
  [
    "dr-cut-over, its record",
    `as_postgres ln -s /etc/victim/file /var/lib/dr/postgres/cut-over-prepared.json.new
     dr-cut-over prepare 20260101T000000Z 1 /tmp/report --to latest > /dev/null 2>&1 || true`,
  ],
  [
    "dr-restore, a file in the data",
    `as_postgres mkdir /var/lib/dr/postgres/restored /var/lib/dr/postgres/restored.restore
     as_postgres ln -s /etc/victim/file /var/lib/dr/postgres/restored/recovery.signal
     scratch 'restored' || true`,
  ],
  [
    "dr-restore, a folder of the data",
    `as_postgres ln -s /etc/victim /var/lib/dr/postgres/restored
     scratch 'restored' || true`,
  ],
];

/** The beginning of a recovery, as dr-restore does it. */
const SCRATCH = `
scratch() {
  /opt/patroni/bin/python3 -c '
import sys
sys.path.insert(0, "/usr/local/lib/dr")
import dr_scratch
folder = "/var/lib/dr/postgres/" + sys.argv[1]
dr_scratch.Scratch(folder, folder + ".restore", 5499, folder + ".restore/socket").recover("false", {}, 1, "pause")
' "$1" > /dev/null 2>&1
}
`;

test.each(ATTACKS)("a link of user postgres gets nothing from %s", async (_, script) => {
  const { output } = await inside(
    image,
    files,
    `${BEFORE}${SCRATCH}exec 3>&2 2> /dev/null\n${script}\nexec 2>&3\n${AFTER}`,
  );
  expect(`${output}\n`).toBe(UNHARMED);
});

test("user postgres has a separate folder in memory, and can write nowhere else there", async () => {
  const script = `${BEFORE}
    stat --format='%n %U %a' /run/dr /run/dr/postgres /run/dr/secrets.env
    as_postgres touch /run/dr/postgres/pgpass && as_postgres touch /run/dr/pgpass 2> /dev/null || echo refused`;
  expect((await inside(image, files, script)).output).toBe(
    "/run/dr root 755\n/run/dr/postgres postgres 700\n/run/dr/secrets.env root 600\nrefused",
  );
});
