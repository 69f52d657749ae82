/** Set by run. The same seed gives the same calls. */
export const seed = Number(process.env["HOSTILE_SEED"] ?? 7);

/** Calls for each plugin. */
export const runs = Number(process.env["HOSTILE_RUNS"] ?? 60);
