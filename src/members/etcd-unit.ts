/** The unit of an etcd member, as an operator would write it. Pure. */
import { STORE_UNIT_PREFIX } from "#model/keys.ts";
import type { TlsSettings } from "./place.ts";

export interface MemberUnit {
  /** ID of the machine that it is bound to. */
  readonly machine: string;
  readonly name: string;
  readonly program: string;
  readonly directory: string;
  readonly clientUrl: string;
  readonly peerUrl: string;
  readonly tls: TlsSettings | undefined;
  readonly quotaBytes: number;
  /** How long what was is remembered. */
  readonly historyMs: number;
  /** Members of the cluster that it comes to, itself among them: `NAME=PEER-URL` each. */
  readonly cluster: readonly string[];
}

export function unitName(member: string): string {
  return `${STORE_UNIT_PREFIX}${member}.service`;
}

/**
 * Where its data is, is also the condition to start: before the machine has data to serve, the unit is started in vain.
 * etcd tells when it is ready, which without a quorum may take for ever, so that nothing ends it for that.
 */
export function memberUnitText(unit: MemberUnit, joins: boolean): string {
  return [
    "[Unit]",
    `Description=Member ${unit.name} of the etcd that holds the cluster's state`,
    "Documentation=man:etcd(1)",
    ...(joins ? [] : [`ConditionPathExists=${unit.directory}/member`]),
    "StartLimitIntervalSec=0",
    "",
    "[Service]",
    "Type=notify",
    `ExecStart=${[unit.program, ...memberArguments(unit, joins)].join(" \\\n  ")}`,
    "Restart=always",
    "RestartSec=1",
    "TimeoutStartSec=infinity",
    "LimitNOFILE=65536",
    "",
    "[X-Fleet]",
    `MachineID=${unit.machine}`,
    "",
  ].join("\n");
}

function memberArguments(unit: MemberUnit, joins: boolean): readonly string[] {
  return [
    `--name=${unit.name}`,
    `--data-dir=${unit.directory}`,
    `--listen-client-urls=${unit.clientUrl}`,
    `--advertise-client-urls=${unit.clientUrl}`,
    `--listen-peer-urls=${unit.peerUrl}`,
    `--initial-advertise-peer-urls=${unit.peerUrl}`,
    `--initial-cluster=${unit.cluster.join(",")}`,
    `--initial-cluster-state=${joins ? "existing" : "new"}`,
    "--auto-compaction-mode=periodic",
    `--auto-compaction-retention=${Math.ceil(unit.historyMs / 1_000)}s`,
    `--quota-backend-bytes=${unit.quotaBytes}`,
    ...tlsArguments(unit.tls),
  ];
}

/** Clients and other members have to show a certificate by the same authority. */
function tlsArguments(tls: TlsSettings | undefined): readonly string[] {
  if (tls === undefined) return [];
  const { certFile, keyFile, caFile, crlFile } = tls;
  const shown = ["", "peer-"].flatMap((kind) => [
    `--${kind}cert-file=${certFile}`,
    `--${kind}key-file=${keyFile}`,
    `--${kind}trusted-ca-file=${caFile}`,
    `--${kind}client-cert-auth`,
  ]);
  // Read anew at each connection.
  const refused = crlFile === undefined ? [] : [`--client-crl-file=${crlFile}`, `--peer-crl-file=${crlFile}`];
  return [...shown, ...refused];
}
