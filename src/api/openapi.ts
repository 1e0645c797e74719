/** The OpenAPI 3.1 document, made from the table of routes. */
import * as z from "zod";
import { errorSchema } from "./bodies.ts";
import type { Route } from "./route.ts";

type Json = Record<string, unknown>;

export function openApiDocument(routes: readonly Route[], version: string): Json {
  const paths: Record<string, Json> = {};
  for (const route of routes) {
    paths[route.path] = { ...paths[route.path], [route.method]: operation(route) };
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "Flotilla",
      version,
      description: "Units of a cluster of machines: what is asked for, what is, and why.",
    },
    paths,
    components: { schemas: { Error: jsonSchema(errorSchema, "output") } },
  };
}

function operation(route: Route): Json {
  return {
    operationId: operationId(route),
    summary: route.summary,
    parameters: [...parameters(route.params, "path"), ...parameters(route.query, "query")],
    ...(route.body === undefined
      ? {}
      : {
          requestBody: {
            required: true,
            content: content("application/json", jsonSchema(route.body, "input")),
          },
        }),
    responses: {
      "200": { description: "Done.", content: content(route.produces, jsonSchema(route.response, "output")) },
      default: {
        description: "Any failure.",
        content: content("application/json", { $ref: "#/components/schemas/Error" }),
      },
    },
  };
}

/** `GET /v1/units/{unit}/journal` is `getUnitsUnitJournal`. */
function operationId({ method, path }: Route): string {
  const words = path.replace("/v1/", "/").match(/\w+/g) ?? [];
  return method + words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join("");
}

function parameters(schema: z.ZodType | undefined, where: "path" | "query"): Json[] {
  if (!(schema instanceof z.ZodObject)) return [];
  const { properties = {} } = z.toJSONSchema(schema, { io: "input", unrepresentable: "any" });
  return Object.entries(properties).map(([name, field]) => ({
    name,
    in: where,
    required: where === "path",
    schema: field,
  }));
}

function content(type: string, schema: Json): Json {
  return { [type]: { schema } };
}

function jsonSchema(schema: z.ZodType, io: "input" | "output"): Json {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: "any" });
  return rest;
}
