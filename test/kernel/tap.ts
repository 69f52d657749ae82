interface Lane {
  /** The last test's line and its diagnostics, which may still grow. */
  pending: string[];
  planned?: number;
  run: number;
  status?: string;
}

/**
 * One TAP stream from several that are written at the same time, a test's diagnostics beside it. A stream has to say by itself
 * that it is complete: by its plan, and by bats' exit status in a last line `# bats ended with status 0`. Gives true at the end
 * if all did so and no test failed.
 */
export async function* mergeTap(streams: readonly AsyncIterable<string>[]): AsyncGenerator<string, boolean> {
  const lanes = streams.map((): Lane => ({ pending: [], run: 0 }));
  let tests = 0;
  const finish = (lane: Lane) =>
    lane.pending.splice(0).map((line) => line.replace(/^((?:not )?ok) \d+/, (_, result) => `${result} ${++tests}`));

  for await (const [index, line] of interleave(streams)) {
    const lane = lanes[index] as Lane;
    const [, planned] = /^1\.\.(\d+)$/.exec(line) ?? [];
    const [, status] = /^# bats ended with status (\d+)$/.exec(line) ?? [];
    if (planned !== undefined) lane.planned = Number(planned);
    else if (status !== undefined) lane.status = status;
    else {
      if (/^(not )?ok /.test(line)) {
        yield* finish(lane);
        lane.run += 1;
      }
      lane.pending.push(line);
    }
  }

  for (const lane of lanes) {
    yield* finish(lane);
    if (lane.status !== undefined && lane.run === lane.planned) continue;
    yield `not ok ${++tests} the machine runs all tests`;
    yield `# ${lane.run} of ${lane.planned ?? "an unknown number of"} tests were run, and bats ended with status ${lane.status ?? "unknown"}`;
  }
  yield `1..${tests}`;
  return lanes.every((lane) => lane.status === "0" && lane.run === lane.planned);
}

/** The items of all `streams` as they come, each with the number of its stream. */
async function* interleave<Item>(streams: readonly AsyncIterable<Item>[]): AsyncGenerator<[number, Item]> {
  const iterators = streams.map((stream) => stream[Symbol.asyncIterator]());
  const next = async (index: number) => ({ index, result: await (iterators[index] as AsyncIterator<Item>).next() });
  const awaited = new Map(iterators.map((_, index) => [index, next(index)]));
  while (awaited.size > 0) {
    const { index, result } = await Promise.race(awaited.values());
    if (result.done) awaited.delete(index);
    else {
      awaited.set(index, next(index));
      yield [index, result.value];
    }
  }
}
