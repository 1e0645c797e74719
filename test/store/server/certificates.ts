/** Certificates of a test, made with openssl: an authority, and what it or another one has signed. */
import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

export interface Certificate {
  readonly certFile: string;
  readonly keyFile: string;
  readonly cert: string;
  readonly key: string;
}

const KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];

export async function makeAuthority(directory: string, name: string): Promise<Certificate> {
  const files = filesOf(directory, name);
  const subject = ["-subj", `/CN=${name}`, "-days", "2"];
  await run("openssl", [
    "req",
    "-x509",
    ...KEY,
    ...subject,
    "-keyout",
    files.keyFile,
    "-out",
    files.certFile,
  ]);
  return read(files);
}

/** @param days negative for a certificate that has expired. */
export async function makeCertificate(
  directory: string,
  authority: Certificate,
  name: string,
  days = 2,
): Promise<Certificate> {
  const files = filesOf(directory, name);
  const request = join(directory, `${name}.csr`);
  const extensions = join(directory, `${name}.ext`);
  await writeFile(extensions, "subjectAltName=IP:127.0.0.1,DNS:localhost\n");
  await run("openssl", ["req", ...KEY, "-subj", `/CN=${name}`, "-keyout", files.keyFile, "-out", request]);
  const signed = ["-CA", authority.certFile, "-CAkey", authority.keyFile, "-CAcreateserial"];
  const times = ["-days", String(days), "-extfile", extensions];
  await run("openssl", ["x509", "-req", "-in", request, ...signed, ...times, "-out", files.certFile]);
  return read(files);
}

function filesOf(directory: string, name: string): Pick<Certificate, "certFile" | "keyFile"> {
  return { certFile: join(directory, `${name}.pem`), keyFile: join(directory, `${name}.key`) };
}

async function read(files: Pick<Certificate, "certFile" | "keyFile">): Promise<Certificate> {
  const [cert, key] = await Promise.all([readFile(files.certFile, "utf8"), readFile(files.keyFile, "utf8")]);
  return { ...files, cert, key };
}
