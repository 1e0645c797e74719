/** The state of one socket unit, what can happen to it, and what is to be done about it: all plain data, JSON-safe. */

import type { ExecCommand } from "#unit/service.ts";
import type { PeerAddress } from "#unit/socket-address.ts";
import type { ActiveState, UnitResult } from "../../../supervisor.ts";
import type { TriggerWindow } from "../trigger-limit.ts";

/** systemd's sub states of a socket and the active state each belongs to. */
export const SOCKET_ACTIVE = {
  dead: "inactive",
  "start-pre": "activating",
  "start-chown": "activating",
  "start-post": "activating",
  listening: "active",
  running: "active",
  "stop-pre": "deactivating",
  "stop-pre-sigterm": "deactivating",
  "stop-pre-sigkill": "deactivating",
  "stop-post": "deactivating",
  "final-sigterm": "deactivating",
  "final-sigkill": "deactivating",
  failed: "failed",
} as const satisfies Record<string, ActiveState>;

export type SocketSub = keyof typeof SOCKET_ACTIVE;

export type SocketCommands = "execStartPre" | "execStartPost" | "execStopPre" | "execStopPost";

/** A connection that a service instance has not ended with. */
export interface Connection {
  /** The shim's number of it. */
  readonly connection: number;
  readonly unit: string;
  /** Both ends of it; a Unix socket's are nameless. */
  readonly remote: PeerAddress;
}

export interface SocketState {
  readonly sub: SocketSub;
  readonly result: UnitResult;
  readonly sinceMs: number;
  readonly invocation?: string;
  readonly nextRun: number;
  /** The command that is being run. */
  readonly control?: { readonly run: number; readonly list: SocketCommands; readonly index: number };
  /** Whether no process of the unit is left. */
  readonly empty: boolean;
  readonly deadlineMs?: number;
  /** Names of the descriptors that are open, in order; empty while nothing is listened on. */
  readonly names: readonly string[];
  readonly starts: readonly number[];
  readonly triggers?: TriggerWindow;
  /** Connections that were given to a service since the unit was started. */
  readonly accepted: number;
  readonly refused: number;
  readonly connections: readonly Connection[];
  readonly message?: string;
}

export type SocketUnitEvent =
  | { readonly kind: "start" }
  | { readonly kind: "stop" }
  | { readonly kind: "reset-failed" }
  | {
      readonly kind: "opened";
      readonly port: number;
      readonly error?: string;
      /** What the error is as a result; `resources` when absent. */
      readonly result?: UnitResult;
    }
  | { readonly kind: "incoming" }
  | {
      readonly kind: "accepted";
      readonly connection: number;
      readonly instance: string;
      readonly remote: PeerAddress;
    }
  /** A command has ended, well or not. */
  | { readonly kind: "exited"; readonly run: number; readonly result: UnitResult }
  | { readonly kind: "empty" }
  | { readonly kind: "deadline" }
  /** The service has changed its state. */
  | { readonly kind: "service" }
  /** What was to be started could not even be asked to. */
  | { readonly kind: "refused"; readonly reason: string; readonly unit: string }
  /** A connection's service instance has come to its end. */
  | { readonly kind: "served"; readonly connection: number }
  | { readonly kind: "lost"; readonly reason: string };

export type SocketAction =
  | { readonly kind: "listen" }
  | { readonly kind: "poll" }
  | { readonly kind: "unpoll" }
  | { readonly kind: "unlisten" }
  | { readonly kind: "run"; readonly run: number; readonly command: ExecCommand }
  | { readonly kind: "kill"; readonly signal: string }
  | { readonly kind: "trigger" }
  /** Start the instance for a connection. */
  | { readonly kind: "serve"; readonly unit: string }
  | { readonly kind: "drop"; readonly connection: number }
  | { readonly kind: "log"; readonly priority: number; readonly text: string }
  | { readonly kind: "up" }
  | { readonly kind: "ended"; readonly failed: boolean };

/** A socket unit that has not been started. */
export function initialSocketState(nowMs: number): SocketState {
  return {
    sub: "dead",
    result: "success",
    sinceMs: nowMs,
    nextRun: 1,
    empty: true,
    names: [],
    starts: [],
    accepted: 0,
    refused: 0,
    connections: [],
  };
}
