import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { REPO } from "../../common/paths.js";
import { IMAGE_PATHS } from "../../nodes/layout.js";
import { SECRETS_FILE } from "../../nodes/render/node-env.js";

/** Programs that can't import the layout, and the paths that they repeat. */
test.each([
  ["nodes/bin/dr-carry-tables", [IMAGE_PATHS.sockets]],
  ["nodes/bin/dr-dump", [IMAGE_PATHS.sockets]],
  ["nodes/bin/dr-restore-dump", [IMAGE_PATHS.sockets]],
  ["nodes/bin/library/dr_dumps.py", [SECRETS_FILE]],
  ["nodes/bin/library/dr_repository.py", [IMAGE_PATHS.pgbackrest]],
  ["lab/twin/machine/s3.py", [IMAGE_PATHS.pgbackrest]],
  ["lab/bench/failover/repmgr/check.py", [IMAGE_PATHS.sockets]],
  ["lab/bench/failover/repmgr/dr-repmgr", [IMAGE_PATHS.sockets, SECRETS_FILE]],
])("%s uses the machine's paths", (file, paths) => {
  const words = readFileSync(join(REPO, file), "utf8").split(/[\s'"{}(),;]+/);
  const used = words.map((word) => word.split("=").at(-1));
  for (const path of paths) expect(used).toContain(path);
});
