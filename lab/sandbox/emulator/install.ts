/** The emulated AWS, installed from PyPI into a private virtual environment in the user's cache. */
import { createHash } from "node:crypto";
import { access, mkdir, readFile, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { execa } from "execa";
import { UserError } from "../../../common/errors.js";
import { cacheDir, REPO } from "../../../common/paths.js";
import type { Progress } from "../../../common/progress.js";

const REQUIREMENTS = join(REPO, "lab/sandbox/emulator/requirements.txt");

/** @returns the Python interpreter of the environment. @throws UserError when there is no Python for it. */
export async function installEmulator(progress: Progress): Promise<string> {
  const pins = await readFile(REQUIREMENTS, "utf8");
  const venv = join(cacheDir(), `emulator-${createHash("sha256").update(pins).digest("hex").slice(0, 12)}`);
  const python = join(venv, "bin/python");
  if (await ready(join(venv, ".complete"))) return python;
  await requirePython();
  await progress.during("install the AWS emulator from PyPI, once", async () => {
    await rm(venv, { recursive: true, force: true });
    await mkdir(dirname(venv), { recursive: true });
    try {
      await execa("python3", ["-m", "venv", venv]);
      await execa(python, [
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "-r",
        REQUIREMENTS,
      ]);
      await execa("touch", [join(venv, ".complete")]);
    } catch (error) {
      await rm(venv, { recursive: true, force: true });
      const { stderr, stdout } = error as { stderr?: string; stdout?: string };
      throw new UserError(
        "the AWS emulator could not be installed",
        (stderr || stdout || String(error)).trim().split("\n").slice(-4).join("\n  "),
        "on Debian or Ubuntu install python3-venv; see that PyPI can be reached (pip config list)",
      );
    }
  });
  return python;
}

async function requirePython(): Promise<void> {
  const version = await execa("python3", ["-c", "import sys; print('%d.%d' % sys.version_info[:2])"], {
    reject: false,
  });
  const [major = 0, minor = 0] = version.stdout?.split(".").map(Number) ?? [];
  if (version.failed || major < 3 || (major === 3 && minor < 10)) {
    throw new UserError(
      version.failed ? "python3 is not on PATH" : `python3 is version ${version.stdout}`,
      "The AWS emulator needs Python 3.10 or newer.",
      "install python3 and python3-venv",
    );
  }
}

const ready = (path: string) =>
  access(path).then(
    () => true,
    () => false,
  );
