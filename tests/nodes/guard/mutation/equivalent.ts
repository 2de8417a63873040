/** Mutants that no test can notice, and why: key (`keyOf` in `mutants.ts`) → one sentence. */
export const EQUIVALENT: Readonly<Record<string, string>> = {};
