/** Colour, where it is wanted: on a terminal, unless NO_COLOR, TERM=dumb or --color=never; always with FORCE_COLOR. */
import { styleText } from "node:util";
import { FlotillaError } from "#base/errors.ts";
import type { CliIo, TextSink } from "./io.ts";

export type Look = "bold" | "dim" | "red" | "green" | "yellow" | "cyan" | "underline";
export type Paint = (look: Look | readonly Look[], text: string) => string;

export type ColorChoice = "auto" | "always" | "never";

/** @throws FlotillaError `usage` */
export function parseColorChoice(text: string | undefined): ColorChoice {
  if (text === undefined) return "auto";
  if (text === "auto" || text === "always" || text === "never") return text;
  throw new FlotillaError("usage", `--color takes auto, always or never, not ${text}`);
}

/** Paints for one stream; the plain text where there is to be no colour. */
export function painter(stream: TextSink, env: CliIo["env"], choice: ColorChoice): Paint {
  if (!isColored(stream, env, choice)) return (_, text) => text;
  return (look, text) => {
    const looks: Look[] = typeof look === "string" ? [look] : [...look];
    return styleText(looks, text, { validateStream: false });
  };
}

/** A choice on the command line is stronger than the environment (https://no-color.org, https://force-color.org). */
function isColored(stream: TextSink, env: CliIo["env"], choice: ColorChoice): boolean {
  if (choice !== "auto") return choice === "always";
  if (isSet(env.NO_COLOR)) return false;
  if (isSet(env.FORCE_COLOR)) return env.FORCE_COLOR !== "0";
  return stream.isTTY === true && env.TERM !== "dumb";
}

function isSet(value: string | undefined): boolean {
  return value !== undefined && value !== "";
}

/** How an active state looks: colour beside a glyph, so that nothing hangs on colour alone. */
export function stateLook(active: string | null): Look {
  if (active === "active") return "green";
  if (active === "failed") return "red";
  return active === "inactive" ? "dim" : "yellow";
}

/** systemctl's dot, with the shapes it has for other states. */
export function stateGlyph(active: string | null): string {
  if (active === "active") return "●";
  if (active === "failed") return "×";
  if (active === "inactive") return "○";
  return active === null ? "?" : "↻";
}
