import { describe, expect, test } from "vitest";
import * as z from "zod";
import { answerText } from "./answer.ts";
import { type Route, rawRoute } from "./route.ts";
import { createRouter } from "./router.ts";

function route(method: "get" | "post", path: string): Route {
  const handle = () => answerText(path);
  return rawRoute({
    method,
    path,
    summary: path,
    needs: "nothing",
    produces: "text/plain",
    response: z.string(),
    handle,
  });
}

const find = createRouter([
  route("get", "/v1/units/{unit}"),
  route("get", "/v1/units/watch"),
  route("get", "/v1/units/{unit}/why"),
  route("post", "/v1/units"),
]);

describe("a request finds its route", () => {
  const rows: readonly (readonly [why: string, method: string, path: string, route: string | undefined])[] = [
    ["by its path", "POST", "/v1/units", "/v1/units"],
    ["by a path with a parameter", "GET", "/v1/units/web@1.service", "/v1/units/{unit}"],
    ["without a parameter before one with", "GET", "/v1/units/watch", "/v1/units/watch"],
    ["as deep as its path", "GET", "/v1/units/a/why", "/v1/units/{unit}/why"],
    ["by HEAD as by GET", "HEAD", "/v1/units/a", "/v1/units/{unit}"],
    ["not by another method", "DELETE", "/v1/units/a", undefined],
    ["not by a path that goes on", "GET", "/v1/units/a/why/not", undefined],
    ["not with an empty parameter", "GET", "/v1/units/", undefined],
    ["not with a broken escape", "GET", "/v1/units/%zz", undefined],
    ["not by a property that every object has", "GET", "/constructor", undefined],
  ];
  test.each(rows)("%s", (_why, method, path, expected) => {
    expect(find(method, path)?.route.path).toBe(expected);
  });

  test("with its parameters decoded", () => {
    expect(find("GET", "/v1/units/a%5cx2db%2f.service/why")?.params).toEqual({ unit: "a\\x2db/.service" });
  });
});
