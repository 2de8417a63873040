import type { Problem } from "../common/errors.js";

/** A rule about settings that belong together. Returns what is wrong, all of it. */
export type Check<T> = (settings: T) => Problem[];
