/** A few units with dependencies of every sort, and jobs for them: generated scenarios, as those of services. */
import fc from "fast-check";

const DEPENDENCIES = [
  "Requires",
  "Requisite",
  "Wants",
  "BindsTo",
  "PartOf",
  "Conflicts",
  "Upholds",
  "After",
  "Before",
  "OnFailure",
  "OnSuccess",
  "PropagatesStopTo",
];
const KINDS = [
  "ExecStart=/bin/sleep 60",
  "ExecStart=/bin/sleep 60",
  "ExecStart=/bin/sleep 60",
  "Type=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true",
  "Type=oneshot\nExecStart=/bin/true",
  "Type=oneshot\nExecStart=/bin/sh -c 'sleep DELAY; exit 1'",
];
const VERBS = ["start", "start", "start", "stop", "restart", "try-restart"];
const MODES = ["", "", "", " mode=fail", " mode=ignore-dependencies", " mode=ignore-requirements"];

interface Edge {
  readonly from: number;
  readonly to: number;
  readonly kind: string;
  /** Most dependencies are ordered as well. */
  readonly isOrdered: boolean;
}

function edges(size: number): fc.Arbitrary<readonly Edge[]> {
  const index = fc.integer({ min: 0, max: size - 1 });
  const edge = fc.record({
    from: index,
    to: index,
    kind: fc.constantFrom(...DEPENDENCIES),
    isOrdered: fc.boolean(),
  });
  return fc.array(
    edge.filter(({ from, to }) => from !== to),
    { minLength: size - 1, maxLength: size + 2 },
  );
}

/** The text of a scenario whose units' names begin with `stem`. */
export function graphScenario(stem: string): fc.Arbitrary<string> {
  const nameOf = (index: number): string => `${stem}-${"abcdef"[index] ?? "x"}.service`;
  return fc.integer({ min: 3, max: 5 }).chain((size) => {
    const unit = fc.integer({ min: 0, max: size - 1 }).map(nameOf);
    const job = fc
      .tuple(fc.constantFrom(...VERBS), unit, fc.constantFrom(...MODES))
      .map(([verb, name, mode]) => `${verb} ${name}${mode} => *`);
    const kill = unit.map((name) => `kill ${name} KILL`);
    const action = fc.oneof({ weight: 4, arbitrary: job }, { weight: 1, arbitrary: kill });
    const kinds = fc.array(fc.constantFrom(...KINDS), { minLength: size, maxLength: size });
    return fc
      .tuple(kinds, edges(size), fc.array(action, { minLength: 2, maxLength: 4 }))
      .map(([bodies, lines, actions]) => {
        const units = bodies.map((body, index) => {
          const own = lines.filter(({ from }) => from === index).flatMap((edge) => linesOf(edge, nameOf));
          const limit = "StartLimitBurst=3\nStartLimitIntervalSec=100";
          // Units that fail do so one after another, and when those not ordered behind them have been started.
          const late = body.replace("DELAY", (0.3 + index * 0.2).toFixed(1));
          return `--- ${nameOf(index)}\n[Unit]\n${limit}\n${own.join("\n")}\n[Service]\nRestartSec=50ms\n${late}\n`;
        });
        const stops = bodies.map((_, index) => `stop ${nameOf(index)} => *`);
        const script = [...actions, ...stops].flatMap((step) => [step, "rest"]).join("\n");
        return `${units.join("")}--- script\n${script}\n`;
      });
  });
}

function linesOf({ kind, to, isOrdered }: Edge, nameOf: (index: number) => string): readonly string[] {
  const own = `${kind}=${nameOf(to)}`;
  // What Requisite= asks for is looked at in time only behind it.
  const isAfter = kind === "Requisite" || (isOrdered && kind !== "Before");
  return isAfter ? [own, `After=${nameOf(to)}`] : [own];
}
