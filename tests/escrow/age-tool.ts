/** The reference `age`, which judges what we seal and open: the host's, else built from its Go modules, once. */
import { createHash } from "node:crypto";
import { cp, mkdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { cacheDir, exists } from "../../common/paths.js";

const MODULE = fileURLToPath(new URL("age", import.meta.url));
const TOOLS = ["age", "age-keygen"];

/** @returns the folder of `age` and `age-keygen`; undefined on a machine that has neither them nor Go. */
export async function ageFolder(): Promise<string | undefined> {
  for (const folder of (process.env.PATH ?? "").split(":")) {
    const there = await Promise.all(TOOLS.map((tool) => exists(join(folder, tool))));
    if (folder !== "" && there.every(Boolean)) return folder;
  }
  const sums = createHash("sha256").update(await readFile(join(MODULE, "go.sum")));
  const built = join(cacheDir(), `age-${sums.digest("hex").slice(0, 12)}`);
  if (await exists(built)) return built;
  if ((await execa("go", ["version"], { reject: false })).failed) return undefined;
  // Built elsewhere and moved into place, so that a build cut short never looks finished.
  const scratch = `${built}.${process.pid}`;
  await mkdir(scratch, { recursive: true });
  try {
    for (const file of ["go.mod", "go.sum"]) await cp(join(MODULE, file), join(scratch, file));
    await execa(
      "go",
      ["build", "-mod=readonly", "-o", `${scratch}/`, ...TOOLS.map((tool) => `filippo.io/age/cmd/${tool}`)],
      {
        cwd: scratch,
        env: { GOFLAGS: "", GOWORK: "off", CGO_ENABLED: "0" },
      },
    );
    await rename(scratch, built);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
  return built;
}
