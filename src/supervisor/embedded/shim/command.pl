# A command between fork and exec: everything that makes the child what its unit file says.
use strict;
use warnings;

use constant { SYS_CLOSE_RANGE => 436, CLOSE_RANGE_CLOEXEC => 4, PR_SET_NO_NEW_PRIVS => 38, SIG_UNBLOCK => 1, F_DUPFD_CLOEXEC => 1030, F_GETFL => 3 };

my %RLIMITS = (
  cpu => 0, fsize => 1, data => 2, stack => 3, core => 4, rss => 5, nproc => 6, nofile => 7, memlock => 8, as => 9,
  locks => 10, sigpending => 11, msgqueue => 12, nice => 13, rtprio => 14, rttime => 15,
);
# Exit codes of a command that could not be set up; systemd.exec(5) gives the numbers.
my %SETUP_EXIT = (
  chdir => 200, nice => 201, fds => 202, exec => 203, limits => 224, oom => 206, output => 209, group => 216, user => 217,
  cgroup => 219, nnp => 227, environment => 1, 'runtime-directory' => 233, 'state-directory' => 238, 'cache-directory' => 239,
  'logs-directory' => 240, 'configuration-directory' => 241,
);

sub run_child {
  my ($request, $status, @captures) = @_;
  my @sockets;
  my $step = eval {
    ($status, @sockets) = fetch_sockets($request, $status);
    prepare_child($request, @captures);
    place_sockets($request, @sockets);
    'exec';
  };
  if (!defined $step) {
    ($step, my $error) = split /:/, $@, 2;
    $error =~ s/\n$//;
    give_up($status, $step, $error);
  }
  # Whatever the daemon was started with stays here.
  syscall SYS_CLOSE_RANGE, 3 + @sockets, 0xffffffff, CLOSE_RANGE_CLOEXEC;
  # systemd's IgnoreSIGPIPE=yes.
  $SIG{PIPE} = 'IGNORE';
  sys('rt_sigprocmask', SIG_UNBLOCK, pack('Q', ~0), 0, 8);
  no warnings 'exec';
  my @argv = @{ $request->{argv} };
  my $path = $request->{path}[0];
  my @paths = $path =~ m{/} ? ($path) : map { "$_/$path" } split /:/, ($ENV{PATH} || '/usr/bin:/bin');
  my $error;
  for (@paths) {
    exec { $_ } @argv;
    $error = "$!" if !defined $error || $! != 2;
  }
  give_up($status, 'exec', "$path: $error");
}

# The sockets of other units that this command is to have, out of the way of everything, and the status pipe as well.
sub fetch_sockets {
  my ($request, $status) = @_;
  my @fds;
  for (@{ $request->{sockets} || [] }) {
    push @fds, eval { receive_sockets($_) };
    die "fds:$@" if $@;
  }
  return $status if !@fds;
  @fds = map { duplicate_above($_, 3 + @fds) } @fds;
  open my $moved, '>&=', duplicate_above(fileno $status, 3 + @fds) or die "fds:$!\n";
  return ($moved, @fds);
}

sub duplicate_above { sys('fcntl', $_[0], F_DUPFD_CLOEXEC, $_[1]) }

# Descriptor 3 and up, as sd_listen_fds(3) expects them; comes last, because they take the places of others.
sub place_sockets {
  my ($request, @fds) = @_;
  return if !@fds;
  $ENV{LISTEN_PID} = $$;
  for my $index (0 .. $#fds) {
    sys('dup3', $fds[$index], 3 + $index, 0);
    # The shim that listens keeps them from blocking; what the service reads is as NonBlocking= says.
    my $flags = sys('fcntl', 3 + $index, F_GETFL, 0) & ~O_NONBLOCK;
    sys('fcntl', 3 + $index, F_SETFL, $flags | ($request->{nonblocking}[0] ? O_NONBLOCK : 0));
  }
}

sub give_up {
  my ($status, $step, $error) = @_;
  syswrite $status, "$step:$error";
  exit($SETUP_EXIT{$step} || 203);
}

# Everything between fork and exec; dies with "step:reason".
sub prepare_child {
  my ($request, @captures) = @_;
  die $request->{refusal}[0] if $request->{refusal};
  sys('setsid');
  for my $file (@{ $request->{cgroup} || [] }) { write_file($file, '0') or die "cgroup:$file: $!\n" }
  open STDIN, '<', '/dev/null';
  redirect($_) for @captures;
  set_limits($request);
  umask oct($request->{umask}[0] // '022');
  %ENV = map { split /=/, $_, 2 } @{ $request->{env} || [] };
  if (($request->{nnp}[0] // '') eq '1') {
    sys('prctl', PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 or die "nnp:$!\n";
  }
  become($request);
  my ($optional, $directory) = split /:/, ($request->{cwd}[0] // '0:/'), 2;
  chdir $directory or $optional or die "chdir:$directory: $!\n";
}

sub redirect {
  my ($capture) = @_;
  my $target = $capture->{stream} eq 'stdout' ? \*STDOUT : \*STDERR;
  if ($capture->{write}) {
    open $target, '>&', $capture->{write} or die "output:$!\n";
    return;
  }
  my $mode = { append => '>>', truncate => '>', file => '+<', null => '>' }->{ $capture->{kind} };
  my $path = $capture->{kind} eq 'null' ? '/dev/null' : $capture->{path};
  if ($capture->{kind} eq 'file' && !-e $path) { open my $new, '>', $path or die "output:$path: $!\n" }
  open $target, $mode, $path or die "output:$path: $!\n";
}

sub set_limits {
  my ($request) = @_;
  for (@{ $request->{rlimit} || [] }) {
    my ($name, $soft, $hard) = split /:/;
    my @values = map { $_ eq 'infinity' ? ~0 : $_ } $soft, $hard;
    my $number = $RLIMITS{$name};
    next if !defined $number;
    sys('prlimit64', 0, $number, pack('QQ', @values), 0) == 0 or die "limits:$name: $!\n";
  }
  if (defined(my $nice = $request->{nice}[0])) {
    eval { setpriority 0, 0, $nice; 1 } or die "nice:$!\n";
  }
  if (defined(my $score = $request->{oom}[0])) {
    write_file('/proc/self/oom_score_adj', $score) or die "oom:$!\n";
  }
}

sub become {
  my ($request) = @_;
  my ($uid, $gid) = ($request->{uid}[0], $request->{gid}[0]);
  my ($own_gid) = split / /, $(;
  if (defined $gid && ($> == 0 || $gid != $own_gid)) {
    my @groups = @{ $request->{groups} || [] };
    sys('setgroups', scalar @groups, pack('L*', @groups)) == 0 or die "group:$!\n";
    sys('setresgid', $gid + 0, $gid + 0, $gid + 0) == 0 or die "group:$!\n";
  }
  if (defined $uid && $uid != $>) {
    sys('setresuid', $uid + 0, $uid + 0, $uid + 0) == 0 or die "user:$!\n";
  }
}

1;
