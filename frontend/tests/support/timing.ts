// How long something takes on a machine that others use too.

/** The lowest of several times, in milliseconds: what else the machine does only adds to it. */
export function lowestOf(times: number, run: () => void): number {
  let lowest = Infinity;
  for (let round = 0; round < times; round += 1) {
    const start = performance.now();
    run();
    lowest = Math.min(lowest, performance.now() - start);
  }
  return lowest;
}
