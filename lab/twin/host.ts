/** What the twin needs of the machine that it runs on, and how it gets it. */
import { readFile } from "node:fs/promises";
import { execa } from "execa";
import { UserError } from "../../common/errors.js";
import { exists } from "../../common/paths.js";
import type { Progress } from "../../common/progress.js";
import { requireCgroups } from "./cgroups.js";

/** Programs that the twin calls, and the packages of Debian and Ubuntu that bring them. */
const PROGRAMS: Readonly<Record<string, string>> = {
  debootstrap: "debootstrap",
  nft: "nftables",
  ip: "iproute2",
  unshare: "util-linux",
  nsenter: "util-linux",
  setpriv: "util-linux",
  flock: "util-linux",
  losetup: "mount",
  python3: "python3",
};
/** Without it debootstrap can't tell Debian's packages from anybody else's. Debian itself always has it. */
const KEYRING = {
  file: "/usr/share/keyrings/debian-archive-keyring.gpg",
  package: "debian-archive-keyring",
};

const DEVICES: Readonly<Record<string, string>> = {
  "/dev/net/tun": "the link between the regions (modprobe tun)",
  "/dev/loop-control": "the data volumes (modprobe loop)",
};

export interface Mirrors {
  readonly main: string;
  readonly security: string;
}

/** Why no twin can run on this machine whatever is installed; undefined when nothing stands against it. */
export function whyNoTwin(): string | undefined {
  if (process.platform !== "linux") return `this is ${process.platform}, not Linux`;
  if (process.getuid?.() !== 0) return `user id ${process.getuid?.()} is not root`;
  return undefined;
}

/** @throws UserError when this is not Linux, or not root. */
export function requireRoot(): void {
  const reason = whyNoTwin();
  if (!reason) return;
  throw new UserError(
    "the twin can't run here",
    `${reason}. Its machines are namespaces of the Linux kernel, which only root may make and enter.`,
    process.platform === "linux"
      ? "run the command again with sudo, or as root"
      : "run it on Linux, best on Debian or Ubuntu; a virtual machine will do",
  );
}

/**
 * Sees that this machine can run the twin; installs missing packages of its distribution and says which.
 * @throws UserError naming what is missing, where it can't.
 */
export async function requireHost(progress: Progress): Promise<void> {
  requireRoot();
  await requireCgroups();
  for (const [device, what] of Object.entries(DEVICES)) {
    if (await exists(device)) continue;
    throw new UserError(
      `${device} is not there`,
      `The twin needs it for ${what}.`,
      "load the kernel's module, or give the container the device",
    );
  }
  const missing = await missingPackages();
  if (missing.length === 0) return;
  if (!(await onPath("apt-get"))) {
    throw new UserError(
      `missing: ${missing.join(", ")}`,
      "The twin installs its packages with apt-get, and this is neither Debian nor Ubuntu.",
      "install what your distribution calls these, then run the command again",
    );
  }
  await progress.during(`install from this distribution: ${missing.join(" ")}`, () => install(missing));
}

async function install(packages: readonly string[]): Promise<void> {
  const env = { DEBIAN_FRONTEND: "noninteractive" };
  const options = { env, stdin: "ignore", reject: false, all: true } as const;
  const update = await execa("apt-get", ["update", "-qq"], options);
  const done = await execa(
    "apt-get",
    ["install", "-y", "-qq", "--no-install-recommends", ...packages],
    options,
  );
  if (done.exitCode === 0) return;
  throw new UserError(
    `packages could not be installed: ${packages.join(" ")}`,
    `${update.all}\n${done.all}`.trim().split("\n").slice(-4).join("\n  "),
    `install them by hand (apt-get install ${packages.join(" ")}), then run the command again`,
  );
}

async function missingPackages(): Promise<string[]> {
  const missing = new Set<string>();
  for (const [program, name] of Object.entries(PROGRAMS)) {
    if (!(await onPath(program))) missing.add(name);
  }
  if (!(await exists(KEYRING.file))) missing.add(KEYRING.package);
  return [...missing];
}

const onPath = async (program: string): Promise<boolean> =>
  (await execa("sh", ["-c", 'command -v "$1"', "sh", program], { reject: false })).exitCode === 0;

/**
 * Debian's mirrors as this host's apt has them: they are near, and known to be reachable.
 * @throws UserError where apt has none, as on Ubuntu, and the environment names none.
 */
export const debianMirrors = async (): Promise<Mirrors> => mirrorsFrom(await aptRepositories(), process.env);

/**
 * Addresses of the repositories in apt's configuration, in whichever form that is written.
 * @returns none where there is no apt.
 */
export async function aptRepositories(): Promise<string[]> {
  const { stdout } = await execa(
    "apt-get",
    // Those not fetched yet, too: a fresh container has no lists.
    ["indextargets", "--no-release-info", "--format", "$(REPO_URI)", "Created-By: Packages"],
    { reject: false },
  );
  const uris = [...new Set((stdout ?? "").split("\n").map((uri) => uri.trim()))].filter(Boolean);
  return (await Promise.all(uris.map(addresses))).flat();
}

/** @returns the addresses in a list of mirrors, else the address itself. */
async function addresses(uri: string): Promise<string[]> {
  const list = /^mirror\+file:(\/\/)?(?<file>\/.*?)\/?$/.exec(uri)?.groups?.file;
  if (!list) return [uri];
  const lines = (await readFile(list, "utf8").catch(() => "")).split("\n");
  return lines.flatMap((line) => line.split(/\s/)[0] || []);
}

/**
 * @param uris addresses of repositories; debootstrap knows http and https only.
 * @throws UserError when one of the two mirrors is missing.
 */
export function mirrorsFrom(
  uris: readonly string[],
  { DR_DEBIAN_MIRROR, DR_DEBIAN_SECURITY_MIRROR }: NodeJS.ProcessEnv,
): Mirrors {
  const web = uris.filter((uri) => /^https?:/.test(uri)).map(withoutSlash);
  const main = withoutSlash(DR_DEBIAN_MIRROR ?? "") || web.find((uri) => uri.endsWith("/debian"));
  const security =
    withoutSlash(DR_DEBIAN_SECURITY_MIRROR ?? "") || web.find((uri) => uri.endsWith("/debian-security"));
  if (main && security) return { main, security };
  const missing = [...(main ? [] : ["debian"]), ...(security ? [] : ["debian-security"])];
  throw new UserError(
    `apt on this host names no web address of a mirror of ${missing.join(" and of ")}`,
    "The machines' image is built from Debian's packages and security updates.",
    "set both addresses: DR_DEBIAN_MIRROR=http://<mirror>/debian DR_DEBIAN_SECURITY_MIRROR=http://<mirror>/debian-security",
  );
}

const withoutSlash = (uri: string): string => uri.replace(/\/+$/, "");
