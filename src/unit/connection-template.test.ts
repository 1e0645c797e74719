import { describe, expect, test } from "vitest";
import { connectionTemplate } from "./connection-template.ts";

describe("the template of a socket's connections", () => {
  test.each([
    { unit: "echo.socket", accept: "yes", template: "echo@.service" },
    { unit: "echo.socket", accept: "1", template: "echo@.service" },
    { unit: "echo@blue.socket", accept: "true", template: "echo@.service" },
    { unit: "a-b.c.socket", accept: "on", template: "a-b.c@.service" },
    { unit: "echo.socket", accept: "no", template: undefined },
    { unit: "echo.socket", accept: "maybe", template: undefined },
    { unit: "echo.service", accept: "yes", template: undefined },
  ])("of $unit with Accept=$accept is $template", ({ unit, accept, template }) => {
    expect(connectionTemplate(unit, `[Socket]\nListenStream=1\nAccept=${accept}\n`)).toBe(template);
  });

  test("is none where the socket hands itself over as a whole, and in an empty file", () => {
    expect(connectionTemplate("echo.socket", "[Socket]\nListenStream=1\n")).toBeUndefined();
    expect(connectionTemplate("echo.socket", "")).toBeUndefined();
  });

  test("is decided by the last assignment, in that section alone", () => {
    expect(connectionTemplate("e.socket", "[Socket]\nAccept=yes\nAccept=no\n")).toBeUndefined();
    expect(connectionTemplate("e.socket", "[Service]\nAccept=yes\n")).toBeUndefined();
  });
});
