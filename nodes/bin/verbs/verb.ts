/** Wrong arguments: the message says what the verb takes. */
export class Usage extends Error {
  /** @param code of the process */
  constructor(
    usage: string,
    readonly code = 1,
  ) {
    super(usage.trimEnd());
  }
}
