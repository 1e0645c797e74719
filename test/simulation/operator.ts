/** The operator of a simulated cluster: asks for things by chance, through whichever daemon is there. */
import type { ApiDependencies } from "#api/dependencies.ts";
import { configureMachine } from "#api/machine-config.ts";
import { askRebalance, rebalanceNow } from "#api/rebalance.ts";
import { decideDestroy, decideRestart, decideRetreat } from "#api/unit-decisions.ts";
import { changeUnits, submitUnits } from "#api/unit-requests.ts";
import { randomInteger } from "#base/random.ts";
import type { DesiredState } from "#model/records.ts";
import { pick } from "./chance.ts";
import { TEMPLATES, UNITS, unitFileOf } from "./workload.ts";
import type { World } from "./world.ts";

interface Answer {
  readonly status: string;
}

/** One kind of request; the text says what was asked, for the trace. */
type Action = (
  api: ApiDependencies,
  world: World,
) => { readonly text: string; readonly done: Promise<readonly Answer[] | undefined> };

const submit =
  (desired: DesiredState, replace: boolean): Action =>
  (api, { random }) => {
    const specs = UNITS.filter(() => random.next() < 0.2);
    const editions = replace ? 5 : 1;
    const units = specs.map((spec) => ({
      unit: spec.name,
      text: unitFileOf(spec, randomInteger(random, 1, editions)),
    }));
    const text = `submit as ${desired}${replace ? " with --replace" : ""}: ${specs.map((spec) => spec.name).join(" ")}`;
    return { text, done: submitUnits(units, { desired, replace }, api) };
  };

const change =
  (verb: string, decide: Parameters<typeof changeUnits>[1], share: number): Action =>
  (api, { random }) => {
    const names = UNITS.filter(() => random.next() < share).map((spec) => spec.name);
    return { text: `${verb} ${names.join(" ")}`, done: changeUnits(names, decide, api) };
  };

/** Destroyed and submitted again at once, perhaps with another text. */
const recreate: Action = (api, { random }) => {
  const specs = UNITS.filter(() => random.next() < 0.08);
  const units = specs.map((spec) => ({
    unit: spec.name,
    text: unitFileOf(spec, randomInteger(random, 1, 5)),
  }));
  const names = units.map(({ unit }) => unit);
  const done = changeUnits(names, decideDestroy, api).then(() =>
    submitUnits(units, { desired: "launched", replace: true }, api),
  );
  return { text: `recreate ${names.join(" ")}`, done };
};

/** A template gets another text, and what is made of it is made anew. */
const updateTemplate: Action = (api, { random }) => {
  const template = pick(random, TEMPLATES);
  const instances = UNITS.filter(({ madeFrom }) => madeFrom === template.name).map(({ name }) => name);
  const text = unitFileOf(template, randomInteger(random, 1, 5));
  const done = submitUnits([{ unit: template.name, text }], { desired: "inactive", replace: true }, api)
    .then(() => changeUnits(instances, decideDestroy, api))
    .then(() =>
      submitUnits(
        instances.map((unit) => ({ unit })),
        { desired: "launched", replace: false },
        api,
      ),
    );
  return { text: `template ${template.name}: another text, for ${instances.join(" ")}`, done };
};

const configure: Action = (api, { random, machines }) => {
  const machine = pick(random, machines);
  const cordoned = random.next() < 0.3;
  const disk = random.next() < 0.5 ? "ssd" : "disk";
  const text = `machine ${machine.name}: cordoned=${cordoned} disk=${disk}`;
  const patch = { cordoned, metadata: { disk } };
  return { text, done: configureMachine(machine.id, patch, api).then(() => undefined) };
};

const drain: Action = (api, { random, machines }) => {
  const machine = pick(random, machines);
  const dice = random.next();
  const force = dice < 0.2;
  const deadline = dice > 0.7 ? { deadlineMs: randomInteger(random, 1, 20_000) } : {};
  const text = `machine ${machine.name}: drain${force ? " by force" : ""} ${JSON.stringify(deadline)}`;
  const patch = { drain: { force, ...deadline } };
  return { text, done: configureMachine(machine.id, patch, api).then(() => undefined) };
};

const undrain: Action = (api, { random, machines }) => {
  const machine = pick(random, machines);
  const text = `machine ${machine.name}: undrain`;
  return { text, done: configureMachine(machine.id, { drain: null }, api).then(() => undefined) };
};

const rebalance: Action = (api, { random }) => {
  const strict = random.next() < 0.5;
  const { moves, revision } = rebalanceNow(strict, api);
  const text = `rebalance${strict ? " --strict" : ""}: ${moves.map(({ unit }) => unit).join(" ")}`;
  const done = moves.length === 0 ? Promise.resolve() : askRebalance({ moves, revision, strict }, api);
  return { text, done: done.then(() => undefined) };
};

/** The more likely ones stand there more than once. */
const ACTIONS: readonly Action[] = [
  submit("launched", false),
  submit("launched", false),
  submit("launched", true),
  submit("loaded", false),
  submit("inactive", false),
  change("restart", decideRestart, 0.1),
  change("stop", (situation) => decideRetreat(situation, "loaded"), 0.1),
  change("unload", (situation) => decideRetreat(situation, "inactive"), 0.08),
  change("destroy", decideDestroy, 0.05),
  recreate,
  updateTemplate,
  configure,
  drain,
  undrain,
  undrain,
  rebalance,
  rebalance,
];

/** What moves strict units and starts them again. */
export const STRICT_ACTIONS: readonly Action[] = [change("restart", decideRestart, 0.3), configure];

const PAUSE_MAX_MS = 4_000;
/** How often the next request does not wait for the answer of the one before. */
const AT_ONCE_SHARE = 0.3;
const AT_ONCE_MAX_MS = 3;

export class Operator {
  readonly #world: World;
  readonly #actions: readonly Action[];

  constructor(world: World, actions: readonly Action[] = ACTIONS) {
    this.#world = world;
    this.#actions = actions;
  }

  /** Everything is asked for once, so that there is something to lose. */
  begin(): void {
    this.#ask(submit("launched", false));
  }

  /** Goes on asking for `durationMs`. */
  workFor(durationMs: number): void {
    const { clock, random } = this.#world;
    const untilMs = clock.monotonic() + durationMs;
    const next = (): void => {
      if (clock.monotonic() > untilMs) return;
      this.#ask(pick(random, this.#actions));
      const pauseMs = random.next() < AT_ONCE_SHARE ? AT_ONCE_MAX_MS : PAUSE_MAX_MS;
      clock.setTimer(randomInteger(random, 1, pauseMs), next);
    };
    next();
  }

  #ask(action: Action): void {
    const { machines, random, trace } = this.#world;
    const machine = pick(random, machines);
    const api = machine.daemon?.api;
    if (api === undefined) return;
    const { text, done } = action(api, this.#world);
    trace.note("operator", `${text} (through ${machine.name})`);
    done.then(
      (answers) => trace.note("operator", `done: ${answers?.map(({ status }) => status).join(" ") ?? "ok"}`),
      (error: unknown) => trace.note("operator", `failed: ${String(error)}`),
    );
  }
}
