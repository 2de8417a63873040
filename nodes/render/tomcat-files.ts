/** The files that a Tomcat server gets at boot, and the environment of its Tomcat. */

import type { Contract } from "../../settings/contract.js";
import type { SharedSettings } from "../../settings/schema.js";
import type { RegionId } from "../../settings/stacks.js";
import { IMAGE_PATHS, membersOf, type NodeFile, readableFile, TLS_FILES } from "../layout.js";
import { CLOUDWATCH_FILE, renderTomcatCloudwatch } from "./cloudwatch.js";
import { DATABASE_FRONTS, renderHaproxy } from "./haproxy.js";
import { NODE_ENV_FILE, renderTomcatNodeEnv } from "./node-env.js";

/** Every file of a Tomcat server. */
export function tomcatFiles(settings: SharedSettings, contract: Contract, region: RegionId): NodeFile[] {
  return [
    readableFile(NODE_ENV_FILE, renderTomcatNodeEnv(settings, contract, region)),
    readableFile(`${IMAGE_PATHS.config}/tomcat.env`, renderTomcatEnv(settings, contract, region)),
    readableFile("/etc/haproxy/haproxy.cfg", renderHaproxy(settings, contract, region)),
    readableFile(CLOUDWATCH_FILE, renderTomcatCloudwatch(contract, region)),
  ];
}

/** How long the JVM may cache a resolved address. Its own default can be for ever. */
const DNS_TTL_SECONDS = 5;

/** `tomcat.env`: the JVM's options, and where the database is. */
function renderTomcatEnv(settings: SharedSettings, contract: Contract, region: RegionId): string {
  // The first database is the application's.
  const [database] = settings.databases;
  if (!database) throw new Error("settings name no database");
  // TLS goes through HAProxy untouched, to the node itself.
  const url = (port: number) =>
    `jdbc:postgresql://127.0.0.1:${port}/${database.name}?sslmode=verify-ca&sslrootcert=${TLS_FILES.authority}&connectTimeout=2&socketTimeout=30&tcpKeepAlive=true`;
  const variables = {
    // Not JAVA_OPTS, which Debian's start script overwrites. The property source lets a WAR's context.xml say
    // ${DR_DATABASE_WRITE_URL}: without it Tomcat knows only system properties there.
    CATALINA_OPTS: `-Dorg.apache.tomcat.util.digester.PROPERTY_SOURCE=org.apache.tomcat.util.digester.EnvironmentPropertySource -Djava.awt.headless=true -XX:MaxRAMPercentage=60 -Dsun.net.inetaddr.ttl=${DNS_TTL_SECONDS} -Dsun.net.inetaddr.negative.ttl=1`,
    DR_SERVICE_HOSTNAME: contract.serviceHostname,
    // For the page that shows where a request was served: nodes of both regions, because writes may go across.
    DR_REGION: contract[region].region,
    DR_DATABASE_NODES: [contract.home, contract.recovery]
      .flatMap(membersOf)
      .map(({ name, address }) => `${address}=${name}`)
      .join(" "),
    DR_DATABASE_WRITE_URL: url(DATABASE_FRONTS.write),
    DR_DATABASE_READ_URL: url(DATABASE_FRONTS.read),
    ...(settings.application.allowSample && { DR_SAMPLE: "allowed" }),
  };
  return `${Object.entries(variables)
    .map(([name, value]) => `${name}="${value}"`)
    .join("\n")}\n`;
}
