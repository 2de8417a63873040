/** Reads this project's raw settings out of Pulumi's configuration. The only place that does. */
import * as pulumi from "@pulumi/pulumi";
import { fromConfigMap } from "./config-map.js";
import type { RawSettings } from "./parse.js";

/** Every key of this project's namespace, so that unknown ones can be refused. */
export function readRawSettings(): RawSettings {
  return fromConfigMap(pulumi.runtime.allConfig(), pulumi.getProject());
}
