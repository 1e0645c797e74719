/**
 * What it costs to parse and check a unit file of 50 lines, as is done with every unit that is submitted.
 *
 * A directory of a hundred files is verified over and over, each file timed by itself; a sample is the median of the
 * directory. So what is measured is a process that has been at it for a while, and a file that the process was
 * interrupted in does not count for more than one. `details` tells what the very first file took, with the code still to
 * be compiled, and the median of the second time through the directory. Beside it, in the same run: JSON.parse() of the
 * same lines, and `systemd-analyze verify` over a thousand copies of the file, its time per file.
 *
 * Usage: node bench/unit-file.ts [rounds]
 */

import { verifyUnit } from "#unit/verify.ts";
import { systemVerdictTime } from "../test/differential/systemd-verify.ts";
import { median, report, toResult } from "./result.ts";

/** A service as Debian's packages have them, 50 lines long. */
const TEXT = `# A web server and what it needs.
[Unit]
Description=Web server %i
Documentation=man:web(8) https://example.org/web
After=network-online.target remote-fs.target
Wants=network-online.target
ConditionPathExists=!/etc/web/not-here
StartLimitIntervalSec=30
StartLimitBurst=5

[Service]
Type=notify
User=www-data
Group=www-data
SupplementaryGroups=adm ssl-cert
Environment=PORT=8080 "GREETING=hello there"
Environment=LANG=C.UTF-8
EnvironmentFile=-/etc/default/web
WorkingDirectory=/srv/web
RuntimeDirectory=web
StateDirectory=web web/uploads
UMask=0027
ExecStartPre=/usr/sbin/web -t -q -g 'daemon on; master_process on;'
ExecStart=/usr/sbin/web --config /etc/web/web.conf \\
  --port \${PORT} --name %n \\
  --instance "%i"
ExecReload=/bin/kill -HUP $MAINPID
ExecStop=-/usr/sbin/web --quit
TimeoutStartSec=1min 30s
TimeoutStopSec=5s
Restart=on-failure
RestartSec=500ms
KillMode=mixed
KillSignal=SIGQUIT
SuccessExitStatus=143 SIGUSR1
LimitNOFILE=65536
MemoryMax=1G
TasksMax=200
CPUQuota=150%
NoNewPrivileges=yes
PrivateTmp=yes
ProtectSystem=strict
ReadWritePaths=/var/log/web -/var/cache/web
CapabilityBoundingSet=CAP_NET_BIND_SERVICE
SystemCallFilter=@system-service
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
StandardOutput=journal

[Install]
WantedBy=multi-user.target
`;

/** A directory of files that differ, so that nothing is known of one from another. */
const FILES = Array.from({ length: 100 }, (_, index) => ({
  name: `web${index}@1.service`,
  text: TEXT.replaceAll("web", `web${index}`),
}));

/** How long each file took, in microseconds. */
function verifyAll(): readonly number[] {
  return FILES.map(({ name, text }) =>
    timed(() => {
      if (verifyUnit(name, text).length > 0) throw new Error("the files of the benchmark are good ones");
    }),
  );
}

/** The same for reading the lines from JSON, which the engine does by itself: how busy the computer is shows here, too. */
function parseAll(): readonly number[] {
  return FILES.map(({ text }) => {
    const json = JSON.stringify(text.split("\n"));
    return timed(() => void JSON.parse(json));
  });
}

function timed(call: () => void): number {
  const startedMs = performance.now();
  call();
  return (performance.now() - startedMs) * 1000;
}

const [rounds = 200] = process.argv.slice(2).map(Number);
const [firstFile] = verifyAll();
const secondTime = median(verifyAll());
const samples: number[] = [];
const json: number[] = [];
for (let round = -rounds / 4; round < rounds; round++) {
  const [verified, parsed] = [median(verifyAll()), median(parseAll())];
  if (round < 0) continue;
  samples.push(verified);
  json.push(parsed);
}
report(
  toResult({
    name: "unit-file",
    what: `parse and check a unit file of ${TEXT.trimEnd().split("\n").length} lines`,
    unit: "µs",
    target: { atMost: 100 },
    samples,
    peers: {
      "JSON.parse() of its lines": json,
      "systemd-analyze verify, per file of 1000": [systemVerdictTime(TEXT, 1000)],
    },
    details: { firstFile, secondTime },
  }),
);
