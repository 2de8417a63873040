/** An error that the user can mend: the thing, its value, why it can't stand, and what to do. Shown without a stack trace. */
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
