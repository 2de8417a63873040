/** One statement of dr-reconcile. */
export interface Change {
  /** Where it runs. Default: in database postgres. */
  readonly database?: string;
  readonly statement: string;
  readonly message: string;
}
