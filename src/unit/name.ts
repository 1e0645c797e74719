/**
 * Unit names: what is one, its parts, templates and instances, and the escaping of other text into one.
 * Rules: systemd.unit(5), "STRING ESCAPING FOR INCLUSION IN UNIT NAMES", and systemd-escape(1).
 */
import { FlotillaError } from "#base/errors.ts";
import { nearest } from "#base/nearest.ts";

/** Every type of unit; a name ends in a dot and one of these. */
export const UNIT_SUFFIXES = [
  "service",
  "socket",
  "target",
  "device",
  "mount",
  "automount",
  "swap",
  "timer",
  "path",
  "slice",
  "scope",
] as const;

export type UnitSuffix = (typeof UNIT_SUFFIXES)[number];

export interface UnitName {
  readonly full: string;
  /** What stands before the first `@`, or before the suffix. */
  readonly prefix: string;
  /** What stands between the first `@` and the suffix; absent for templates and plain units. */
  readonly instance?: string;
  /** Without the dot. */
  readonly suffix: UnitSuffix;
  /** `web@.service` */
  readonly isTemplate: boolean;
  /** `web@1.service` */
  readonly isInstance: boolean;
  /** For an instance, the full name of its template. */
  readonly template?: string;
}

const MAX_BYTES = 255;
const NAME = new RegExp(`^[0-9A-Za-z:_.\\\\-][0-9A-Za-z:_.\\\\@-]*\\.(?:${UNIT_SUFFIXES.join("|")})$`);

/** Takes a full unit name apart. Throws `bad-unit-name` with what is wrong. */
export function parseUnitName(text: string): UnitName {
  const suffix = suffixOf(text);
  if (suffix === undefined || !isUnitName(text)) throw refusal(text);
  const stem = text.slice(0, text.lastIndexOf("."));
  const at = stem.indexOf("@");
  const prefix = at < 0 ? stem : stem.slice(0, at);
  if (at < 0) return { full: text, prefix, suffix, isTemplate: false, isInstance: false };
  const instance = stem.slice(at + 1);
  if (instance === "") return { full: text, prefix, suffix, isTemplate: true, isInstance: false };
  const template = `${prefix}@.${suffix}`;
  return { full: text, prefix, instance, suffix, isTemplate: false, isInstance: true, template };
}

/** True for a full unit name, template names included. */
export function isUnitName(text: string): boolean {
  return NAME.test(text) && !isTooLong(text);
}

function isTooLong(text: string): boolean {
  // No character takes more than three bytes for each of its UTF-16 units.
  return text.length * 3 > MAX_BYTES && new TextEncoder().encode(text).length > MAX_BYTES;
}

/**
 * What a person may type for a unit, a path or a name without suffix, as a full name: the path's last part, with
 * `.service` added where no suffix of any unit type stands. (fleet knew seven types here and made `foo.target` into
 * `foo.target.service`.) The result is not checked further.
 */
export function completeUnitName(text: string): string {
  const base = text.slice(text.lastIndexOf("/") + 1);
  return suffixOf(base) === undefined ? `${base}.service` : base;
}

function suffixOf(text: string): UnitSuffix | undefined {
  const dot = text.lastIndexOf(".");
  return dot < 0 ? undefined : UNIT_SUFFIXES.find((suffix) => suffix === text.slice(dot + 1));
}

/** What is wrong with a name that is none. */
function refusal(text: string): FlotillaError {
  if (suffixOf(text) === undefined) return noSuffix(text, text.slice(text.lastIndexOf(".") + 1));
  if (isTooLong(text)) return badName(text, `it is longer than ${MAX_BYTES} bytes`);
  const [bad] = /[^0-9A-Za-z:_.\\@-]/u.exec(text) ?? [];
  if (bad !== undefined) return badName(text, `it contains ${JSON.stringify(bad)}`, characterHint(text));
  return badName(text, `nothing stands before the ${text.startsWith("@") ? '"@"' : "suffix"}`);
}

function badName(text: string, reason: string, hint?: string): FlotillaError {
  const shown = text.length > 80 ? `${text.slice(0, 77)}...` : text;
  const details = hint === undefined ? {} : { hint };
  return new FlotillaError(
    "bad-unit-name",
    `${JSON.stringify(shown)} is not a unit name: ${reason}`,
    details,
  );
}

function noSuffix(text: string, found: string): FlotillaError {
  const meant = text.includes(".") ? nearest(found, UNIT_SUFFIXES) : "service";
  const stem = text.includes(".") ? text.slice(0, text.lastIndexOf(".")) : text;
  const hint =
    meant === undefined
      ? `a unit name ends in one of .${UNIT_SUFFIXES.join(" .")}`
      : `did you mean ${stem}.${meant}?`;
  return badName(text, "it does not end in the suffix of a unit type", hint);
}

