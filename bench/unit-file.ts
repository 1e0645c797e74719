/**
 * What it costs to parse and check a unit file of 50 lines, as is done with every unit that is submitted.
 * Beside it, in the same run, `systemd-analyze verify` over a thousand copies of the file: its time per file.
 *
 * Usage: node bench/unit-file.ts [rounds]
 */

import { verifyUnit } from "#unit/verify.ts";
import { systemVerdictTime } from "../test/differential/systemd-verify.ts";
import { report, toResult } from "./result.ts";

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

const NAME = "web@1.service";
/** One measurement is of so many in a row: a clock is coarse. */
const BATCH = 20;

function microseconds(): number {
  const startedMs = performance.now();
  for (let round = 0; round < BATCH; round++) {
    if (verifyUnit(NAME, TEXT).length > 0) throw new Error("the file of the benchmark is a good one");
  }
  return ((performance.now() - startedMs) * 1000) / BATCH;
}

const [rounds = 400] = process.argv.slice(2).map(Number);
for (let warm = 0; warm < rounds / 4; warm++) microseconds();
const samples = Array.from({ length: rounds }, microseconds);
report(
  toResult({
    name: "unit-file",
    what: `parse and check a unit file of ${TEXT.trimEnd().split("\n").length} lines`,
    unit: "µs",
    target: { atMost: 100 },
    samples,
    peers: { "systemd-analyze verify, per file of 1000": [systemVerdictTime(TEXT, 1000)] },
  }),
);
