/** A machine with a real systemd and a bus, and supervisors on it, all gone after disposal. */
import { execFile } from "node:child_process";
import { Duplex } from "node:stream";
import { promisify } from "node:util";
import { silentLogger } from "#base/log.ts";
import { systemClock, systemRandom } from "#host/system.ts";
import type { Supervisor } from "#supervisor/supervisor.ts";
import { systemWays, type Way } from "#supervisor/systemd/bus/dial.ts";
import { createSystemdSupervisor } from "#supervisor/systemd/systemd-supervisor.ts";
import type { Bus } from "../../conformance/supervisor/systemd/bus.ts";
import { Container } from "../../conformance/supervisor/systemd/container.ts";

const run = promisify(execFile);

export class SystemdMachine implements AsyncDisposable {
  readonly container: Container;
  /** A connection of the test's own. */
  readonly bus: Bus;
  readonly #supervisors: Supervisor[] = [];
  readonly #directory = "/run/flotilla/units";

  /** @param seen paths of this host that are to be seen inside */
  static async boot(seen: readonly string[] = []): Promise<SystemdMachine> {
    const { container, bus } = await Container.boot({ bus: true, seen });
    return new SystemdMachine(container, bus);
  }

  private constructor(container: Container, bus: Bus) {
    this.container = container;
    this.bus = bus;
  }

  /** By which supervisors on the machine reach its systemd: the bus from here, the private socket from inside. */
  get ways(): readonly Way[] {
    const [bus] = systemWays(this.container.root);
    return [...(bus === undefined ? [] : [bus]), this.privateWay];
  }

  get privateWay(): Way {
    return {
      name: "the private socket",
      isDirect: true,
      open: async () => {
        const { stdin, stdout } = this.container.relay("run/systemd/private");
        return Duplex.from({ readable: stdout, writable: stdin });
      },
    };
  }

  /** A new supervisor, in place of the last one if `ways` does not say otherwise. */
  async supervisor(ways: readonly Way[] = this.ways): Promise<Supervisor> {
    const { container } = this;
    const supervisor = await createSystemdSupervisor({
      directory: this.#directory,
      clock: systemClock,
      random: systemRandom,
      log: silentLogger,
      root: container.root,
      ways,
      journalctl: [...container.enter, "journalctl"],
    });
    this.#supervisors.push(supervisor);
    return supervisor;
  }

  /** Runs a command inside and answers with what it writes. */
  async run(...command: readonly string[]): Promise<string> {
    const [program = "", ...enter] = this.container.enter;
    const { stdout } = await run(program, [...enter, ...command]);
    return stdout;
  }

  /** Resolves when systemd has executed itself anew; the test's own connection is lost with that. */
  async reexecute(): Promise<void> {
    await this.run("systemctl", "daemon-reexec");
  }

  async stopBus(): Promise<void> {
    await this.run("systemctl", "stop", "dbus.socket", "dbus.service");
  }

  async startBus(): Promise<void> {
    await this.run("systemctl", "start", "dbus.socket", "dbus.service");
  }

  /** Closes all supervisors and takes their units away, for the next test. */
  async clear(): Promise<void> {
    for (const supervisor of this.#supervisors.splice(0)) await supervisor.close();
    const supervisor = await this.supervisor();
    await supervisor.unload(supervisor.statuses().map(({ name }) => name));
    await supervisor.close();
    this.#supervisors.length = 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const supervisor of this.#supervisors) await supervisor.close();
    await this.bus.close();
    await this.container[Symbol.asyncDispose]();
  }
}
