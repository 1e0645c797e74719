/** Methods by service. Services that few clients use are loaded with the first call to one of their methods. */
import type { Method, Methods } from "./grpc.ts";

/** The methods of one service, by name. */
export type Service = ReadonlyMap<string, Method>;

export class MethodTable implements Methods {
  readonly #loaders: ReadonlyMap<string, () => Promise<Service>>;
  readonly #loaded = new Map<string, Method>();
  readonly #loading = new Map<string, Promise<unknown>>();

  /**
   * @param services by full name, `package.Service`: those that are there from the beginning
   * @param loaders by full name: the rest
   */
  constructor(
    services: Readonly<Record<string, Service>>,
    loaders: Readonly<Record<string, () => Promise<Service>>>,
  ) {
    for (const [name, service] of Object.entries(services)) this.#add(name, service);
    this.#loaders = new Map(Object.entries(loaders));
  }

  find(path: string): Method | undefined | Promise<Method | undefined> {
    const method = this.#loaded.get(path);
    if (method !== undefined) return method;
    const name = path.split("/")[1] ?? "";
    const load = this.#loaders.get(name);
    if (load === undefined) return undefined;
    let loading = this.#loading.get(name);
    if (loading === undefined) {
      loading = load().then((service) => this.#add(name, service));
      this.#loading.set(name, loading);
    }
    return loading.then(() => this.#loaded.get(path));
  }

  /** True for a service whose methods are, or can be, called. */
  hasService(name: string): boolean {
    return this.#loaders.has(name) || [...this.#loaded.keys()].some((path) => path.startsWith(`/${name}/`));
  }

  #add(name: string, service: Service): void {
    for (const [method, answer] of service) this.#loaded.set(`/${name}/${method}`, answer);
  }
}
