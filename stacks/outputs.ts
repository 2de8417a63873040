/** What a stack shows at its end, by name. */
export type StackOutputs = Record<string, unknown>;
