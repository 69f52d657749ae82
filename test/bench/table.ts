/** Of several measurements of the same. */
export interface Summary {
  readonly median: number;
  readonly min: number;
  readonly max: number;
  readonly rounds: number;
}

export interface Row {
  readonly name: string;
  readonly unit: "ms" | "MB";
  readonly berth?: Summary;
  readonly go?: Summary;
  /** Of the medians, ours by the Go suite's. */
  readonly ratio?: number;
}

export function summarize(values: readonly number[]): Summary {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (index: number) => sorted[index] ?? Number.NaN;
  const half = sorted.length >> 1;
  const median = sorted.length % 2 === 1 ? at(half) : (at(half - 1) + at(half)) / 2;
  return { median, min: at(0), max: at(sorted.length - 1), rounds: sorted.length };
}

export function makeRow(
  name: string,
  unit: Row["unit"],
  berth: readonly number[] = [],
  go: readonly number[] = [],
): Row {
  const [ours, theirs] = [berth, go].map((values) => (values.length === 0 ? undefined : summarize(values)));
  return {
    name,
    unit,
    ...(ours && { berth: ours }),
    ...(theirs && { go: theirs }),
    ...(ours && theirs && { ratio: ours.median / theirs.median }),
  };
}

export function formatTable(rows: readonly Row[]): string {
  const cells = rows.map((row) => [
    `${row.name} (${row.unit})`,
    formatSummary(row.berth),
    formatSummary(row.go),
    row.ratio?.toFixed(2) ?? "",
  ]);
  return formatMarkdown(["", "Berth: median (min–max)", "Go: median (min–max)", "ratio"], cells);
}

/** A table of Markdown, whose columns are as wide as what is in them. */
export function formatMarkdown(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  const format = (line: readonly string[]) => `| ${line.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(" | ")} |`;
  const rule = format(widths.map((width) => "-".repeat(width)));
  return [format(head), rule, ...rows.map(format)].join("\n");
}

function formatSummary(summary: Summary | undefined): string {
  if (summary === undefined) return "";
  const [median, min, max] = [summary.median, summary.min, summary.max].map((value) => value.toFixed(1));
  return `${median} (${min}–${max})`;
}
