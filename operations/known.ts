/** What is known here, or the reason why it isn't. Nothing is guessed: a guess in an emergency costs more than a gap. */
export type Known<T> = { readonly value: T } | { readonly unknown: string };

export const known = <T>(value: T): Known<T> => ({ value });
export const unknown = (reason: string): Known<never> => ({ unknown: reason });

export const ifKnown = <T>(what: Known<T>): T | undefined => ("value" in what ? what.value : undefined);
