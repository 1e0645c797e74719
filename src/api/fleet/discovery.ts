/**
 * The discovery document of fleet's API, in Google's form, for generators of clients. fleet serves it with the words
 * `$ENDPOINT` in it; so does this.
 */

type Json = Readonly<Record<string, unknown>>;

const STRING: Json = { type: "string" };
const STATE: Json = { type: "string", enum: ["inactive", "loaded", "launched"] };
const METADATA: Json = { type: "object", properties: {}, additionalProperties: STRING };

const object = (id: string, properties: Json): Json => ({ id, type: "object", properties });
const listOf = (id: string): Json => ({ type: "array", items: { $ref: id } });
const page = (id: string, items: Json): Json => object(id, { ...items, nextPageToken: STRING });

const SCHEMAS: Json = {
  Machine: object("Machine", { id: STRING, primaryIP: STRING, metadata: METADATA }),
  MachinePage: page("MachinePage", { machines: listOf("Machine") }),
  UnitOption: object("UnitOption", { section: STRING, name: STRING, value: STRING }),
  Unit: object("Unit", {
    name: STRING,
    options: listOf("UnitOption"),
    desiredState: STATE,
    currentState: STATE,
    machineID: { type: "string", required: true },
  }),
  UnitPage: page("UnitPage", { units: listOf("Unit") }),
  UnitState: object("UnitState", {
    name: STRING,
    hash: STRING,
    machineID: STRING,
    systemdLoadState: STRING,
    systemdActiveState: STRING,
    systemdSubState: STRING,
  }),
  UnitStatePage: page("UnitStatePage", { states: listOf("UnitState") }),
};

interface Call {
  readonly id: string;
  readonly method: "GET" | "PUT" | "DELETE";
  readonly path: string;
  readonly description: string;
  readonly query?: readonly string[];
  readonly request?: string;
  readonly response?: string;
}

function call({ id, method, path, description, query = [], request, response }: Call): Json {
  const inPath = path.includes("{unitName}");
  const parameters: Json = {
    ...(inPath ? { unitName: { type: "string", location: "path", required: true } } : {}),
    ...Object.fromEntries(query.map((name) => [name, { type: "string", location: "query" }])),
  };
  return {
    id,
    description,
    httpMethod: method,
    path,
    parameters,
    ...(inPath ? { parameterOrder: ["unitName"] } : {}),
    ...(request === undefined ? {} : { request: { $ref: request } }),
    ...(response === undefined ? {} : { response: { $ref: response } }),
  };
}

function list(id: string, path: string, what: string, filters: readonly string[] = []): Json {
  const query = ["nextPageToken", ...filters];
  const description = `Retrieve a page of ${what} objects.`;
  return call({ id, method: "GET", path, description, query, response: `${what}Page` });
}

const UNIT = { path: "units/{unitName}" } as const;

const RESOURCES: Json = {
  Machines: { methods: { List: list("fleet.Machine.List", "machines", "Machine") } },
  Units: {
    methods: {
      List: list("fleet.Unit.List", "units", "Unit"),
      Get: call({
        ...{ ...UNIT, id: "fleet.Unit.Get", method: "GET", response: "Unit" },
        description: "Retrieve a single Unit object.",
      }),
      Delete: call({
        ...{ ...UNIT, id: "fleet.Unit.Delete", method: "DELETE" },
        description: "Delete the referenced Unit object.",
      }),
      Set: call({
        ...{ ...UNIT, id: "fleet.Unit.Set", method: "PUT", request: "Unit" },
        description: "Create or update a Unit.",
      }),
    },
  },
  UnitState: {
    methods: {
      Get: call({
        ...{ id: "fleet.UnitState.Get", method: "GET", path: "state/{unitName}", response: "UnitState" },
        description: "Retrieve a page of a single UnitState object.",
      }),
      List: list("fleet.UnitState.List", "state", "UnitState", ["unitName", "machineID"]),
    },
  },
};

export const DISCOVERY: Json = {
  kind: "discovery#restDescription",
  discoveryVersion: "v1",
  id: "fleet:v1",
  name: "schema",
  version: "v1",
  title: "fleet API",
  description: "",
  documentationLink: "http://github.com/coreos/fleet",
  protocol: "rest",
  icons: { x16: "", x32: "" },
  labels: [],
  baseUrl: "$ENDPOINT/fleet/v1/",
  basePath: "/fleet/v1/",
  rootUrl: "$ENDPOINT/",
  servicePath: "fleet/v1/",
  batchPath: "batch",
  parameters: {},
  auth: {},
  schemas: SCHEMAS,
  resources: RESOURCES,
};
