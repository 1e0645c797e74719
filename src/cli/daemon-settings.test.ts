import { describe, expect, test } from "vitest";
import { apiPortOf, daemonSettings } from "./daemon-settings.ts";

describe("the daemon's settings, for the commands before it", () => {
  test("are those of the shell where the daemon is no service", async () => {
    const env = { FLOTILLA_API_PORT: "7500", FLOTILLA_NAME: "" };
    const settings = await daemonSettings("/srv/flotilla", { env });
    expect([settings("api-port"), settings("name"), settings("address")]).toEqual([
      "7500",
      undefined,
      undefined,
    ]);
  });

  test("are not those of the shell for the service, which does not see it", async () => {
    const settings = await daemonSettings("/var/lib/flotilla", {
      env: { FLOTILLA_LOG_LEVEL: "from-a-shell" },
    });
    expect(settings("log-level")).not.toBe("from-a-shell");
  });
});

describe("the port of the API", () => {
  test("is the setting's, or 7400", () => {
    expect(apiPortOf(() => undefined)).toBe(7400);
    expect(apiPortOf(() => "7500")).toBe(7500);
  });

  test.each(["0", "65536", "seven", "-1", "7400.5"])("is not %s, which nobody could be told", (text) => {
    expect(() => apiPortOf(() => text)).toThrow(expect.objectContaining({ code: "bad-config" }));
  });
});
