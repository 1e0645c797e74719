/** The lint is only worth having if it refuses: each rule of oxlint.json that guards the frame is broken here once. */
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import * as z from "zod";

const root = dirname(import.meta.dirname);

/** File, its text, and the rule that must refuse it; none where it is right. */
const CASES: readonly (readonly [file: string, text: string, rule: string | undefined])[] = [
  ["src/base/knows-unit.ts", 'import "#unit/x.ts";', "no-restricted-imports"],
  ["src/base/reads-files.ts", 'import "node:fs";', "no-restricted-imports"],
  ["src/unit/knows-model.ts", 'import "#model/x.ts";', "no-restricted-imports"],
  ["src/model/knows-plan.ts", 'import "#plan/x.ts";', "no-restricted-imports"],
  ["src/plan/reads-clock.ts", "export const now = (): number => Date.now();", "no-restricted-properties"],
  ["src/plan/rolls-dice.ts", "export const die = (): number => Math.random();", "no-restricted-properties"],
  ["src/plan/waits.ts", "export const t = setTimeout(() => {}, 1);", "no-restricted-globals"],
  [
    "src/plan/schedule/knows-store.ts",
    'export const x = import("#store/store.ts");',
    "no-restricted-imports",
  ],
  ["src/plan/schedule/right.ts", 'import "../x.ts";\nimport "#model/x.ts";', undefined],
  ["src/host/knows-model.ts", 'import "#model/x.ts";', "no-restricted-imports"],
  ["src/store/knows-model.ts", 'import "#model/x.ts";', "no-restricted-imports"],
  ["src/store/embedded/leaves.ts", 'import "../../base/x.ts";', "no-restricted-imports"],
  ["src/store/embedded/right.ts", 'import "node:sqlite";\nimport "../x.ts";', undefined],
  ["src/mirror/knows-embedded.ts", 'import "#store/embedded/x.ts";', "no-restricted-imports"],
  ["src/supervisor/knows-store.ts", 'import "#store/store.ts";', "no-restricted-imports"],
  ["src/engine/knows-embedded.ts", 'import "#store/embedded/x.ts";', "no-restricted-imports"],
  ["src/engine/right.ts", 'import "#store/store.ts";\nimport "#plan/x.ts";', undefined],
  ["src/agent/knows-embedded.ts", 'import "#supervisor/embedded/x.ts";', "no-restricted-imports"],
  ["src/api/knows-daemon.ts", 'import "#daemon/x.ts";', "no-restricted-imports"],
  ["src/client/knows-api.ts", 'import "#api/x.ts";', "no-restricted-imports"],
  ["src/cli/start.ts", 'import "#daemon/x.ts";', "no-restricted-imports"],
  ["src/cli/daemon.ts", 'import "#daemon/x.ts";', undefined],
  [
    "src/cli/dev.ts",
    'import "#dev/x.ts";\nexport const d = import("#daemon/x.ts");',
    "no-restricted-imports",
  ],
  ["src/daemon/knows-cli.ts", 'import "#cli/x.ts";', "no-restricted-imports"],
  ["src/dev/knows-daemon.ts", 'import "#daemon/x.ts";', "no-restricted-imports"],
  ["src/base/cycle-a.ts", 'import { b } from "#base/cycle-b.ts";\nexport const a = b;', "import(no-cycle)"],
  ["src/base/cycle-b.ts", 'import { a } from "./cycle-a.ts";\nexport const b = a;', "import(no-cycle)"],
  ["src/host/floats.ts", "Promise.resolve();", "no-floating-promises"],
  ["src/host/long.ts", `export function f(): void {\n${"  f();\n".repeat(70)}}`, "max-lines-per-function"],
  ["src/host/huge.ts", `export const x = 1;\n${"// A line.\n".repeat(500)}`, "max-lines"],
  ["src/host/x.test.ts", 'import { test } from "vitest";\ntest.only("x", () => {});', "no-focused-tests"],
];

const reportSchema = z.object({
  diagnostics: z.array(z.object({ code: z.string().optional(), filename: z.string() })),
});

let folder = "";
let findings: readonly { readonly code?: string | undefined; readonly filename: string }[] = [];

function put(file: string, text: string): void {
  mkdirSync(dirname(join(folder, file)), { recursive: true });
  writeFileSync(join(folder, file), `${text}\n`);
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "flotilla-lint-"));
  for (const file of ["oxlint.json", "tsconfig.json", "package.json"]) {
    copyFileSync(join(root, file), join(folder, file));
  }
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
  for (const [file, text] of CASES) put(file, text);
  const oxlint = join(root, "node_modules", ".bin", "oxlint");
  const result = spawnSync(oxlint, ["-c", "oxlint.json", "-f", "json", "src"], {
    cwd: folder,
    encoding: "utf8",
  });
  findings = reportSchema.parse(JSON.parse(result.stdout)).diagnostics;
});

afterAll(() => rmSync(folder, { recursive: true }));

test.each(CASES)("%s", (file, _text, rule) => {
  const codes = findings.filter((finding) => finding.filename === file).map((finding) => finding.code ?? "");
  const asExpected = rule === undefined ? codes.length === 0 : codes.some((code) => code.includes(rule));
  expect(asExpected, `the lint says: ${codes.join() || "nothing"}`).toBe(true);
});
