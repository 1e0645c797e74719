# Namespaces of a unit's commands. Those that a unit's commands share are kept by its shim, as open files; the rest are
# each command's own.
use strict;
use warnings;

use constant {
  CLONE_NEWNS => 0x20000, CLONE_NEWUTS => 0x4000000, CLONE_NEWIPC => 0x8000000, CLONE_NEWUSER => 0x10000000,
  CLONE_NEWNET => 0x40000000, LENDER_TRIES => 20, AF_INET => 2, SIOCSIFFLAGS => 0x8914, IFF_UP => 1, MNT_DETACH => 2,
};

my %CLONE = (net => CLONE_NEWNET, ipc => CLONE_NEWIPC, uts => CLONE_NEWUTS, user => CLONE_NEWUSER, mnt => CLONE_NEWNS);
# The exit code that tells of each kind.
my %STEP = (net => 'network', ipc => 'namespace');

# --- in the shim -------------------------------------------------------------------------------------------------------

my %shared;    # kind => open file

# Makes the namespaces that the unit's commands share, with the first command that is to be in them, or takes those of a
# unit that it joins. What fails refuses the command.
sub share_namespaces {
  my ($request) = @_;
  for my $kind (@{ $request->{shared_ns} }) {
    my @lenders = map { /^$kind:(.*)/s ? $1 : () } @{ $request->{borrowed_ns} || [] };
    $shared{$kind} //= borrowed_namespace($kind, @lenders) // eval { new_namespace($kind) };
    $request->{refusal} //= ["$STEP{$kind}:$@"] if !$shared{$kind};
  }
}

# Undefined where no lender is left. One that was started just now has its namespace in a moment.
sub borrowed_namespace {
  my ($kind, @lenders) = @_;
  for (1 .. LENDER_TRIES) {
    my @pids = map { working_in(m{^(.*)/}s) } @lenders or return undef;
    for my $path (grep { (readlink $_ // '') =~ /^$kind:/ } map { open_files($_) } @pids) {
      next if !open my $file, '<', $path;
      return $file;
    }
    select undef, undef, undef, 0.01;
  }
  return undef;
}

# A shim is known by the directory it works in.
sub working_in {
  my ($directory) = @_;
  opendir my $processes, '/proc' or return;
  return grep { /^\d+$/ && (readlink("/proc/$_/cwd") // '') eq $directory } readdir $processes;
}

sub open_files {
  my ($pid) = @_;
  opendir my $files, "/proc/$pid/fd" or return;
  return map { "/proc/$pid/fd/$_" } grep { /^\d+$/ } readdir $files;
}

# A namespace is a process's; it is held by its file from before that process ends.
sub new_namespace {
  my ($kind) = @_;
  my ($ready_read, $ready_write, $done_read, $done_write);
  pipe $ready_read, $ready_write;
  pipe $done_read, $done_write;
  my $pid = fork // die "fork: $!\n";
  if (!$pid) {
    close $done_write;
    syswrite $ready_write, eval { sys('unshare', $CLONE{$kind}) == 0 or die "$!\n"; loopback_up() if $kind eq 'net'; 1 } ? 'ok' : $@;
    sysread $done_read, my $nothing, 1;
    leave(0);
  }
  close $ready_write;
  sysread $ready_read, my $answer, 1024;
  my $opened = $answer eq 'ok' && open my $file, '<', "/proc/$pid/ns/$kind";
  $answer = "$!\n" if $answer eq 'ok' && !$opened;
  close $done_write;
  waitpid $pid, 0;
  die $answer if !$opened;
  return $file;
}

sub loopback_up {
  socket my $socket, AF_INET, SOCK_DGRAM, 0 or die "socket: $!\n";
  my $interface = pack 'Z16 s x14 x8', 'lo', IFF_UP;
  ioctl $socket, SIOCSIFFLAGS, $interface or die "lo: $!\n";
}

# --- in the command ----------------------------------------------------------------------------------------------------

sub enter_sandbox {
  my ($request) = @_;
  join_namespace($_, fileno $shared{$_}) for @{ $request->{shared_ns} || [] };
  for (@{ $request->{joined_ns} || [] }) {
    my ($kind, $path) = split /:/, $_, 2;
    open my $file, '<', $path or die "$STEP{$kind}:$path: $!\n";
    join_namespace($kind, fileno $file);
  }
  if ($request->{staging}) { load_part('mounts'); enter_mounts($request) }
  if ($request->{own_hostname}[0]) { sys('unshare', CLONE_NEWUTS) == 0 or die "namespace:$!\n" }
  if (defined(my $root = $request->{chroot}[0])) { chroot $root or die "chroot:$root: $!\n" }
}

sub join_namespace {
  my ($kind, $fd) = @_;
  sys('setns', $fd, $CLONE{$kind}) == 0 or die "$STEP{$kind}:$!\n";
}

# Root and the command's own user and group are themselves, everybody else is nobody. Only who stays outside may say so.
sub enter_users {
  my ($request) = @_;
  return if !$request->{own_users}[0];
  my ($ready_read, $ready_write);
  pipe $ready_read, $ready_write;
  my $outside = $$;
  my $pid = fork // die "user:$!\n";
  if (!$pid) {
    close $ready_write;
    sysread $ready_read, my $nothing, 1;
    leave(map_users($outside, $request) ? 0 : 1);
  }
  my $entered = sys('unshare', CLONE_NEWUSER) == 0;
  my $error = "$!";
  close $ready_write;
  waitpid $pid, 0;
  die "user:$error\n" if !$entered;
  die "user:its users cannot be mapped\n" if $?;
}

sub map_users {
  my ($process, $request) = @_;
  for (['uid_map', $request->{uid}[0]], ['gid_map', $request->{gid}[0]]) {
    my ($file, $own) = @$_;
    my $map = "0 0 1\n" . ($own ? "$own $own 1\n" : '');
    write_file("/proc/$process/$file", $map) or return 0;
  }
  return 1;
}

1;
