/** Does the same to every item, so many at once. */
export async function eachAtOnce<T>(
  items: readonly T[],
  atOnce: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const left = items.entries();
  const worker = async () => {
    for (const [, item] of left) await work(item);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}
