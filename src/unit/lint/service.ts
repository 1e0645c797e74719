/** Traps in how a service is started, kept and stopped. */
import type { Lint, LintHit } from "./lint-rule.ts";
import type { LintSubject } from "./lint-subject.ts";

export const SERVICE_LINTS: readonly Lint[] = [
  {
    name: "type-simple",
    about: "With `Type=simple` a start is done before the program is run: a wrong path looks like a success.",
    find: aboutKey("Type", "simple", {
      message: "with Type=simple a start succeeds even if the program is not there",
      hint: "write Type=exec: the start then waits until the program runs",
    }),
  },
  {
    name: "forking-without-pidfile",
    about: "Without PIDFile= the main process of a forking service is a guess.",
    find: (subject) =>
      subject.service.last("PIDFile") === undefined
        ? aboutKey("Type", "forking", {
            message: "Type=forking without PIDFile=: which process is the main one is a guess",
            hint: "run the program in the foreground with Type=exec or notify, or name its PIDFile=",
          })(subject)
        : [],
  },
  {
    name: "oneshot-restart",
    about: "A oneshot that restarts keeps what waits for it from starting.",
    find: (subject) => {
      const entry = subject.entryOf("Service", "Restart");
      if (subject.service.last("Type") !== "oneshot" || entry === undefined || entry.value === "no")
        return [];
      const message = `Restart=${entry.value} runs a oneshot again and again, and its start is not done until it succeeds`;
      return [
        { entry, message, hint: "set StartLimitBurst= and StartLimitIntervalSec=, or leave Restart= out" },
      ];
    },
  },
  {
    name: "stop-after-oneshot",
    about: "A oneshot without RemainAfterExit= is stopped, ExecStop= included, as soon as it has run.",
    find: (subject) => {
      const entry = subject.entryOf("Service", "ExecStop");
      const ends =
        subject.service.last("Type") === "oneshot" && subject.service.last("RemainAfterExit") !== true;
      if (!ends || entry === undefined) return [];
      const message = "ExecStop= is run as soon as the oneshot has finished";
      return [{ entry, message, hint: "add RemainAfterExit=yes to stop it later" }];
    },
  },
  {
    name: "kill-mode-none",
    about: "`KillMode=none` leaves processes behind that nobody watches.",
    find: aboutKey("KillMode", "none", {
      message: "KillMode=none leaves processes running that the supervisor knows nothing of",
      hint: "write KillMode=mixed, or process where children must outlive the service",
    }),
  },
  {
    name: "output-file-twice",
    about: "Two `file:` outputs to one path write over each other.",
    find: (subject) => {
      const output = subject.entryOf("Service", "StandardOutput");
      const error = subject.entryOf("Service", "StandardError");
      const writesOver = /^(file|truncate):/.test(output?.value ?? "") && output?.value === error?.value;
      if (!writesOver || error === undefined) return [];
      const message = `output and errors write over each other in ${error.value}`;
      return [{ entry: error, message, hint: "write StandardError=inherit, or append: for both" }];
    },
  },
  {
    name: "watchdog-without-notify",
    about: "`WatchdogSec=` kills a service that does not send keep-alive messages.",
    find: (subject) => {
      const entry = subject.entryOf("Service", "WatchdogSec");
      const type = subject.service.last("Type") ?? "simple";
      if (entry === undefined || entry.value === "0" || type.startsWith("notify")) return [];
      const message = "WatchdogSec= kills a service that does not send WATCHDOG=1 in time";
      return [
        { entry, message, hint: "use Type=notify with a program that sends it, or leave WatchdogSec= out" },
      ];
    },
  },
  {
    name: "restart-without-delay",
    about: "A service that fails at once uses up its five starts in half a second.",
    find: (subject) => {
      const entry = subject.entryOf("Service", "Restart");
      const isBounded = ["RestartSec", "RestartSteps"].some(
        (key) => subject.entryOf("Service", key) !== undefined,
      );
      const hasLimit = ["StartLimitBurst", "StartLimitIntervalSec"].some(
        (key) => subject.entryOf("Unit", key) !== undefined,
      );
      if (entry?.value !== "always" || isBounded || hasLimit) return [];
      const message = "Restart=always without RestartSec=: five failures within 10 s end it for good";
      return [{ entry, message, hint: "set RestartSec= to 1 s or more, or StartLimitIntervalSec=0" }];
    },
  },
];

function aboutKey(key: string, value: string, say: Pick<LintHit, "message" | "hint">): Lint["find"] {
  return (subject: LintSubject) => {
    const entry = subject.entryOf("Service", key);
    return entry?.value === value ? [{ entry, ...say }] : [];
  };
}
