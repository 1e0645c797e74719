/** `flotilla verify`, and the same check before a unit is sent: files, drop-ins, folders, submitted units. */
import { mkdir, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { M1, SERVICE, TestCluster } from "../api/served-cluster.ts";
import { type Ran, runCommand } from "./terminal.ts";

let cluster: TestCluster;
let directory: string;
let endpoint: string;

beforeEach(async () => {
  cluster = await TestCluster.start();
  ({ directory, unix: endpoint } = await cluster.serve());
  await cluster.addMachine(M1, "m1");
});
afterEach(() => cluster.close());

function run(line: string): Promise<Ran> {
  return runCommand(line, { endpoint, cwd: directory });
}

async function file(path: string, text = SERVICE): Promise<void> {
  await mkdir(dirname(join(directory, path)), { recursive: true });
  await writeFile(join(directory, path), text);
}

async function link(path: string, target: string): Promise<void> {
  await mkdir(dirname(join(directory, path)), { recursive: true });
  await symlink(target, join(directory, path));
}

const GOOD = "[Service]\nExecStart=/bin/true\n";

describe("verify of a file", () => {
  test("reads its drop-ins, says so, and points into them", async () => {
    await file("web.service", GOOD);
    await file("web.service.d/10-limits.conf", "[Service]\nMemoryMx=1G\n");
    const ran = await run("verify web.service");
    expect(ran.stdout).toBe("web.service with web.service.d/10-limits.conf: good (1 warning)\n");
    expect(ran.stderr.split("\n").slice(0, 5)).toEqual([
      "warning: Unknown key 'MemoryMx' in section [Service], ignoring.",
      "  --> web.service.d/10-limits.conf:2:1",
      "  2 | MemoryMx=1G",
      "    | ^^^^^^^^",
      "  hint: did you mean MemoryMax=?",
    ]);
  });

  test("shows paths as they were given", async () => {
    await file("sub/web.service", "[Service]\nExecStart=\n");
    await file("sub/web.service.d/a.conf", "User=x\n[Service]\n");
    const { stderr } = await run("verify sub/web.service");
    expect(stderr).toContain("sub/web.service.d/a.conf:1:1");
  });

  test("reports an alias as the unit it stands for, once", async () => {
    await file("web.service", GOOD);
    await link("www.service", "web.service");
    expect((await run("verify www web")).stdout).toBe("web.service: good\n");
  });

  test("names a masked unit", async () => {
    await link("web.service", "/dev/null");
    const ran = await run("verify web");
    expect(ran).toMatchObject({ exit: 0, stdout: "web.service: good (1 warning)\n" });
    expect(ran.stderr).toContain("warning: Unit web.service is masked.");
  });

  test("notes traps by name, and not with --no-lint", async () => {
    await file("web.service", "[Service]\nType=simple\nExecStart=/bin/true\n");
    const ran = await run("verify web");
    expect(ran.stdout).toBe("web.service: good (1 note)\n");
    expect(ran.stderr).toContain("note[type-simple]: ");
    expect(await run("verify --no-lint web")).toEqual({ exit: 0, stdout: "web.service: good\n", stderr: "" });
  });

  test("says all of it as JSON", async () => {
    await file("web.service", "[Service]\nType=simple\nExecStart=/bin/true\nBogus=1\n");
    await file("bad.service", "[Service]\nExecStart=true/\n");
    const ran = await run("verify -o json web.service bad.service nope/none.service");
    expect(ran.exit).toBe(1);
    expect(JSON.parse(ran.stdout)).toMatchObject({
      files: [
        {
          file: "web.service",
          unit: "web.service",
          errors: [],
          warnings: [{ place: { line: 4 } }],
          notes: [{ lint: "type-simple", place: { file: "web.service", line: 2, column: 6 } }],
        },
        { file: "bad.service", errors: [{ code: "bad-unit-file", place: { line: 2 } }] },
        { file: "nope/none.service", errors: [{ code: "unit-not-found" }] },
      ],
    });
  });

  test("notes limits that a machine of the cluster does not enforce", async () => {
    await cluster.close();
    cluster = await TestCluster.start();
    ({ directory, unix: endpoint } = await cluster.serve());
    await cluster.addMachine(M1, "m1", { notEnforced: ["MemoryMax= is not enforced: no memory controller"] });
    await file("web.service", `${GOOD}MemoryMax=1G\n`);
    const { stderr } = await run("verify web");
    expect(stderr).toContain("note[limit-not-enforced]: MemoryMax= is not enforced on m1");
  });
});

describe("verify of names", () => {
  test("checks what was submitted", async () => {
    await file("sub/web.service", `${GOOD}Bogus=1\n`);
    await run("submit sub/web.service");
    const ran = await run("verify web");
    expect(ran).toMatchObject({ exit: 0, stdout: "web.service: good (1 warning)\n" });
    expect(ran.stderr).toContain("  --> web.service:3:1");
  });

  test("of nothing that is known is an error with the nearest name", async () => {
    await file("sub/web.service", GOOD);
    await run("submit sub/web.service");
    const ran = await run("verify wbe");
    expect(ran.exit).toBe(1);
    expect(ran.stderr).toContain("hint: did you mean web.service?");
  });
});

describe("verify of a folder", () => {
  test("checks each unit in it, and links and drop-ins only as parts of one", async () => {
    await file("units/web.service", GOOD);
    await file("units/job@.service", GOOD);
    await file("units/all.target", "[Unit]\nDescription=All\n");
    await link("units/all.target.wants/web.service", "../web.service");
    await link("units/www.service", "web.service");
    await file("units/README", "text");
    expect((await run("verify units/")).stdout).toBe(
      "units/all.target with all.target.wants/: good\nunits/job@.service: good\nunits/web.service: good\n",
    );
  });

  test("notes a socket without the template for its connections", async () => {
    await file("units/echo.socket", "[Socket]\nListenStream=/run/echo\nAccept=yes\n");
    expect((await run("verify units/")).stderr).toContain(
      "note[unknown-unit]: Accept= needs echo@.service, which is neither beside it nor submitted",
    );
    await file("units/echo@.service", GOOD);
    expect((await run("verify units/")).stderr).not.toContain("unknown-unit");
  });

  test("notes units that are neither in it nor submitted", async () => {
    await file(
      "units/web.service",
      `[Unit]\nWants=db.service job@1.service cahce.service other.service\n${GOOD}`,
    );
    await file("units/job@.service", GOOD);
    await file("units/cache.service", GOOD);
    await file("other.service", GOOD);
    await run("submit other.service");
    const { stderr } = await run("verify units/");
    expect(stderr.match(/note\[unknown-unit\]: .*/g)).toEqual([
      "note[unknown-unit]: Wants= names db.service, which is neither beside it nor submitted",
      "note[unknown-unit]: Wants= names cahce.service, which is neither beside it nor submitted",
    ]);
    expect(stderr).toContain("hint: did you mean cache.service?");
  });

  test("without a unit is an error", async () => {
    await mkdir(join(directory, "none"));
    expect((await run("verify none/")).stderr).toContain("error[not-found]: there is no unit file in none/");
    expect((await run("verify gone/")).stderr).toContain("error[unit-not-found]");
  });
});

describe("submit", () => {
  test("sends a unit with its drop-ins as one text, and says so", async () => {
    await file("web.service", GOOD);
    await file("web.service.d/10-a.conf", "[Service]\nUser=web\n");
    await file("service.d/all.conf", "[Service]\nGroup=web");
    const ran = await run("submit web.service");
    expect(ran.stderr).toBe("web.service: web.service with web.service.d/10-a.conf, service.d/all.conf\n");
    expect((await run("cat web")).stdout).toBe(
      `# web.service\n${GOOD}\n# web.service.d/10-a.conf\n[Service]\nUser=web\n\n# service.d/all.conf\n[Service]\nGroup=web\n`,
    );
  });

  test("sends nothing when one of the files cannot be run", async () => {
    await file("web.service", GOOD);
    await file("bad.service", GOOD);
    await file("bad.service.d/x.conf", "[Service]\nExecStart=\nExecStart=relative/path\n");
    const ran = await run("submit web.service bad.service");
    expect(ran).toMatchObject({ exit: 1, stdout: "" });
    expect(ran.stderr).toContain("  --> bad.service.d/x.conf:3:11");
    expect(cluster.dependencies.mirror.view.units.size).toBe(0);
  });

  test("warns once of what is odd in a file", async () => {
    await file("web.service", `${GOOD}Bogus=1\n`);
    const { stderr } = await run("submit web.service");
    expect(stderr.match(/Unknown key/g)).toHaveLength(1);
  });

  test("of an instance sends the template, and the instance's own text where drop-ins are for it alone", async () => {
    await file("web@.service", GOOD);
    await file("web@.service.d/a.conf", "[Service]\nUser=web\n");
    await file("web@2.service.d/b.conf", "[Service]\nUser=two\n");
    await run("submit web@1 web@2");
    expect((await run("cat web@1")).stdout).not.toContain("User=two");
    expect((await run("cat web@1")).stdout).toContain("User=web");
    expect((await run("cat web@2")).stdout).toContain("User=two");
  });

  test("takes all units of a folder", async () => {
    await file("units/a.service", GOOD);
    await file("units/b.timer", "[Timer]\nOnCalendar=daily\n");
    const ran = await run("submit units/");
    expect(ran.exit).toBe(0);
    expect([...cluster.dependencies.mirror.view.units.keys()].sort()).toEqual(["a.service", "b.timer"]);
  });

  test("takes a masked unit and says that it is; start refuses it", async () => {
    await file("web.service", "");
    const submitted = await run("submit web.service");
    expect(submitted.exit).toBe(0);
    expect(submitted.stderr).toContain("warning: Unit web.service is masked.");
    const started = await run("start web.service");
    expect(started.exit).toBe(1);
    expect(started.stderr).toContain("error[unit-masked]: Unit web.service is masked.");
  });

  test("with -o json says what was refused as results", async () => {
    await file("bad.service", "[Service\n");
    const ran = await run("submit -o json bad.service");
    expect(ran.exit).toBe(1);
    expect(JSON.parse(ran.stdout)).toMatchObject({
      results: [{ unit: "bad.service", status: "refused", error: { code: "bad-unit-file" } }],
    });
  });
});
