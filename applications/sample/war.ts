/** The sample application in the form that Tomcat runs. */
import { fileURLToPath } from "node:url";

/**
 * Path of the built WAR. It is in the repository, so that a machine with neither Java nor root can
 * deploy a stack; a test rebuilds it and compares byte for byte.
 */
export const sampleWar = (): string => fileURLToPath(new URL("sample.war", import.meta.url));
