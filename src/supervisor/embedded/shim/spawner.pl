# The spawner: the program of the shims, compiled once, which becomes a new shim by a fork for each one its daemon asks
# for. Forking takes a millisecond and shares the program's memory; starting Perl takes fifteen and shares nothing.
#
# A daemon has one, as its child, and ends it by ending. It must hold nothing a unit depends on: from its birth a shim
# is a session of its own, and the listener that both had for a moment is the shim's alone.
use strict;
use warnings;

my ($home) = $0 =~ m{^(.*)/};
require "$home/$_.pl" for qw(system message journal tree command shim sockets paths memory notify store hold);
$0 = 'flotilla-spawner';
umask 077;

use constant { DAEMON_FD => 3, TFD_FLAGS => 02000000 | 04000, TFD_ABSTIME_CANCEL_ON_SET => 1 | 2, FAR_AWAY => 1 << 40, MSG_NOSIGNAL => 0x4000 };

open my $daemon, '+<&=', DAEMON_FD or die "daemon: $!\n";

my $clock;

sub serve {
  # The kernel reaps the shims that end before the spawner does.
  local $SIG{CHLD} = 'IGNORE';
  watch_clock();
  my $in = '';
  while (1) {
    my $read = '';
    vec($read, fileno $_, 1) = 1 for grep { defined } $daemon, $clock;
    next if select($read, undef, undef, undef) < 0;
    if ($clock && vec($read, fileno $clock, 1)) { watch_clock(); syswrite $daemon, message('clock') }
    next if !vec($read, DAEMON_FD, 1);
    sysread $daemon, $in, READ_BYTES(), length $in or last;
    my @lines;
    while (defined(my $line = take_line($in))) { push @lines, $line }
    syswrite $daemon, join '', answers(@lines);
  }
}

# A timer that never elapses and is cancelled when the wall clock is set: timerfd_create(2).
sub watch_clock {
  undef $clock;
  my $fd = sys('timerfd_create', 0, TFD_FLAGS);
  return if $fd < 0;
  my $never = pack 'q4', 0, 0, FAR_AWAY, 0;
  sys('timerfd_settime', $fd, TFD_ABSTIME_CANCEL_ON_SET, $never, 0);
  open $clock, '<&=', $fd;
}

# All shims of one turn are made ready before the first is born: what changes between two births has to be copied.
sub answers {
  my (@answers, @ready);
  for (@_) {
    my ($line, @first) = split /\0/;
    my ($verb, $fields) = parse_message($line);
    my %place = map { $_ => $fields->{$_}[0] } keys %$fields;
    if ($verb eq 'probe') { push @answers, probe($place{id}) }
    elsif (my $listener = eval { listener(@place{qw(run_dir id)}) }) { push @ready, [\%place, $listener, @first] }
    else { push @answers, message('failed', id => $place{id}, error => $@) }
  }
  leave_unborn(@ready) if @ready && !has_daemon();
  while (my $next = shift @ready) {
    my ($place, @begin) = @$next;
    my $pid = fork;
    if (defined $pid && !$pid) {
      # Nobody else's sockets: a shim that is gone has to be found gone.
      @ready = ();
      become_shim($place, @begin);
    }
    push @answers, defined $pid ? message('spawned', id => $place->{id}) : message('failed', id => $place->{id}, error => "fork: $!");
  }
  return @answers;
}

# In a process of its own, which takes the program that tries things out away with it.
sub probe {
  my ($id) = @_;
  pipe my $read, my $write;
  my $pid = fork // return message('failed', id => $id, error => "fork: $!");
  if (!$pid) {
    $SIG{CHLD} = 'DEFAULT';
    my @missing = eval { load_part($_) for qw(attributes namespaces mounts probe); missing_features() };
    syswrite $write, $@ ? message('failed', id => $id, error => $@) : message('probed', id => $id, @missing);
    leave(0);
  }
  close $write;
  sysread $read, my $answer, 65536;
  return $answer // message('failed', id => $id, error => 'nothing was found out');
}

sub become_shim {
  close $daemon;
  undef $clock;
  $SIG{CHLD} = 'DEFAULT';
  run_shim(@_);
}

# Whether the daemon is still there: the next one, which looks for shims by their sockets, either finds this one's or
# must never meet it.
sub has_daemon { return defined send $daemon, '', MSG_NOSIGNAL }

sub leave_unborn {
  unlink map { "$_->[0]{run_dir}/$_->[0]{id}.socket" } @_;
  leave(0);
}

serve();
