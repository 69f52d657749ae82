/** Set by run. The same seed gives the same calls. */
export const seed = Number(process.env["HOSTILE_SEED"] ?? 7);

/** Whether there is time for everything. */
export const isFull = process.env["HOSTILE_RUNS"] !== undefined;

/** Calls for each plugin. */
export const runs = Number(process.env["HOSTILE_RUNS"] ?? 30);
