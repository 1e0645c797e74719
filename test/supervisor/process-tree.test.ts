/** The shim's two ways to find processes, by the kernel's lists and by all of /proc, must find the same ones. */
import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";

const SHIM = `${import.meta.dirname}/../../src/supervisor/embedded/shim`;

/** Forks three children, one of which has a child and one of which has ended and is not reaped. */
const PROGRAM = `
  require "$ARGV[0]/$_.pl" for qw(system tree);
  pipe my $ready, my $tell;
  my @pids;
  push @pids, $a = fork; if (!$a) { my $b = fork; if ($b) { syswrite $tell, "$b\\n" } sleep 60; exit }
  push @pids, $a = fork; if (!$a) { sleep 60; exit }
  my $ended = fork; exit if !$ended;
  sysread $ready, my $grandchild, 100;
  chomp $grandchild;
  select undef, undef, undef, 0.01 until read_file("/proc/$ended/stat") =~ /\\) Z/;
  my @listed = sort { $a <=> $b } children_of($$);
  my @walked = sort { $a <=> $b } @{ children_by_parent()->{$$} };
  my @all = sort { $a <=> $b } descendants();
  kill 'KILL', @pids, $grandchild;
  print join(';', "@pids", "@listed", "@walked", join(' ', sort { $a <=> $b } @pids, $grandchild), "@all");
`;

test("both find the living children, and none that only waits to be reaped", () => {
  const text = execFileSync("/usr/bin/perl", ["-e", PROGRAM, SHIM], { encoding: "utf8" });
  const [children, listed, walked, everybody, descendants] = text.split(";");
  expect(listed).toBe(children);
  expect(walked).toBe(children);
  expect(descendants).toBe(everybody);
});
