/** What is wrong with a machine's network, as data, and the rules of nftables that make it so. Pure. */

/** Packets that are lost: those that come to the machine, those that leave it, or both. */
export type Direction = "in" | "out" | "both";

export interface Cut {
  readonly direction: Direction;
  /** Addresses of the machines at the other end. */
  readonly peers: readonly string[];
}

export interface NetworkFaults {
  readonly cuts: readonly Cut[];
  /** How many of a hundred packets are lost, in each direction. */
  readonly lossPercent: number;
}

export const NO_FAULTS: NetworkFaults = { cuts: [], lossPercent: 0 };

/** The whole ruleset, which replaces the one before at once. */
export function rulesetOf({ cuts, lossPercent }: NetworkFaults): string {
  const rules = (direction: "in" | "out"): readonly string[] => [
    ...cuts
      .filter((cut) => cut.direction === direction || cut.direction === "both")
      .map(({ peers }) => `ip ${direction === "in" ? "saddr" : "daddr"} { ${peers.join(", ")} } drop`),
    ...(lossPercent > 0
      ? [
          `meta ${direction === "in" ? "iifname" : "oifname"} != "lo" numgen random mod 100 < ${lossPercent} drop`,
        ]
      : []),
  ];
  return [
    "flush ruleset",
    "table inet faults {",
    ...chain("input", rules("in")),
    ...chain("output", rules("out")),
    "}",
    "",
  ].join("\n");
}

function chain(hook: "input" | "output", rules: readonly string[]): readonly string[] {
  return [
    `  chain ${hook} {`,
    `    type filter hook ${hook} priority -300; policy accept;`,
    ...rules.map((rule) => `    ${rule}`),
    "  }",
  ];
}
