/** What a host must have for a twin. */
import { access } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { UserError } from "../settings/problem.js";

/** Programs of the host and the distribution's packages that bring them. */
const PROGRAMS: Readonly<Record<string, string>> = {
  python3: "python3",
  ip: "iproute2",
  nft: "nftables",
  unshare: "util-linux",
  nsenter: "util-linux",
  setpriv: "util-linux",
  losetup: "mount",
  chroot: "coreutils",
};

/** @throws UserError naming everything that is missing. */
export async function checkHost(): Promise<void> {
  if (process.platform !== "linux") {
    throw new UserError(
      `the twin can't run on ${process.platform}`,
      "Its machines are Linux namespaces.",
      "run it on Linux, e.g. in a Debian or Ubuntu virtual machine",
    );
  }
  if (process.getuid?.() !== 0) {
    throw new UserError(
      `user id ${process.getuid?.()} is not root`,
      "The twin makes network namespaces, bridges and mounts.",
      "run the command with sudo",
    );
  }
  const missing = (
    await Promise.all(Object.keys(PROGRAMS).map(async (name) => ((await onPath(name)) ? [] : [name])))
  ).flat();
  if (missing.length > 0) {
    throw new UserError(
      `missing on PATH: ${missing.join(", ")}`,
      "The twin is made with them.",
      `apt-get install ${[...new Set(missing.map((name) => PROGRAMS[name]))].join(" ")}`,
    );
  }
  for (const [device, what] of [
    ["/dev/net/tun", "the link between the regions"],
    ["/dev/loop-control", "the data volumes"],
  ] as const) {
    await access(device).catch(() => {
      throw new UserError(
        `${device} is not there`,
        `The twin needs it for ${what}.`,
        "load the kernel's module (modprobe tun, modprobe loop), or give the container the device",
      );
    });
  }
}

export async function onPath(program: string): Promise<boolean> {
  const folders = [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin", "/sbin"];
  for (const folder of folders) {
    if (
      await access(join(folder, program)).then(
        () => true,
        () => false,
      )
    )
      return true;
  }
  return false;
}