function characterHint(text: string): string {
  const stem = text.slice(0, text.lastIndexOf("."));
  const at = stem.indexOf("@");
  const escaped =
    at < 0 ? escapeUnitName(stem) : `${stem.slice(0, at + 1)}${escapeUnitName(stem.slice(at + 1))}`;
  return `escaped it would be ${escaped}${text.slice(text.lastIndexOf("."))}`;
}

export interface EscapeOptions {
  /** The text is a file system path: slashes at the ends and doubled ones are dropped, `..` is refused. */
  readonly path?: boolean;
}

/** Any text as a part of a unit name: `/` becomes `-`, every byte not allowed `\xNN`. Throws `bad-unit-name` for a path with `..`. */
export function escapeUnitName(text: string, options: EscapeOptions = {}): string {
  if (options.path !== true) return escapeBytes(text);
  const parts = text.split("/").filter((part) => part !== "" && part !== ".");
  if (parts.includes("..")) throw badName(text, 'a path with ".." cannot be escaped');
  if (parts.length === 0 && !text.startsWith("/")) throw badName(text, "it is no path");
  return parts.length === 0 ? "-" : escapeBytes(parts.join("/"));
}

/** @param special the characters that are escaped; a dot is only at the beginning */
function escapeBytes(text: string, special = /[^0-9A-Za-z:_.]|^\./gu): string {
  return text.replaceAll(special, (char) => (char === "/" ? "-" : escapeCharacter(char)));
}

/** Each byte of the character as `\xNN`. */
function escapeCharacter(char: string): string {
  const bytes = char < "\x80" ? [char.charCodeAt(0)] : Array.from(new TextEncoder().encode(char));
  return bytes.map((byte) => `\\x${byte.toString(16).padStart(2, "0")}`).join("");
}

/**
 * The text that {@link escapeUnitName} made `escaped` from. A NUL ends it, as it ends systemd's strings.
 * Throws `bad-unit-name` for an escape that is none and, with `path`, for what no path is escaped to.
 */
export function unescapeUnitName(escaped: string, options: EscapeOptions = {}): string {
  if (options.path !== true) return unescapeBytes(escaped);
  if (escaped === "-") return "/";
  const path = unescapeBytes(escaped);
  if (path === "" && escaped !== "") return "/";
  const parts = path.split("/");
  if (parts.some((part) => part === "" || part === "." || part === "..")) {
    throw badName(escaped, "it is no escaped path");
  }
  return `/${path}`;
}

function unescapeBytes(escaped: string): string {
  if (/\\(?!x[0-9a-fA-F]{2})/.test(escaped)) {
    throw badName(escaped, "a backslash in it begins no \\xNN escape");
  }
  // What is escaped may be several bytes of one character, what stands between is characters.
  const text = escaped.replaceAll("-", "/").replaceAll(/(?:\\x[0-9a-fA-F]{2})+/g, decodeEscapes);
  const end = text.indexOf("\0");
  return (end < 0 ? text : text.slice(0, end)).toWellFormed();
}

function decodeEscapes(escapes: string): string {
  const bytes = escapes.match(/[0-9a-fA-F]{2}/g)?.map((digits) => Number.parseInt(digits, 16)) ?? [];
  const [first = 0] = bytes;
  if (bytes.length === 1 && first < 0x80) return String.fromCharCode(first);
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(Uint8Array.from(bytes));
}

/**
 * What systemctl makes of anything a person types for a unit (`systemd-escape --mangle`): a unit name stays, a path
 * becomes the name of its mount or device, other text is escaped where it must be and is a service.
 * Throws `bad-unit-name` for text that cannot be made one.
 */
export function mangleUnitName(text: string): string {
  if (isUnitName(text)) return text;
  const ofPath = nameOfPath(text);
  if (ofPath !== undefined) return ofPath;
  const mangled = escapeBytes(text, /[^0-9A-Za-z:_.\\@-]/gu);
  return parseUnitName(isUnitName(mangled) ? mangled : `${mangled}.service`).full;
}

/** The mount unit of an absolute path, or the device unit of one below /dev or /sys. */
function nameOfPath(path: string): string | undefined {
  if (!path.startsWith("/") || path.split("/").includes("..")) return undefined;
  const escaped = escapeUnitName(path, { path: true });
  const name = `${escaped}.${/^\/(dev|sys)\/./.test(path) ? "device" : "mount"}`;
  return isUnitName(name) ? name : undefined;
}
