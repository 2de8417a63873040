/** One problem in the settings, with everything that the reader needs to fix it. */
export interface Problem {
  /** Dotted path of the setting, e.g. `promotion.marginSeconds`. */
  readonly key: string;
  /** What was found there, as the user wrote it. */
  readonly value: unknown;
  /** Why it is wrong. */
  readonly reason: string;
  /** What to do about it. */
  readonly remedy: string;
}

/** An error that the user can fix. Its message says how; a stack trace would only hide that. */
export class UserError extends Error {
  constructor(
    /** The thing and its value, e.g. "port 4566 is taken". */
    what: string,
    readonly reason: string,
    readonly remedy: string,
  ) {
    super(`${what}\n  ${reason}\n  → ${remedy}`);
    this.name = "UserError";
  }
}

export const isUserError = (error: unknown): error is Error =>
  error instanceof UserError || error instanceof SettingsError;

/** Thrown with every problem found, not only the first. */
export class SettingsError extends Error {
  constructor(
    readonly stackName: string,
    readonly problems: readonly Problem[],
  ) {
    super(render(stackName, problems));
    this.name = "SettingsError";
  }
}

function render(stack: string, problems: readonly Problem[]): string {
  const head = `stack '${stack}' has ${problems.length} bad setting${problems.length === 1 ? "" : "s"}:`;
  const lines = problems.map(
    ({ key, value, reason, remedy }) =>
      `  ${key} = ${value === undefined ? "(not set)" : JSON.stringify(value)}\n    ${reason}\n    → ${remedy}`,
  );
  return [head, ...lines].join("\n");
}
