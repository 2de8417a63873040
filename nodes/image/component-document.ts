/**
 * EC2 Image Builder's work on a build machine, as a component document: fetch the install scripts and the payload from the
 * region's bucket, run the scripts, check the result. No Pulumi here.
 *
 * The files are in a separate object because a component's text may have at most 16,000 characters, and in a single one
 * because even their names would not fit.
 * Source: https://docs.aws.amazon.com/imagebuilder/latest/userguide/toe-component-manager.html
 */
import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { stringify } from "yaml";
import { METADATA_USERS } from "../render/metadata.js";
import { payloadFiles } from "./payload.js";
import { PACKAGED_SERVICES } from "./services.js";

/** The two kinds of machine; each has `install-<kind>.sh`. */
export const IMAGE_KINDS = ["database", "tomcat"] as const;
export type ImageKind = (typeof IMAGE_KINDS)[number];

/** Everything that a build needs. */
export interface BuildFiles {
  /**
   * JSON: path, relative to the folder in which the build runs (e.g. `scripts/install-database.sh`) → content, in the
   * order of paths.
   */
  readonly bundle: string;
  /** Hash of all contents: changed files get another address, and so another component and recipe. */
  readonly hash: string;
}

const SCRIPTS_FOLDER = fileURLToPath(new URL(".", import.meta.url));
/** On the build machine. The last step removes it, so that the image doesn't contain it. */
const WORK = "/var/tmp/dr-image";

export async function buildFiles(): Promise<BuildFiles> {
  const scripts = (await readdir(SCRIPTS_FOLDER)).filter((name) => /\.(sh|txt)$/.test(name)).sort();
  const files = [
    ...(await payloadFiles()).map(({ path, content }) => ({ path: `payload/${path}`, content })),
    ...(await Promise.all(
      scripts.map(async (name) => ({
        path: `scripts/${name}`,
        content: await readFile(join(SCRIPTS_FOLDER, name), "utf8"),
      })),
    )),
  ];
  const bundle = JSON.stringify(Object.fromEntries(files.map(({ path, content }) => [path, content])));
  return { bundle, hash: createHash("sha256").update(bundle).digest("hex").slice(0, 16) };
}

/** Key of the bundle's object in the bucket. */
export const bundleKey = ({ hash }: Pick<BuildFiles, "hash">): string => `images/${hash}.json`;

/** Python is the only program in Debian's image that reads JSON. */
const UNPACK = [
  "import json, os, sys",
  "os.chdir(sys.argv[1])",
  "for path, content in json.load(open('bundle.json')).items():",
  "  os.makedirs(os.path.dirname(path), exist_ok=True)",
  "  open(path, 'w').write(content)",
].join("\n");

export interface ComponentDocumentArgs {
  readonly kind: ImageKind;
  readonly build: BuildFiles;
  readonly bucket: string;
  /** Account that must own the bucket. */
  readonly accountId: string;
  /** AWS region whose mirrors of AWS's agents are used. */
  readonly region: string;
}

/** @returns YAML. */
export function renderComponentDocument(args: ComponentDocumentArgs): string {
  const { kind, build, bucket, accountId, region } = args;
  return stringify(
    {
      name: `Node image: ${kind}`,
      schemaVersion: 1,
      phases: [
        {
          name: "build",
          steps: [
            bash("Folder", [`mkdir -p ${WORK}`]),
            {
              name: "Download",
              action: "S3Download",
              maxAttempts: 3,
              inputs: [
                {
                  source: `s3://${bucket}/${bundleKey(build)}`,
                  destination: `${WORK}/bundle.json`,
                  expectedBucketOwner: accountId,
                },
              ],
            },
            bash("Unpack", [`python3 -c "${UNPACK}" ${WORK}`]),
            bash("Install", [
              `bash ${WORK}/scripts/install-${kind}.sh ${WORK}/payload`,
              `bash ${WORK}/scripts/install-aws.sh ${region} ${kind}`,
            ]),
            bash("CleanUp", [`rm -rf ${WORK}`]),
          ],
        },
        // Image Builder runs these before it takes the image, and again on a machine started from it.
        { name: "validate", steps: [bash("Prove", proofs(kind))] },
        { name: "test", steps: [bash("Prove", proofs(kind))] },
      ],
    },
    { lineWidth: 0 },
  );
}

/** Checks that the programs run, and that no service runs that only user data may start. */
const PROOFS: Readonly<Record<ImageKind, readonly string[]>> = {
  database: [
    "/usr/lib/postgresql/15/bin/postgres --version",
    "/opt/patroni/bin/patroni --version",
    "etcd --version",
    "pgbackrest version",
    "nft --version",
    "node --version",
    "test -x /usr/local/sbin/dr-attach-volume",
    "test ! -e /var/lib/postgresql/15/main",
    "! systemctl is-enabled --quiet postgresql.service",
    "! systemctl is-enabled --quiet etcd.service",
    "! pgrep -x 'postgres|etcd'",
  ],
  tomcat: [
    "haproxy -v",
    "java -version",
    "test -e /usr/share/tomcat10/lib/postgresql.jar",
    "test -x /usr/local/sbin/dr-fetch-application",
    "test ! -e /var/lib/tomcat10/webapps/ROOT",
    "! systemctl is-enabled --quiet tomcat10.service",
    "! systemctl is-enabled --quiet haproxy.service",
  ],
};

const ASK_METADATA = "curl --silent --output /dev/null --max-time 5 http://169.254.169.254/";

/** The packages' units are those of the day of the build, so only the build can judge them with their drop-ins. */
const proofs = (kind: ImageKind): string[] => [
  ...PROOFS[kind],
  ...PACKAGED_SERVICES[kind].map(
    (name) => `systemd-analyze security --offline=true --no-pager --threshold=49 ${name}.service`,
  ),
  "systemctl is-active --quiet dr-metadata.service",
  ...METADATA_USERS[kind].map((user) => `runuser -u ${user} -- ${ASK_METADATA}`),
  `! runuser -u daemon -- ${ASK_METADATA}`,
];

/** Image Builder runs a step's lines as one script, which by default continues after an error. */
const bash = (name: string, lines: readonly string[]) => ({
  name,
  action: "ExecuteBash",
  inputs: { commands: ["set -euo pipefail", ...lines.map(mustFail)] },
});

/** `set -e` ignores a negated command. */
const mustFail = (line: string): string =>
  line.startsWith("! ")
    ? `if ${line.slice(2)}; then echo '${line.slice(2).replaceAll("'", "")}' >&2; exit 1; fi`
    : line;
