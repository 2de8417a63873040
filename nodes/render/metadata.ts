/**
 * The kernel's rules for the instance metadata, from which a program gets the credentials of the machine's role. Part of the
 * images, and loaded at boot on EC2 only. Why these users: docs/decisions/0023-who-reaches-the-instance-metadata.md.
 */

import { IMAGE_PATHS } from "../layout.js";

/** Per kind of image. A login of another user, and a service that it runs, is refused at once. */
export const METADATA_USERS = {
  // pgBackRest runs as postgres: the archiver, the backups' server and each restore sign their calls of S3 by the role.
  database: ["root", "postgres"],
  tomcat: ["root"],
} as const;

/** Where the unit finds the rules of the machine's kind: `install-aws.sh` makes the link. */
export const METADATA_FILE = `${IMAGE_PATHS.config}/metadata.nft`;

const TABLE = "inet dr_metadata";

export const renderMetadataRules = (
  kind: keyof typeof METADATA_USERS,
): string => `# One transaction, which replaces the rules of an earlier load.
table ${TABLE} {
}
delete table ${TABLE}
table ${TABLE} {
  chain output {
    type filter hook output priority filter; policy accept;
    ip daddr 169.254.169.254 jump metadata
    ip6 daddr fd00:ec2::254 jump metadata
  }
  chain metadata {
    meta skuid { ${METADATA_USERS[kind].join(", ")} } accept
    # Of a connection that one of these began: when it has closed its socket, the last packets have no user.
    tcp flags & syn == 0 accept
    reject
  }
}
`;
