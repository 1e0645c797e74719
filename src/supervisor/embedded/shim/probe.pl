# What this machine lets a unit's commands be confined by, found out by trying; exec/features.ts says what each is for.
use strict;
use warnings;

my @NAMESPACES = (['network', CLONE_NEWNET], ['ipc', CLONE_NEWIPC], ['hostname', CLONE_NEWUTS], ['user-namespaces', CLONE_NEWUSER]);

# Feature and reason of each that is missing.
sub missing_features {
  my @tries = (
    ['mounts', \&try_mounts],
    ['capabilities', \&try_capabilities],
    ['seccomp', \&try_seccomp],
    ['numa', sub { sys('set_mempolicy', MPOL_DEFAULT, 0, 0) == 0 or die "$!\n" }],
    map { my $flag = $_->[1]; [$_->[0], sub { sys('unshare', $flag) == 0 or die "$!\n" }] } @NAMESPACES,
  );
  return map { my ($feature, $try) = @$_; my $reason = tried($try); length $reason ? ($feature => $reason) : () } @tries;
}

# In a process of its own, since what is tried cannot be undone; empty when it works.
sub tried {
  my ($try) = @_;
  pipe my $read, my $write;
  my $pid = fork // return "fork: $!";
  if (!$pid) {
    my $reason = eval { $try->(); '' } // $@;
    chomp $reason;
    syswrite $write, $reason if length $reason;
    leave(0);
  }
  close $write;
  sysread $read, my $reason, 1024;
  waitpid $pid, 0;
  return $reason // '';
}

sub try_mounts {
  sys('unshare', CLONE_NEWNS) == 0 or die "$!\n";
  mount(undef, '/', undef, MS_SLAVE | MS_REC) && mount('tmpfs', '/tmp', 'tmpfs', MS_NODEV, 'mode=0755') or die "$!\n";
}

sub try_capabilities { sys('prctl', PR_CAPBSET_DROP, 0, 0, 0, 0) == 0 or die "$!\n" }

# A filter that is nowhere is a bad address where there can be filters at all.
sub try_seccomp {
  sys('prctl', PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  sys('prctl', PR_SET_SECCOMP, SECCOMP_MODE_FILTER, 0, 0, 0);
  $! == EFAULT or die "$!\n";
}

1;
