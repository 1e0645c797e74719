/**
 * `npm run docs`: writes docs/reference/unit-files.md from the key table, so that the page cannot say anything else
 * than the program does. With `--check` it writes nothing and fails when the page is stale.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Key, Keys, Treatment } from "#unit/key.ts";
import { CGROUP_KEYS } from "#unit/keys/cgroup.ts";
import { EXEC_KEYS } from "#unit/keys/exec.ts";
import { KILL_KEYS } from "#unit/keys/kill.ts";
import { SECTIONS } from "#unit/keys.ts";

const PAGE = join(dirname(import.meta.dirname), "docs", "reference", "unit-files.md");

interface Chapter {
  readonly title: string;
  /** The manual page that says what the keys mean. */
  readonly manual: string;
  readonly keys: Keys;
}

/** Keys that several sections share, each set once. */
const SHARED: readonly Chapter[] = [
  {
    title: "Commands: `[Service]`, `[Socket]`, `[Mount]`, `[Swap]`",
    manual: "systemd.exec(5)",
    keys: EXEC_KEYS,
  },
  {
    title: "Killing: `[Service]`, `[Socket]`, `[Mount]`, `[Swap]`, `[Scope]`",
    manual: "systemd.kill(5)",
    keys: KILL_KEYS,
  },
  {
    title: "Resources: `[Service]`, `[Socket]`, `[Mount]`, `[Swap]`, `[Slice]`, `[Scope]`",
    manual: "systemd.resource-control(5)",
    keys: CGROUP_KEYS,
  },
];

function chapters(): readonly Chapter[] {
  const shared = new Set(SHARED.flatMap(({ keys }) => Object.keys(keys)));
  const own = Object.entries(SECTIONS).map(([section, keys]: readonly [string, Keys]) => ({
    title: `\`[${section}]\``,
    manual: manualOf(section),
    keys: Object.fromEntries(Object.entries(keys).filter(([key]) => isOwn(section, key, shared))),
  }));
  const isFlotillas = ({ title }: Chapter): boolean => title.startsWith("`[X-");
  return [...own.filter((one) => !isFlotillas(one)), ...SHARED, ...own.filter(isFlotillas)];
}

/** A few keys have the name of a shared one and another meaning. */
function isOwn(section: string, key: string, shared: ReadonlySet<string>): boolean {
  return !shared.has(key) || section === "Unit" || section === "Install" || section.startsWith("X-");
}

function manualOf(section: string): string {
  if (section === "Unit" || section === "Install") return "systemd.unit(5)";
  return section.startsWith("X-")
    ? "[unit-files.md](../unit-files.md)"
    : `systemd.${section.toLowerCase()}(5)`;
}

const TREATMENTS: Readonly<Record<Treatment, string>> = {
  run: "does it",
  limit: "does it where the machine's control groups can",
  ignored: "says that it is not applied",
};

const HEAD = `# Keys of unit files

This page is generated from the key table (\`src/unit/keys/\`) by \`npm run docs\`; [unit-files.md](../unit-files.md) is the
introduction. The keys are those of systemd up to version 255, and what they mean is in systemd's manual pages; here
stands what may be written and what becomes of it.

- **value**: what a line may hold. Anything else is a warning in systemd's words and the line counts for nothing, unless
  \`flotilla verify\` calls it an error: then the unit cannot be run.
- **lines**: *last*: the last line counts, and an empty one restores the default. *last, never empty*: an empty line is
  one more that counts for nothing. *first*: the first line counts. *add up*: all lines count, an empty one forgets those
  before it. *add up for good*: an empty line does nothing.
- **since**: the version of systemd that brought the key, where that was after 239.
- **embedded**: what the embedded supervisor does with it. What it does not apply, or cannot apply on a machine, it names
  in the unit's journal when the unit is started.

systemd applies all of them, except those that it has itself given up: they are marked *removed*.
`;

function render(): string {
  return [HEAD, ...chapters().map(renderChapter)].join("\n");
}

function renderChapter({ title, manual, keys }: Chapter): string {
  const rows = Object.entries(keys).flatMap(([key, row]) => renderRow(key, row, keys));
  if (rows.length === 0) return `## ${title}\n\n${manual}. It has no keys of its own.\n`;
  return `## ${title}\n\n${manual}\n\n| key | value | lines | since | embedded |\n|---|---|---|---|---|\n${rows.join("\n")}\n`;
}

/** An assertion stands beside its condition. */
function renderRow(key: string, row: Key<unknown>, keys: Keys): readonly string[] {
  const condition = keys[key.replace(/^Assert/, "Condition")];
  if (key.startsWith("Assert") && condition?.since === row.since) return [];
  const assertion = key.replace(/^Condition/, "Assert");
  const isPair = key.startsWith("Condition") && keys[assertion]?.since === row.since;
  const names = isPair ? [key, assertion] : [key];
  const cells = [
    names.map((name) => `\`${name}=\``).join(", "),
    row.value.name.replaceAll("|", "\\|"),
    linesOf(row),
    row.since ?? "",
    treatmentOf(row),
  ];
  return [`| ${cells.join(" | ")} |`];
}

function linesOf({ merge, value }: Key<unknown>): string {
  if (merge === "first") return "first";
  if (merge === "last") return value.takesEmpty ? "last, never empty" : "last";
  return merge === "list" ? "add up" : "add up for good";
}

function treatmentOf({ embedded, insteadUse, notice }: Key<unknown>): string {
  if (notice?.includes("has been removed") === true) return "*removed*";
  const former = insteadUse === undefined ? "" : `; former name of \`${insteadUse}=\``;
  return `${TREATMENTS[embedded]}${former}`;
}

const isCheck = process.argv.includes("--check");
const page = render();
if (!isCheck) {
  mkdirSync(dirname(PAGE), { recursive: true });
  writeFileSync(PAGE, page);
} else if (readFileSync(PAGE, "utf8") !== page) {
  console.error("docs/reference/unit-files.md is not what the key table says; write it with: npm run docs");
  process.exitCode = 1;
}
