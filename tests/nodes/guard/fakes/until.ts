/** @throws Error if it hasn't become so in that time. */
export async function until(condition: () => boolean, millis = 10_000): Promise<void> {
  const deadline = performance.now() + millis;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`not so after ${millis} ms: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
