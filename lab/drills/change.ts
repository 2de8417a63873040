/** Changing settings under load, as a person does: an edit of `Pulumi.yaml` and `pulumi up`. */

import { PORTS } from "../../settings/contract.js";
import { parseSharedSettings, type RawSettings } from "../../settings/parse.js";
import { overlay } from "../twin/settings.js";
import type { Machine } from "../twin/types.js";
import type { Scene } from "./scene.js";

/** The Tomcat servers of the region under test, dead ones too. The load runs beside the first. */
export const tomcatsOf = ({ twin, id }: Scene): readonly Machine[] =>
  twin.machines.filter(({ spec }) => spec.role === "tomcat" && spec.region === id);

export interface Change {
  /** Raw settings laid over those in force. */
  readonly settings?: RawSettings;
  /** Tomcat servers; as many as there are when left out. */
  readonly tomcats?: number;
}

/**
 * Does what `pulumi up` with the changed settings would; nothing that stays is replaced.
 * @returns puts the former settings and machines back. @throws SettingsError for what no `up` would take.
 */
export async function up(scene: Scene, change: Change): Promise<() => Promise<void>> {
  const { running, settings: before } = scene;
  const servers = tomcatsOf(scene).length;
  const settings = parseSharedSettings(
    "global",
    overlay(before as unknown as RawSettings, change.settings ?? {}),
  );
  await running.apply(settings, change.tomcats ?? servers);
  return () => running.apply(before, servers);
}

/** A Tomcat server's answer, as the load balancer gets it. Status 0: none within five seconds. */
export async function ask(
  scene: Scene,
  server: Machine,
  path: string,
): Promise<{ readonly status: number; readonly body: string }> {
  const url = `http://${server.address}:${PORTS.fleetHttp}${path}`;
  const { stdout } = await scene.tomcat.run(
    ["curl", "--silent", "--max-time", "5", "--write-out", "\n%{http_code}", url],
    { timeoutMillis: 8000 },
  );
  const end = stdout.lastIndexOf("\n");
  return { status: Number(stdout.slice(end + 1)) || 0, body: stdout.slice(0, Math.max(0, end)) };
}

/** A line of the sample application's front page, e.g. `reads come from`. */
export async function frontPage(
  scene: Scene,
  server: Machine,
  row: "server" | "writes go to" | "reads come from",
): Promise<string | undefined> {
  const { status, body } = await ask(scene, server, "/");
  return status === 200 ? new RegExp(`<th>${row}<td>(.*)`).exec(body)?.[1] : undefined;
}
