/** An emulated AWS, in the place of the real one. */

/** Its address. Its credentials are valid nowhere else. */
export interface Emulated {
  readonly endpoint: string;
}

/** What an AWS client needs to call it. Without one: nothing, and the client takes the environment's. */
export const emulatedConfig = (emulated: Emulated | undefined) =>
  emulated && {
    endpoint: emulated.endpoint,
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
  };
