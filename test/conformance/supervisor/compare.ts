/** What two runs of one scenario say: where expectations do not hold, where the sides differ, and which differences are known. */
import { COMPARED, isInTransition, type Properties } from "./properties.ts";
import type { Finding } from "./run-scenario.ts";
import type { Side } from "./scenario.ts";

/** A line for each expectation that does not hold on this side, and for each known difference that is none any more. */
export function faultsOf(side: Side, findings: readonly Finding[]): readonly string[] {
  return findings.flatMap((finding) => judge(finding, side, finding.fault));
}

/** The same of both sides, and a line for each state in which they differ. */
export function compareFindings(
  embedded: readonly Finding[],
  systemd: readonly Finding[],
): readonly string[] {
  return embedded.flatMap((finding, index) => {
    const other = systemd[index];
    if (other === undefined) return [];
    const differ = differencesOf(finding, other).join(", ");
    return [
      ...judge(finding, "embedded", finding.fault ?? (differ === "" ? undefined : differ)),
      ...judge(
        other,
        "systemd",
        other.fault ?? (other.step.differs?.side === "systemd" ? differ : undefined),
      ),
    ];
  });
}

function judge({ step }: Finding, side: Side, fault: string | undefined): readonly string[] {
  const where = `line ${step.line} on ${side}: ${step.text}:`;
  if (step.differs?.side !== side) return fault === undefined ? [] : [`${where} ${fault}`];
  return fault === undefined ? [`${where} the known difference is gone: remove its mark`] : [];
}

/** Where two runs of a line differ: in how its job ended and in the recorded states of units that are in no transition. */
export function differencesOf(embedded: Finding, systemd: Finding): readonly string[] {
  const states = [...embedded.states].flatMap(([unit, state]) =>
    differencesOfUnit(unit, state, systemd.states.get(unit) ?? {}),
  );
  if (embedded.result === systemd.result) return states;
  return [`the result is ${embedded.result}, with systemd ${systemd.result}`, ...states];
}

function differencesOfUnit(unit: string, state: Properties, real: Properties): readonly string[] {
  if (isInTransition(state) || isInTransition(real)) return [];
  return COMPARED.filter((property) => state[property] !== real[property]).map(
    (property) => `${unit} ${property} is ${state[property]}, with systemd ${real[property]}`,
  );
}
