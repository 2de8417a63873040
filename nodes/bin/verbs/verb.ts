/** Wrong arguments: the message is the verb's usage. */
export class Usage extends Error {
  /** @param code of the process */
  constructor(
    usage: string,
    readonly code = 1,
  ) {
    super(usage.trimEnd());
  }
}
