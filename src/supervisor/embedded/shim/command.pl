# A command between fork and exec: everything that makes the child what its unit file says, in systemd's order.
#
# What only few units ask for is compiled in their commands' processes alone, and leaves with them: attributes.pl
# (scheduling, capabilities, system call filters), namespaces.pl and mounts.pl.
use strict;
use warnings;

use constant {
  SYS_CLOSE_RANGE => 436, CLOSE_RANGE_CLOEXEC => 4, PR_SET_NO_NEW_PRIVS => 38, PR_SET_PDEATHSIG => 1, SIGKILL => 9, SIG_BLOCK => 0, SIG_UNBLOCK => 1, F_DUPFD_CLOEXEC => 1030, F_GETFL => 3,
  # systemd's own: an idle command that nobody lets go on does so by itself.
  IDLE_SECONDS => 5,
  EPERM => 1, ENOENT => 2, EACCES => 13,
};

my ($home) = __FILE__ =~ m{^(.*)/};

my %RLIMITS = (
  cpu => 0, fsize => 1, data => 2, stack => 3, core => 4, rss => 5, nproc => 6, nofile => 7, memlock => 8, as => 9,
  locks => 10, sigpending => 11, msgqueue => 12, nice => 13, rtprio => 14, rttime => 15,
);
# Exit codes of a command that could not be set up; systemd.exec(5) gives the numbers.
my %SETUP_EXIT = (
  chdir => 200, nice => 201, fds => 202, exec => 203, limits => 205, oom => 206, stdin => 208, stdout => 209, chroot => 210,
  ioprio => 211, timerslack => 212, securebits => 213, setscheduler => 214, cpuaffinity => 215, group => 216, user => 217,
  capabilities => 218, cgroup => 219, stderr => 222, network => 225, namespace => 226, nnp => 227, seccomp => 228,
  personality => 230, numa => 242, environment => 1, 'runtime-directory' => 233, 'state-directory' => 238, 'cache-directory' => 239,
  'logs-directory' => 240, 'configuration-directory' => 241, credentials => 243,
);

sub run_child {
  my ($request, $shim, $status, @captures) = @_;
  my @sockets;
  my $step = eval {
    ($status, @sockets) = fetch_sockets($request, $status);
    prepare_child($request, $shim, \@sockets, @captures);
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
  sys('rt_sigprocmask', SIG_UNBLOCK, pack('Q', ~0), 0, 8);
  execute($request, $status);
}

# Whoever waits here is a process of the unit, which a signal ends as it would the command.
sub await_turn {
  my ($turn) = @_;
  sys('rt_sigprocmask', SIG_UNBLOCK, pack('Q', ~0), 0, 8);
  my $ready = '';
  vec($ready, fileno $turn, 1) = 1;
  select $ready, undef, undef, IDLE_SECONDS;
  sys('rt_sigprocmask', SIG_BLOCK, pack('Q', ~0), 0, 8);
}

# Only what this process knows is put in last: its number, and the pipe that leads to the journal.
sub execute {
  my ($request, $status) = @_;
  no warnings 'exec';
  my @argv = map { late_values($_) } @{ $request->{argv} };
  $_ = late_values($_) for values %ENV;
  my $path = $request->{path}[0];
  my @paths = $path =~ m{/} ? ($path) : map { "$_/$path" } @{ $request->{search} || [] };
  my $error;
  my $is_missing = 1;
  for (@paths) {
    exec { $_ } @argv;
    $is_missing = 0 if $! != ENOENT;
    $error = "$!" if !defined $error || $! != ENOENT;
  }
  # A program that is not there may be left out with `-`.
  leave(0) if $is_missing && $request->{skip_missing}[0] && !grep { -e } @paths;
  give_up($status, 'exec', "$path: $error");
}

sub late_values {
  my ($text) = @_;
  $text =~ s/\x01process\x01/$$/g;
  $text =~ s/\x01journal\x01/join ':', (stat STDERR)[0, 1]/ge;
  return $text;
}

# The sockets of other units and the stored descriptors that this command is to have, out of the way of everything, and the status pipe as well.
sub fetch_sockets {
  my ($request, $status) = @_;
  my @fds;
  for (@{ $request->{sockets} || [] }) {
    push @fds, eval { receive_sockets($_) };
    die "fds:$@" if $@;
  }
  push @fds, stored_descriptors(@{ $request->{stored} || [] });
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
    # The shim that listens keeps them from blocking; what the service reads is as NonBlocking= says. What was stored is
    # as the service left it.
    next if $index >= @fds - @{ $request->{stored} || [] };
    my $flags = sys('fcntl', 3 + $index, F_GETFL, 0) & ~O_NONBLOCK;
    sys('fcntl', 3 + $index, F_SETFL, $flags | ($request->{nonblocking}[0] ? O_NONBLOCK : 0));
  }
}

