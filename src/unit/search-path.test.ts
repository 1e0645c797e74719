import { describe, expect, test } from "vitest";
import { findUnitParts, type UnitDirectory } from "./search-path.ts";

/** A directory from paths; `link -> target` is a symbolic link. */
function directory(path: string, ...entries: readonly string[]): UnitDirectory {
  const files = entries.map((entry) => {
    const [file = "", target] = entry.split(" -> ");
    return [file, target === undefined ? {} : { target }] as const;
  });
  return { path, files: new Map(files) };
}

describe("the unit file", () => {
  test("is that of the first directory that has it", () => {
    const path = [directory("/etc", "a.service"), directory("/lib", "a.service")];
    expect(findUnitParts("a.service", path).fragment).toBe("/etc/a.service");
  });

  test("of an instance is its own in any directory, before its template's", () => {
    const path = [directory("/etc", "a@.service"), directory("/lib", "a@1.service")];
    expect(findUnitParts("a@1.service", path).fragment).toBe("/lib/a@1.service");
    expect(findUnitParts("a@2.service", path).fragment).toBe("/etc/a@.service");
  });

  test("is missing where there is none", () => {
    expect(findUnitParts("a.service", [directory("/etc")])).toEqual({
      id: "a.service",
      fragment: undefined,
      dropIns: [],
      dependencies: [],
    });
  });

  test("is masked by a link to /dev/null, whatever lies behind it", () => {
    const path = [directory("/etc", "a.service -> /dev/null"), directory("/lib", "a.service")];
    expect(findUnitParts("a.service", path).fragment).toBe("masked");
  });

  test("of an instance is masked with its template", () => {
    const path = [directory("/etc", "a@.service -> /dev/null")];
    expect(findUnitParts("a@1.service", path).fragment).toBe("masked");
  });
});

describe("a link", () => {
  test("to another unit of the search path is an alias", () => {
    const path = [directory("/etc", "b.service -> /lib/a.service"), directory("/lib", "a.service")];
    expect(findUnitParts("b.service", path)).toMatchObject({ id: "a.service", fragment: "/lib/a.service" });
  });

  test("to a template is an alias for the same instance", () => {
    const path = [directory("/etc", "b@.service -> /etc/a@.service", "a@.service")];
    expect(findUnitParts("b@1.service", path).id).toBe("a@1.service");
  });

  test("out of the search path is the file itself", () => {
    const path = [directory("/etc", "b.service -> /opt/a.service")];
    expect(findUnitParts("b.service", path)).toMatchObject({ id: "b.service", fragment: "/etc/b.service" });
  });

  test("to a unit of another type is no alias", () => {
    const path = [directory("/etc", "b.service -> /etc/a.timer", "a.timer")];
    expect(findUnitParts("b.service", path).id).toBe("b.service");
  });

  test("in a circle leads to no file", () => {
    const path = [directory("/etc", "a.service -> /etc/b.service", "b.service -> /etc/a.service")];
    expect(findUnitParts("a.service", path).fragment).toBeUndefined();
  });
});

describe("drop-ins", () => {
  const fragment = "web-1.service";

  test("apply in the order of their file names over all directories", () => {
    const path = [
      directory("/etc", fragment, "web-1.service.d/20-b.conf", "service.d/10-a.conf"),
      directory("/lib", "web-.service.d/15-c.conf"),
    ];
    expect(findUnitParts(fragment, path).dropIns).toEqual([
      "/etc/service.d/10-a.conf",
      "/lib/web-.service.d/15-c.conf",
      "/etc/web-1.service.d/20-b.conf",
    ]);
  });

  test("of the same name count once: that of the more specific directory", () => {
    const path = [directory("/etc", "web-.service.d/x.conf", "web-1.service.d/x.conf", "service.d/x.conf")];
    expect(findUnitParts(fragment, path).dropIns).toEqual(["/etc/web-1.service.d/x.conf"]);
  });

  test("of an earlier search directory count before more specific ones of a later", () => {
    const path = [directory("/etc", "web-.service.d/x.conf"), directory("/lib", "web-1.service.d/x.conf")];
    expect(findUnitParts(fragment, path).dropIns).toEqual(["/etc/web-.service.d/x.conf"]);
  });

  test("for the whole type count last, whatever their search directory", () => {
    const path = [directory("/etc", "service.d/x.conf"), directory("/lib", "web-1.service.d/x.conf")];
    expect(findUnitParts(fragment, path).dropIns).toEqual(["/lib/web-1.service.d/x.conf"]);
  });

  test("are masked by a link to /dev/null of the same name", () => {
    const path = [
      directory("/etc", "web-1.service.d/x.conf -> /dev/null"),
      directory("/lib", "web-1.service.d/x.conf"),
    ];
    expect(findUnitParts(fragment, path).dropIns).toEqual([]);
  });

  test("end in .conf", () => {
    const path = [directory("/etc", fragment, "web-1.service.d/x.conf~", "web-1.service.d/README")];
    expect(findUnitParts(fragment, path).dropIns).toEqual([]);
  });

  test("of an alias are those of the unit, too", () => {
    const path = [
      directory(
        "/etc",
        fragment,
        "b.service -> /etc/web-1.service",
        "b.service.d/x.conf",
        "c.service.d/y.conf",
      ),
    ];
    expect(findUnitParts(fragment, path).dropIns).toEqual(["/etc/b.service.d/x.conf"]);
  });

  test("of an instance lie in its own and in its template's directory", () => {
    const path = [directory("/etc", "a@.service", "a@.service.d/1.conf", "a@x.service.d/2.conf")];
    expect(findUnitParts("a@x.service", path).dropIns).toEqual([
      "/etc/a@.service.d/1.conf",
      "/etc/a@x.service.d/2.conf",
    ]);
    expect(findUnitParts("a@.service", path).dropIns).toEqual(["/etc/a@.service.d/1.conf"]);
  });
});

describe("links in .wants and .requires", () => {
  test("are dependencies", () => {
    const path = [
      directory(
        "/etc",
        "g.target",
        "g.target.wants/b.service -> /etc/b.service",
        "g.target.wants/a.service -> /etc/a.service",
        "g.target.requires/c.service -> /etc/c.service",
        "g.target.upholds/d.service -> /etc/d.service",
      ),
    ];
    expect(findUnitParts("g.target", path).dependencies).toEqual([
      { key: "Wants", units: ["a.service", "b.service"] },
      { key: "Requires", units: ["c.service"] },
      { key: "Upholds", units: ["d.service"] },
    ]);
  });

  test("that point to /dev/null are none", () => {
    const path = [
      directory("/etc", "g.target", "g.target.wants/a.service -> /dev/null"),
      directory("/lib", "g.target.wants/a.service -> /lib/a.service"),
    ];
    expect(findUnitParts("g.target", path).dependencies).toEqual([]);
  });

  test("with names of no unit are none", () => {
    const path = [directory("/etc", "g.target", "g.target.wants/readme")];
    expect(findUnitParts("g.target", path).dependencies).toEqual([]);
  });

  test("to a template mean the instance of the unit", () => {
    const path = [directory("/etc", "g@.target", "g@.target.wants/w@.service -> /etc/w@.service")];
    expect(findUnitParts("g@7.target", path).dependencies).toEqual([
      { key: "Wants", units: ["w@7.service"] },
    ]);
  });
});
