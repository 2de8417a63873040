/** The sample application as Tomcat takes it. */
import { fileURLToPath } from "node:url";

/**
 * Path of the built WAR. It stands in the repository, so that a stack can be deployed from a machine that has
 * neither Java nor root; a test rebuilds it and compares byte for byte.
 */
export const sampleWar = (): string => fileURLToPath(new URL("sample.war", import.meta.url));
