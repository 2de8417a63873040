/** A value, or the reason why it is unknown. Never a guess: in an emergency a guess costs more than a gap. */
export type Known<T> = { readonly value: T } | { readonly unknown: string };

export const known = <T>(value: T): Known<T> => ({ value });
export const unknown = (reason: string): Known<never> => ({ unknown: reason });

export const ifKnown = <T>(what: Known<T>): T | undefined => ("value" in what ? what.value : undefined);
