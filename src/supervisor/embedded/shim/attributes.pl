# What few units ask of the kernel for their commands: scheduling, capabilities, filters of system calls. Numbers are the
# kernel's; the daemon has worked them out.
use strict;
use warnings;
no warnings 'portable';

use constant {
  PR_CAPBSET_DROP => 24, PR_SET_SECUREBITS => 28, PR_SET_TIMERSLACK => 29, PR_SET_KEEPCAPS => 8, PR_CAP_AMBIENT => 47,
  PR_CAP_AMBIENT_RAISE => 2, PR_SET_SECCOMP => 22, SECCOMP_MODE_FILTER => 2, CAPABILITY_VERSION_3 => 0x20080522,
  MPOL_DEFAULT => 0, MPOL_PREFERRED => 1, MPOL_BIND => 2, MPOL_INTERLEAVE => 3, MPOL_LOCAL => 4,
  IOPRIO_WHO_PROCESS => 1, EINVAL => 22, EFAULT => 14,
};

sub set_attributes {
  my ($request) = @_;
  my %asked = map { $_ => $request->{$_}[0] } qw(affinity cpu_policy cpu_priority io_priority timer_slack personality);
  if (defined $asked{cpu_policy}) {
    my $parameters = pack 'i', $asked{cpu_priority};
    sys('sched_setscheduler', 0, $asked{cpu_policy} + 0, $parameters) == 0 or die "setscheduler:$!\n";
  }
  if (defined $asked{affinity}) {
    my $mask = '';
    vec($mask, $_, 1) = 1 for split /,/, $asked{affinity};
    $mask .= "\0" x (8 - length($mask) % 8);
    sys('sched_setaffinity', 0, length $mask, $mask) == 0 or die "cpuaffinity:$!\n";
  }
  if (defined $asked{io_priority}) {
    sys('ioprio_set', IOPRIO_WHO_PROCESS, 0, $asked{io_priority} + 0) == 0 or die "ioprio:$!\n";
  }
  if (defined $asked{timer_slack}) {
    sys('prctl', PR_SET_TIMERSLACK, $asked{timer_slack} + 0, 0, 0, 0) == 0 or die "timerslack:$!\n";
  }
  if (defined $asked{personality}) {
    sys('personality', $asked{personality} + 0) >= 0 or die "personality:$!\n";
  }
  if (defined(my $bits = $request->{coredump_filter}[0])) {
    write_file('/proc/self/coredump_filter', "0x$bits") or die "limits:$!\n";
  }
  if (defined(my $policy = $request->{memory_policy}[0])) { set_memory_policy($policy, $request->{memory_nodes}[0]) }
}

# Policies that are about no nodes are not told of any.
sub set_memory_policy {
  my ($policy, $nodes) = @_;
  $nodes = read_file('/sys/devices/system/node/possible') if ($nodes // '') eq 'all';
  my $mask = '';
  for (split /,/, $nodes // '') {
    my ($first, $last) = split /-/;
    vec($mask, $_, 1) = 1 for $first .. $last // $first;
  }
  my $count = unpack '%32b*', $mask;
  die "numa:NUMAMask= does not fit the policy\n" if $policy == MPOL_PREFERRED ? $count > 1 : !$count && ($policy == MPOL_BIND || $policy == MPOL_INTERLEAVE);
  my $done = !$count || $policy == MPOL_DEFAULT || $policy == MPOL_LOCAL
    ? sys('set_mempolicy', $policy + 0, 0, 0)
    : do { $mask .= "\0" x (-length($mask) % 8); sys('set_mempolicy', $policy + 0, $mask, 8 * length($mask) + 1) };
  $done == 0 or die "numa:$!\n";
}

# --- capabilities ----------------------------------------------------------------------------------------------------

sub capabilities {
  my $data = "\0" x 24;
  sys('capget', pack('LL', CAPABILITY_VERSION_3, 0), $data) == 0 or die "capabilities:$!\n";
  my @words = unpack 'L6', $data;
  # Effective, permitted, inheritable.
  return map { $words[$_] | $words[ $_ + 3 ] << 32 } 0 .. 2;
}

sub set_capabilities {
  my (@sets) = @_;
  my $data = pack 'L6', (map { $_ & 0xffffffff } @sets), map { $_ >> 32 } @sets;
  sys('capset', pack('LL', CAPABILITY_VERSION_3, 0), $data) == 0 or die "capabilities:$!\n";
}

# Before the user changes: afterwards nobody may.
sub confine {
  my ($request) = @_;
  return if !defined $request->{bounding};
  my $bounding = hex $request->{bounding}[0];
  for my $number (0 .. 63) {
    next if $bounding >> $number & 1;
    next if sys('prctl', PR_CAPBSET_DROP, $number, 0, 0, 0) == 0;
    last if $! == EINVAL;
    die "capabilities:$!\n";
  }
  my ($effective, $permitted, $inheritable) = capabilities();
  set_capabilities($effective, $permitted, $inheritable & $bounding);
}

sub keep_capabilities_over_user { sys('prctl', PR_SET_KEEPCAPS, 1, 0, 0, 0) == 0 or die "capabilities:$!\n" }

# Ambient ones are what a program that is not root's starts with; they must be permitted and inheritable first.
sub keep_capabilities {
  my ($request) = @_;
  if (defined $request->{ambient}) {
    my $ambient = hex $request->{ambient}[0];
    my ($effective, $permitted, $inheritable) = capabilities();
    set_capabilities($permitted, $permitted, $inheritable | $ambient);
    for my $number (grep { $ambient >> $_ & 1 } 0 .. 63) {
      sys('prctl', PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, $number, 0, 0) == 0 or die "capabilities:$!\n";
    }
  }
  if (defined(my $bits = $request->{secure_bits}[0])) {
    sys('prctl', PR_SET_SECUREBITS, $bits + 0, 0, 0, 0) == 0 or die "securebits:$!\n";
  }
}

# --- system calls ----------------------------------------------------------------------------------------------------

# Programs for the kernel's filter, in hex; each one more narrows what is left.
sub filter_calls {
  my ($request) = @_;
  for (@{ $request->{seccomp} }) {
    my $program = pack 'H*', $_;
    my $header = pack 'S x6 P', length($program) / 8, $program;
    sys('prctl', PR_SET_SECCOMP, SECCOMP_MODE_FILTER, $header, 0, 0) == 0 or die "seccomp:$!\n";
  }
}

1;
