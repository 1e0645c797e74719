/** Failure rule 8: what is over a limit is refused with a clear error, and nothing of it is kept. */
import { mkdir, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ErrorBody } from "#base/errors.ts";
import { socketOf } from "#dev/layout.ts";
import { LIMITS } from "#model/limits.ts";
import { Cluster } from "../cluster/cluster.ts";
import { SLEEPER } from "../cluster/units.ts";

describe("limits", () => {
  let cluster: Cluster;
  beforeAll(async () => {
    cluster = await Cluster.start({ machines: 1, leaseTtlS: 5, network: "shared" });
  });
  afterAll(() => cluster.stop());

  /** Sends a body as it is; the error that comes back. */
  async function post(body: string): Promise<{ status: number; error: ErrorBody }> {
    const answer = Promise.withResolvers<{ status: number; error: ErrorBody }>();
    const sent = request(
      {
        socketPath: socketOf(cluster.machine("m1")),
        path: "/v1/units",
        method: "POST",
        headers: { "content-type": "application/json" },
      },
      (response) => {
        const read = (json: string): void =>
          answer.resolve({ status: response.statusCode ?? 0, error: JSON.parse(json) as ErrorBody });
        text(response).then(read, answer.reject);
      },
    );
    sent.once("error", answer.reject);
    sent.end(body);
    return answer.promise;
  }

  async function submittedUnits(): Promise<readonly string[]> {
    return (await cluster.client("m1").unitFiles()).unitFiles.map(({ unit }) => unit);
  }

  test("a unit file that is too large is refused with its size and the limit", async () => {
    const folder = join(cluster.directory, "unit-files");
    await mkdir(folder, { recursive: true });
    const path = join(folder, "large.service");
    await writeFile(path, `${SLEEPER}#${"x".repeat(LIMITS.unitFileBytes)}\n`);
    const start = await cluster.flotilla(["start", path]);
    expect(start.exitCode).toBe(1);
    expect(start.stderr).toContain("unit-too-large");
    expect(start.stderr).toContain(String(LIMITS.unitFileBytes));
    expect(await submittedUnits()).not.toContain("large.service");
  });

  test("too many units in a request are refused as a whole", async () => {
    const units = Array.from({ length: LIMITS.unitsPerRequest + 1 }, (_, index) => ({
      unit: `crowd-${index}.service`,
      text: SLEEPER,
    }));
    await expect(cluster.client("m1").submit({ units })).rejects.toMatchObject({
      code: "limit-exceeded",
      message: expect.stringContaining(String(LIMITS.unitsPerRequest)),
    });
    expect(await submittedUnits()).toEqual([]);
  });

  test("a body over 16 MiB is refused and the daemon goes on", async () => {
    const { status, error } = await post(JSON.stringify({ units: [], padding: "x".repeat(17 * 2 ** 20) }));
    expect(status).toBe(413);
    expect(error.code).toBe("limit-exceeded");
    await cluster.client("m1").health();
  });

  test("a body of the wrong shape is refused with the place of what is wrong", async () => {
    const { status, error } = await post(JSON.stringify({ units: [{ unit: 5 }] }));
    expect(status).toBe(400);
    expect(error.code).toBe("bad-request");
    expect(JSON.stringify(error)).toContain("units");
    const broken = await post('{"units": [');
    expect(broken.error.code).toBe("bad-request");
  });

  test("a name that is too long is refused", async () => {
    const [result] = await cluster
      .client("m1")
      .submit({ units: [{ unit: `${"n".repeat(300)}.service`, text: SLEEPER }] });
    expect(result?.error?.code).toBe("bad-unit-name");
  });
});
