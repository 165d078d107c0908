export interface MetricHelp {
  readonly type: "counter" | "gauge";
  readonly unit: string;
  /** Of the HELP line: a sentence. */
  readonly help: string;
  /** Which values somebody should look into, and how; undefined: it is a measure, none is wrong. */
  readonly look: string | undefined;
}

export const gauge = (unit: string, help: string, look?: string): MetricHelp => ({
  type: "gauge",
  unit,
  help,
  look,
});

export const counter = (unit: string, help: string, look?: string): MetricHelp => ({
  type: "counter",
  unit,
  help,
  look,
});
