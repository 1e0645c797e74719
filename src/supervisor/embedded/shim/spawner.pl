# The spawner: the program of the shims, compiled once, which becomes a new shim by a fork for each one its daemon asks
# for. Forking takes a millisecond and shares the program's memory; starting Perl takes fifteen and shares nothing.
#
# A daemon has one, as its child, and ends it by ending. It must hold nothing a unit depends on: from its birth a shim
# is a session of its own, and the listener that both had for a moment is the shim's alone.
use strict;
use warnings;

my ($home) = $0 =~ m{^(.*)/};
require "$home/$_.pl" for qw(system message journal tree command shim sockets paths);
$0 = 'flotilla-spawner';
umask 077;

use constant DAEMON_FD => 3;

open my $daemon, '+<&=', DAEMON_FD or die "daemon: $!\n";

sub serve {
  # The kernel reaps the shims that end before the spawner does.
  local $SIG{CHLD} = 'IGNORE';
  my $in = '';
  while (sysread $daemon, $in, 65536, length $in) {
    while ($in =~ s/^([^\n]*)\n//) { syswrite $daemon, answer(parse_message($1)) }
  }
}

sub answer {
  my ($verb, $fields) = @_;
  return $verb eq 'probe' ? probe($fields->{id}[0]) : spawn_shim($fields);
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

# Returns the answer, in the spawner; the shim does not return.
sub spawn_shim {
  my ($fields) = @_;
  my %place = map { $_ => $fields->{$_}[0] } keys %$fields;
  my $listener = eval { listener(@place{qw(run_dir id)}) } or return message('failed', id => $place{id}, error => $@);
  my $pid = fork;
  return message('failed', id => $place{id}, error => "fork: $!") if !defined $pid;
  return message('spawned', id => $place{id}) if $pid;
  close $daemon;
  $SIG{CHLD} = 'DEFAULT';
  run_shim(\%place, $listener);
}

serve();
