/** What a benchmark reports: one row of the table, as data. */

/** The same job done by something else in the same run, or the floor under it. */
export interface Peer {
  readonly what: string;
  /** Median, in the unit of the row. */
  readonly value: number;
  /** The row's value divided by this one. */
  readonly ratio: number;
}

export interface BenchResult {
  readonly name: string;
  readonly what: string;
  readonly unit: string;
  /** Null: the figure is only reported. */
  readonly target: { readonly atMost: number } | { readonly atLeast: number } | null;
  /** Median of the samples. */
  readonly value: number;
  readonly samples: readonly number[];
  readonly peers: readonly Peer[];
  readonly pass: boolean;
  /** Figures that belong to the row without being its value. */
  readonly details?: Readonly<Record<string, unknown>>;
}

export interface Measured {
  readonly name: string;
  readonly what: string;
  readonly unit: string;
  readonly target?: BenchResult["target"];
  readonly samples: readonly number[];
  readonly peers?: Readonly<Record<string, readonly number[]>>;
  readonly details?: Readonly<Record<string, unknown>>;
}

/** The row that the samples come to. */
export function toResult({ peers = {}, details, target = null, ...row }: Measured): BenchResult {
  const value = median(row.samples);
  return {
    ...row,
    samples: row.samples.map(round),
    target,
    value: round(value),
    pass: meets(value, target),
    peers: Object.entries(peers).map(([what, samples]) => ({
      what,
      value: round(median(samples)),
      ratio: round(value / median(samples)),
    })),
    ...(details === undefined ? {} : { details }),
  };
}

function meets(value: number, target: BenchResult["target"]): boolean {
  if (target === null) return true;
  return "atMost" in target ? value <= target.atMost : value >= target.atLeast;
}

/** NaN without samples, which meets no target. */
export function median(samples: readonly number[]): number {
  const sorted = samples.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

function round(value: number): number {
  return Number(value.toPrecision(5));
}

/** Hands the rows to bench/main.ts, which reads the last line of standard output. */
export function report(...results: readonly BenchResult[]): void {
  process.stdout.write(`${JSON.stringify(results)}\n`);
}

/** Tells a person who waits how it goes. */
export function progress(text: string): void {
  console.error(`  ${text}`);
}
