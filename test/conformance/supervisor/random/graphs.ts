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
/** What a unit is; of a service, its section. */
const KINDS = [
  "[Service]\nExecStart=/bin/sleep 60",
  "[Service]\nExecStart=/bin/sleep 60",
  "[Service]\nExecStart=/bin/sleep 60",
  "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true",
  "[Service]\nType=oneshot\nExecStart=/bin/true",
  "[Service]\nType=oneshot\nExecStart=/bin/sh -c 'sleep DELAY; exit 1'",
  "target",
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

/** Jobs and kills of these units. */
function actions(names: readonly string[]): fc.Arbitrary<readonly string[]> {
  const unit = fc.constantFrom(...names);
  const job = fc
    .tuple(fc.constantFrom(...VERBS), unit, fc.constantFrom(...MODES))
    .map(([verb, name, mode]) => `${verb} ${name}${mode} => *`);
  const kill = unit.map((name) => `kill ${name} KILL`);
  const action = fc.oneof({ weight: 4, arbitrary: job }, { weight: 1, arbitrary: kill });
  return fc.array(action, { minLength: 2, maxLength: 4 });
}

/** The text of a scenario whose units' names begin with `stem`. */
export function graphScenario(stem: string): fc.Arbitrary<string> {
  const kinds = fc.array(fc.constantFrom(...KINDS), { minLength: 3, maxLength: 5 });
  return kinds.chain((bodies) => {
    const names = bodies.map(
      (body, index) => `${stem}-${"abcde"[index]}.${body === "target" ? body : "service"}`,
    );
    return fc
      .tuple(edges(names.length), fc.array(fc.boolean(), { minLength: 5 }), actions(names))
      .map(([lines, unneeded, done]) => {
        const units = bodies.map((body, index) => {
          const own = lines.filter(({ from }) => from === index).flatMap((edge) => linesOf(edge, names));
          const stops = unneeded[index] === true && index % 3 === 2 ? ["StopWhenUnneeded=yes"] : [];
          return unitText(names[index] ?? "", [...own, ...stops], index, body);
        });
        const stops = names.map((name) => `stop ${name} => *`);
        const script = [...done, ...stops].flatMap((step) => [step, "rest"]).join("\n");
        return `${units.join("")}--- script\n${script}\n`;
      });
  });
}

function unitText(name: string, lines: readonly string[], index: number, body: string): string {
  const head = ["[Unit]", "StartLimitBurst=3", "StartLimitIntervalSec=100", ...lines].join("\n");
  // Units that fail do so one after another, and when those not ordered behind them have been started.
  const section = body === "target" ? "" : body.replace("DELAY", (0.3 + index * 0.2).toFixed(1));
  return `--- ${name}\n${head}\n${section}\n`;
}

function linesOf({ kind, to, isOrdered }: Edge, names: readonly string[]): readonly string[] {
  const own = `${kind}=${names[to]}`;
  // What Requisite= asks for is looked at in time only behind it.
  const isAfter = kind === "Requisite" || (isOrdered && kind !== "Before");
  return isAfter ? [own, `After=${names[to]}`] : [own];
}
