/** Services of every sort, and what is done to them: generated scenarios, whose every state must be the same on both sides. */
import fc from "fast-check";

const TYPES = ["simple", "exec", "forking", "oneshot", "notify"];
const RESTARTS = ["no", "always", "on-success", "on-failure", "on-abnormal", "on-abort", "on-watchdog"];
/** What worker.pl does; the times are far from those of the time limits. */
const LIVES = [
  "stay",
  "stay-deaf",
  "exit 0",
  "exit 3",
  "exit 42",
  "later 0",
  "later 3",
  "later 42",
  "die KILL",
  "die TERM",
  "die ABRT",
];
const COMMANDS = ["/bin/true", "/bin/false", "-/bin/false", "/bin/sh -c 'exit 1'", "/bin/sh -c 'exit 255'"];

/** A key that is there in some units. */
function line(key: string, values: readonly string[]): fc.Arbitrary<readonly string[]> {
  const set = fc.constantFrom(...values).map((value) => [`${key}=${value}`]);
  return fc.oneof({ weight: 3, arbitrary: fc.constant([]) }, { weight: 1, arbitrary: set });
}

const service = fc
  .tuple(
    fc.constantFrom(...TYPES),
    fc.constantFrom(...LIVES),
    fc.constantFrom(...RESTARTS),
    line("RemainAfterExit", ["yes"]),
    line("SuccessExitStatus", ["42", "3 ABRT"]),
    line("RestartPreventExitStatus", ["3", "KILL"]),
    line("RestartForceExitStatus", ["42", "TERM"]),
    line("KillMode", ["mixed", "process", "none"]),
    line("KillSignal", ["INT", "USR1"]),
    line("ExitType", ["cgroup"]),
    line("SendSIGHUP", ["yes"]),
    line("GuessMainPID", ["no"]),
    line("TimeoutStopFailureMode", ["kill", "abort"]),
    line("ExecCondition", COMMANDS),
    line("ExecStartPre", COMMANDS),
    line("ExecStartPost", COMMANDS),
    line("ExecStop", COMMANDS),
    line("ExecStopPost", COMMANDS),
  )
  .map(([type, life, restart, ...lines]) => {
    // Whether a main process that ends does so before or after ExecStartPost is chance.
    const isRace = !life.startsWith("stay") && type !== "oneshot";
    // Whether systemd learns first of a daemon's end or of the empty cgroup is chance as well.
    const isChance = (text: string): boolean =>
      (isRace && text.startsWith("ExecStartPost")) || (type === "forking" && text === "ExitType=cgroup");
    const settled = lines.flat().filter((text) => !isChance(text));
    return [
      "[Unit]",
      "StartLimitBurst=3",
      "StartLimitIntervalSec=100",
      "[Service]",
      `Type=${type}`,
      `Restart=${restart}`,
      "RestartSec=50ms",
      // Only where time runs out anyway may it be short: a busy machine is slow.
      `TimeoutStartSec=${type === "oneshot" && life.startsWith("stay") ? "1s" : "20s"}`,
      `TimeoutStopSec=${life === "stay-deaf" ? "1s" : "20s"}`,
      "LimitCORE=0",
      `ExecStart=@DIR@/worker ${type} ${life}`,
      ...settled,
    ].join("\n");
  });

const ACTIONS = [
  "kill STEM TERM",
  "kill STEM KILL",
  "stop STEM => *",
  "restart STEM => *",
  "start STEM => *",
  "reset-failed STEM",
];

const WORKER = `#!/usr/bin/perl
use Socket;
my ($type, $life, $how) = @ARGV;
$SIG{TERM} = $SIG{INT} = $SIG{USR1} = 'IGNORE' if $life eq 'stay-deaf';
if ($type eq 'forking') { defined(my $child = fork) or die; exit 0 if $child }
if ($type eq 'notify' && $life ne 'exit' && $life ne 'die') {
  socket my $socket, AF_UNIX, SOCK_DGRAM, 0 or die;
  (my $address = $ENV{NOTIFY_SOCKET}) =~ s/^@/\\0/;
  send $socket, 'READY=1', 0, pack_sockaddr_un($address) or die;
}
select undef, undef, undef, $life eq 'later' || $type =~ /^(forking|exec)$/ ? 0.2 : 0;
exit $how if $life eq 'exit' || $life eq 'later';
kill $how, $$ if $life eq 'die';
sleep 30;
`;

/** The text of a scenario about a unit called `stem`. */
export function serviceScenario(stem: string): fc.Arbitrary<string> {
  const actions = fc.array(fc.constantFrom(...ACTIONS), { minLength: 1, maxLength: 3 });
  return fc.tuple(service, actions).map(([text, done]) => {
    const name = `${stem}.service`;
    const steps = ["start STEM => *", ...done, "stop STEM => *"].flatMap((step) => [step, "rest"]);
    const script = steps.join("\n").replaceAll("STEM", name);
    return `--- ${name}\n${text}\n--- program worker\n${WORKER}--- script\n${script}\n`;
  });
}
