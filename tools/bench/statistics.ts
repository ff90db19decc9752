/** The middle one; of an even number the upper of the two. */
export function median(values: readonly number[]): number {
  return values.toSorted((left, right) => left - right)[Math.floor(values.length / 2)] ?? NaN;
}

/** How long it takes, milliseconds. */
export async function timed(work: () => Promise<void>): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}

/** So that neither side has the quieter half of the time: floor, ours, ours, floor, floor, ours, … */
export async function interleaved<T>(
  rounds: number,
  { floor, ours }: { floor: () => Promise<T>; ours: () => Promise<T> },
): Promise<{ floor: T[]; ours: T[] }> {
  const measured = { floor: [] as T[], ours: [] as T[] };
  for (let round = 0; round < rounds; round += 1) {
    const floorFirst = round % 2 === 0;
    if (floorFirst) measured.floor.push(await floor());
    measured.ours.push(await ours());
    if (!floorFirst) measured.floor.push(await floor());
  }
  return measured;
}