sub give_up {
  my ($status, $step, $error) = @_;
  syswrite $status, "$step:$error";
  leave($SETUP_EXIT{$step} || 203);
}

# Everything between fork and exec; dies with "step:reason".
sub prepare_child {
  my ($request, $shim, $sockets, @captures) = @_;
  die "$request->{refusal}[0]\n" if $request->{refusal};
  sys('setsid');
  %ENV = map { split /=/, $_, 2 } @{ $request->{env} || [] };
  open_streams($request, $sockets, @captures);
  for my $file (@{ $request->{cgroup} || [] }) { write_file($file, '0') or die "cgroup:$file: $!\n" }
  set_priorities($request);
  umask oct($request->{umask}[0] // '022');
  set_limits($request);
  my ($attributes, $sandbox) = @$request{qw(attributes sandbox)};
  load_part('attributes') if $attributes;
  load_part('namespaces') if $sandbox;
  set_attributes($request) if $attributes;
  enter_sandbox($request) if $sandbox;
  become_group($request);
  enter_users($request) if $sandbox;
  confine($request) if $attributes;
  become_user($request);
  keep_capabilities($request) if $attributes;
  my ($optional, $directory) = split /:/, ($request->{cwd}[0] // '0:/'), 2;
  chdir $directory or $optional && chdir '/' or die "chdir:$directory: $!\n";
  if (($request->{nnp}[0] // '') eq '1') {
    sys('prctl', PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 or die "nnp:$!\n";
  }
  end_with_shim($shim) if !@{ $request->{cgroup} || [] };
  $SIG{PIPE} = 'IGNORE' if $request->{sigpipe}[0];
  filter_calls($request) if $request->{seccomp};
}

# Without cgroups nothing else ends the command when its shim is gone. A change of user would take this away again, so it
# comes after that; the kernel says nothing of a shim that had died by then.
sub end_with_shim {
  my ($shim) = @_;
  sys('prctl', PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  leave(1) if getppid != $shim;
}

# A part that is gone, because the program was updated meanwhile, must not let a command run without it.
sub load_part { eval { require "$home/$_[0].pl" } // die "namespace:$@" }

# --- streams -----------------------------------------------------------------------------------------------------

sub open_streams {
  my ($request, $sockets, @captures) = @_;
  open_input($request->{stdin}[0] // 'null', $sockets);
  redirect($_, $request, $sockets) for @captures;
}

sub open_input {
  my ($kind, $path) = split /:/, $_[0], 2;
  my ($sockets) = $_[1];
  if ($kind eq 'data') {
    open STDIN, '<&', data_file(pack 'H*', $path) or die "stdin:$!\n";
  } elsif ($kind eq 'socket' || $kind eq 'fd') {
    sys('dup3', socket_named($kind, $path, $sockets, 'stdin'), 0, 0) >= 0 or die "stdin:$!\n";
  } else {
    $path = '/dev/null' if $kind ne 'file';
    open STDIN, '<', $path or die "stdin:$path: $!\n";
  }
}

# A file without a name, which is as long as the data and can be read again.
sub data_file {
  my ($data) = @_;
  my $name = "stdin\0";
  open my $file, '+<&=', sys('memfd_create', $name, 0) or die "stdin:$!\n";
  syswrite $file, $data;
  sysseek $file, 0, 0;
  return $file;
}

sub socket_named {
  my ($kind, $name, $sockets, $stream) = @_;
  my @names = split /:/, $ENV{LISTEN_FDNAMES} // '';
  my ($index) = $kind eq 'socket' ? (0) : grep { $names[$_] eq $name } 0 .. $#names;
  die "$stream:there is no socket for it\n" if !defined $index || !defined $sockets->[$index];
  return $sockets->[$index];
}

sub redirect {
  my ($capture, $request, $sockets) = @_;
  my ($stream, $kind, $path) = @$capture{qw(stream kind path)};
  my $target = $stream eq 'stdout' ? \*STDOUT : \*STDERR;
  return open($target, '>&', $capture->{write}) || die "$stream:$!\n" if $capture->{write};
  if ($kind eq 'socket' || $kind eq 'fd') {
    return sys('dup3', socket_named($kind, $path, $sockets, $stream), fileno $target, 0);
  }
  return open($target, '>&', \*STDOUT) || die "$stream:$!\n" if $kind eq 'inherit' && $stream eq 'stderr';
  return open($target, '>&', \*STDIN) || die "$stream:$!\n" if $kind eq 'inherit' && ($request->{stdin}[0] // '') =~ /^(file|socket|fd)/;
  my $mode = { append => '>>', truncate => '>', file => '+<' }->{$kind} // '>';
  $path = '/dev/null' if $kind eq 'null' || $kind eq 'inherit';
  # New files get systemd's own permissions, whatever the unit's are.
  umask 022;
  if ($kind eq 'file' && !-e $path) { open my $new, '>', $path or die "$stream:$path: $!\n" }
  open $target, $mode, $path or die "$stream:$path: $!\n";
}

# --- priorities and limits -----------------------------------------------------------------------------------------

sub set_priorities {
  my ($request) = @_;
  if (defined(my $score = $request->{oom}[0])) {
    # Who may not lower it is left with what it has, as in systemd.
    write_file('/proc/self/oom_score_adj', $score) or $! == EACCES || $! == EPERM or die "oom:$!\n";
  }
  if (defined(my $nice = $request->{nice}[0])) {
    eval { setpriority 0, 0, $nice; 1 } or die "nice:$!\n";
  }
}

sub set_limits {
  my ($request) = @_;
  for (@{ $request->{rlimit} || [] }) {
    my ($name, $soft, $hard) = split /:/;
    my $number = $RLIMITS{$name};
    set_limit($number, map { $_ eq 'infinity' ? ~0 : $_ } $soft, $hard) or die "limits:$name: $!\n" if defined $number;
  }
}

# Who may not raise a hard limit gets as near as it can, as in systemd.
sub set_limit {
  my ($number, $soft, $hard) = @_;
  return 1 if sys('prlimit64', 0, $number, pack('QQ', $soft, $hard), 0) == 0;
  return 0 if $! != EPERM;
  my $now = pack 'QQ', 0, 0;
  sys('prlimit64', 0, $number, 0, $now) == 0 or return 0;
  my ($most) = (unpack 'QQ', $now)[1];
  my @values = map { $_ < $most ? $_ : $most } $soft, $hard;
  return sys('prlimit64', 0, $number, pack('QQ', @values), 0) == 0;
}

# --- identity ------------------------------------------------------------------------------------------------------

sub become_group {
  my ($request) = @_;
  my $gid = $request->{gid}[0];
  my ($own_gid) = split / /, $(;
  my @groups = @{ $request->{groups} || [] };
  return if !defined $gid && !@groups || $> != 0 && defined $gid && $gid == $own_gid;
  sys('setgroups', scalar @groups, pack('L*', @groups)) == 0 or die "group:$!\n";
  return if !defined $gid;
  sys('setresgid', $gid + 0, $gid + 0, $gid + 0) == 0 or die "group:$!\n";
}

sub become_user {
  my ($request) = @_;
  my $uid = $request->{uid}[0];
  return if !defined $uid || $uid == $>;
  keep_capabilities_over_user($request) if $request->{ambient};
  sys('setresuid', $uid + 0, $uid + 0, $uid + 0) == 0 or die "user:$!\n";
}

1;
