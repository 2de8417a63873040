/** systemd units of the machines. */
import { NODE_ENV_FILE, SECRETS_FILE } from "./boot.js";
import { IMAGE_PATHS } from "./layout.js";

type Section = readonly (readonly [key: string, value: string])[];

/** The unit in systemd's syntax. A key may stand more than once. */
function unit(sections: Readonly<Record<string, Section>>): string {
  return Object.entries(sections)
    .map(([name, lines]) => `[${name}]\n${lines.map(([key, value]) => `${key}=${value}`).join("\n")}\n`)
    .join("\n");
}

/** Runs once at each start. Its script tries until it succeeds, so that what needs it may simply require it. */
const oneshot = (description: string, scripts: readonly string[], after: string): string =>
  unit({
    Unit: [
      ["Description", description],
      ["Wants", "network-online.target"],
      ["After", `network-online.target ${after}`.trim()],
    ],
    Service: [
      ["Type", "oneshot"],
      ["RemainAfterExit", "yes"],
      ["EnvironmentFile", NODE_ENV_FILE],
      ...scripts.map((script) => ["ExecStart", script] as const),
      ["TimeoutStartSec", "15min"],
    ],
    Install: [["WantedBy", "multi-user.target"]],
  });

export const VOLUME_UNIT = oneshot(
  "Data volume of this node",
  ["/usr/local/sbin/dr-attach-volume", "/usr/local/sbin/dr-prepare-data"],
  "",
);

export const SECRETS_UNIT = oneshot("Secrets, in memory", ["/usr/local/sbin/dr-fetch-secrets"], "");

/** etcd's own unit comes with its package. */
export const ETCD_DROP_IN = unit({
  Unit: [
    ["Requires", "dr-volume.service"],
    ["After", "dr-volume.service"],
  ],
});

export const PATRONI_UNIT = unit({
  Unit: [
    ["Description", "Patroni"],
    ["Requires", "dr-volume.service dr-secrets.service"],
    ["After", "dr-volume.service dr-secrets.service etcd.service"],
  ],
  Service: [
    ["Type", "simple"],
    ["User", "postgres"],
    ["Group", "postgres"],
    ["EnvironmentFile", SECRETS_FILE],
    ["ExecStart", `${IMAGE_PATHS.patroniBin}/patroni ${IMAGE_PATHS.config}/patroni.yml`],
    ["ExecReload", "/bin/kill -HUP $MAINPID"],
    // With Patroni's sample unit (`process`) PostgreSQL outlives a killed Patroni, writable and unguarded.
    ["KillMode", "mixed"],
    ["TimeoutStopSec", "30"],
    ["Restart", "always"],
    ["RestartSec", "1"],
    ["LimitNOFILE", "65536"],
    ["OOMScoreAdjust", "-900"],
  ],
  Install: [["WantedBy", "multi-user.target"]],
});

/** Tomcat's own unit comes with its package. */
export const TOMCAT_DROP_IN = unit({
  Unit: [
    ["Requires", "dr-secrets.service"],
    ["After", "dr-secrets.service haproxy.service"],
  ],
  Service: [
    ["EnvironmentFile", SECRETS_FILE],
    ["EnvironmentFile", `${IMAGE_PATHS.config}/tomcat.env`],
  ],
});
