/** Certificates for the tests: an authority, a server, and clients it knows, does not know, or knew until yesterday. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TlsFiles } from "#store/etcd/settings.ts";

export class Certificates {
  readonly directory = mkdtempSync(join(tmpdir(), "flotilla-certificates-"));

  constructor() {
    this.#makeAuthority("ca");
    this.#makeAuthority("other-ca");
    this.#make({ name: "server", authority: "ca", extension: "subjectAltName=IP:127.0.0.1,DNS:store.test" });
    this.#make({ name: "client", authority: "ca" });
    this.#make({ name: "stranger", authority: "other-ca" });
    this.#make({ name: "expired", authority: "ca", days: -1 });
  }

  path(name: string): string {
    return join(this.directory, name);
  }

  /** What a client with this certificate is set to, or one without any. */
  filesOf(name: string | undefined, authority = "ca"): TlsFiles {
    const caFile = this.path(`${authority}.pem`);
    if (name === undefined) return { caFile };
    return { caFile, certFile: this.path(`${name}.pem`), keyFile: this.path(`${name}.key`) };
  }

  remove(): void {
    rmSync(this.directory, { recursive: true });
  }

  #makeAuthority(name: string): void {
    this.#makeKey(name);
    const subject = ["-subj", `/CN=${name}`, "-days", "2"];
    this.#openssl("req", "-x509", "-new", "-key", `${name}.key`, ...subject, "-out", `${name}.pem`);
  }

  #make({ name, authority, days = 2, extension = "subjectAltName=DNS:client.test" }: Wanted): void {
    this.#makeKey(name);
    writeFileSync(this.path(`${name}.ext`), extension);
    this.#openssl("req", "-new", "-key", `${name}.key`, "-subj", `/CN=${name}`, "-out", `${name}.csr`);
    const signer = ["-CA", `${authority}.pem`, "-CAkey", `${authority}.key`, "-CAcreateserial"];
    const form = ["-days", String(days), "-extfile", `${name}.ext`, "-out", `${name}.pem`];
    this.#openssl("x509", "-req", "-in", `${name}.csr`, ...signer, ...form);
  }

  #makeKey(name: string): void {
    this.#openssl("ecparam", "-genkey", "-name", "prime256v1", "-noout", "-out", `${name}.key`);
  }

  #openssl(...args: string[]): void {
    execFileSync("openssl", args, { cwd: this.directory, stdio: "pipe" });
  }
}

interface Wanted {
  readonly name: string;
  readonly authority: string;
  readonly days?: number;
  readonly extension?: string;
}
