# The shim: parent of one active unit's processes, and the only part of a unit that must live as long as it does.
#
# It owns the unit's processes (it is subreaper of everything they start), their output (it stamps each line and
# appends it to the unit's journal), the unit's notification socket, and the memory of what happened. It decides
# nothing: the daemon tells it over a socket what to run and whom to signal, and may come and go. Whoever connects
# gets the saved state and every event since. It must never block the unit for the daemon's sake.
#
# shim/protocol.ts is the other end of the line and says what each message means.
#
# The form of messages is message.pl's, the tree of processes tree.pl's, commands between fork and exec are
# command.pl's, the journal is journal.pl's; what the shims of sockets and paths hold is in sockets.pl and paths.pl, what a service
# says and stores in notify.pl and store.pl; memory.pl watches for kills for want of memory; hold.pl ends what may not go on.
# This file only defines: spawner.pl compiles it once and calls run_shim in a process of its own for each unit.
#
# Only what Debian's perl-base holds is used, and no module of size, which keeps the spawner at 6 MB, all but some
# hundred kB of which its shims share with it.
use strict;
use warnings;
no warnings 'portable';

use constant {
  SOCK_DGRAM => 2, SOL_SOCKET => 1,
  PR_SET_CHILD_SUBREAPER => 36,
  SIGCHLD_MASK => 1 << 16, SIG_SETMASK => 2, SFD_FLAGS => 02000000 | 04000,
  SIGKILL => 9, EAGAIN => 11, EINTR => 4, WNOHANG => 1,
  PIPE_BYTES => 64 * 1024, CHUNK_BYTES => 16 * 1024, MAX_EVENTS => 1000, MAX_CLIENT_BACKLOG => 4 << 20, MAX_REAPED => 64,
  UNASKED_SECONDS => 30,
};

my $seq = 0;          # number of the last event
my @events;           # [seq, line, kind] not yet covered by a saved state
my $saved = '';       # the daemon's state of the unit, opaque here
my %runs;             # run id => { pid, alive, foreign }
my %run_of;           # pid => run id
my @reaped;           # [pid, status] of the last descendants that were no run's main process
my @left_behind;      # processes that were there beside those of runs when the last of these ended
my %clients;          # fileno => { fh, in, batch, out }
my %outputs;          # fileno => { fh, stream, pid, rest }
my %exec_pipes;       # fileno => { fh, run, text }
my %watched;          # fileno => [fh, what is done when it can be read]
my @held_back;        # write ends of pipes whose end lets commands go on that wait for their turn
my $killing = 0;      # SIGKILL everything until nothing is left
my $kill_cgroup = '';
my $quitting = 0;
my $had_children = 0;

# --- start -----------------------------------------------------------------------------------------------------

my ($id, $listener, $notify, $signals);

# Becomes the shim of a unit; never returns. It does what it was made for before anybody connects; the spawner has
# opened the listener already, so that the daemon can connect, and write, before this process has run at all.
sub run_shim {
  my ($place, $socket, @first) = @_;
  ($id, $listener) = ($place->{id}, $socket);
  # By this name and the directory that it works in, its unit's, a shim is known to be one, and whose.
  $0 = "flotilla-shim: $place->{unit}";
  setup($place);
  handle($_) for @first;
  loop();
}

sub setup {
  my ($place) = @_;
  chdir $place->{run_dir} or die "$place->{run_dir}: $!\n";
  # Blocked, not ignored: a signal that meets a command between fork and exec waits for it and is not lost.
  sys('rt_sigprocmask', SIG_SETMASK, pack('Q', ~0), 0, 8);
  sys('setsid');
  sys('prctl', PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  open_journal($place);
  my $fd = sys('signalfd4', -1, pack('Q', SIGCHLD_MASK), 8, SFD_FLAGS);
  open $signals, '+<&=', $fd or die "signalfd: $!\n";
  $notify = open_notify($id);
}

# --- loop ------------------------------------------------------------------------------------------------------

sub loop {
  while (1) {
    my ($read, $write) = ('', '');
    vec($read, fileno $_, 1) = 1 for grep { defined } $signals, $listener, $notify, hold_handle();
    vec($read, $_, 1) = 1 for keys %clients, keys %outputs, keys %exec_pipes, keys %watched;
    for (keys %clients) { vec($write, $_, 1) = 1 if length $clients{$_}{out} }
    # Who was never asked for anything has been forgotten by a daemon that died.
    my $ready = select $read, $write, undef, length $saved || %runs ? undef : UNASKED_SECONDS;
    next if $ready < 0;
    finish() if !$ready;
    hold_elapsed() if hold_handle() && vec($read, fileno hold_handle(), 1);
    # Output comes before exits, so that a unit's last words stand before the line about its end.
    for (keys %outputs) { read_output($_) if vec($read, $_, 1) }
    for (keys %exec_pipes) { read_exec_pipe($_) if vec($read, $_, 1) }
    read_notifications($notify) if vec($read, fileno $notify, 1);
    for (keys %watched) { $watched{$_}[1]->() if $watched{$_} && vec($read, $_, 1) }
    if (vec($read, fileno $signals, 1)) { sysread $signals, my $ignored, 4096; reap() }
    for (keys %clients) { read_client($_) if vec($read, $_, 1) }
    accept_clients() if $listener && vec($read, fileno $listener, 1);
    for (keys %clients) { flush_client($_) if $clients{$_} && length $clients{$_}{out} }
    finish() if $quitting && !$had_children;
  }
}

sub watch_handle { my ($fh, $ready) = @_; $watched{fileno $fh} = [$fh, $ready] }
sub unwatch_handle { delete $watched{fileno $_[0]} }
sub has_clients { %clients ? 1 : 0 }

sub finish {
  finish_journal();
  unlink "$id.socket";
  leave(0);
}

# --- clients ---------------------------------------------------------------------------------------------------

# What the last daemon sent before it died is taken in before the next one is told the state of things: also where both
# have connected before this process came to look, and where it ends with what the last one has asked for.
sub accept_clients {
  while ($listener && accept my $fh, $listener) {
    for (keys %clients) { read_client($_) }
    add_client($fh) if $listener;
  }
}

sub add_client {
  my ($fh) = @_;
  nonblocking($fh);
  my $out = message('hello', seq => $seq, saved => $saved, shim => $$);
  $out .= $_->[1] for @events;
  $clients{fileno $fh} = { fh => $fh, in => '', batch => [], out => $out };
  flush_client(fileno $fh);
}

sub read_client {
  my ($fd) = @_;
  my $client = $clients{$fd} or return;
  my $count;
  do {
    $count = sysread $client->{fh}, $client->{in}, READ_BYTES, length $client->{in};
    return if !defined $count && ($! == EAGAIN || $! == EINTR);
    while (defined(my $line = take_line($client->{in}))) { take($client, $line) }
  } while ($count && $count == READ_BYTES);
  delete $clients{$fd} if !$count;
}

# Requests are done when the state behind them is there: of a daemon that dies within what it sends, nothing is left.
sub take {
  my ($client, $line) = @_;
  push @{ $client->{batch} }, $line;
  return if $line !~ /^(?:save|fetch)(?:\t|$)/;
  for (splice @{ $client->{batch} }) { handle($_, $client->{fh}) }
}

sub flush_client {
  my ($fd) = @_;
  my $client = $clients{$fd};
  my $count = syswrite $client->{fh}, $client->{out};
  if (defined $count) { substr($client->{out}, 0, $count) = '' }
  elsif ($! != EAGAIN && $! != EINTR) { delete $clients{$fd} }
  # A daemon that does not read may connect again; memory is not given for it.
  delete $clients{$fd} if $clients{$fd} && length $client->{out} > MAX_CLIENT_BACKLOG;
}

# Keeps an event until a saved state covers it, and tells every daemon that listens.
sub emit {
  my ($kind, @fields) = @_;
  $seq++;
  my $line = message($kind, seq => $seq, @fields);
  push @events, [$seq, $line, $kind];
  if (@events > MAX_EVENTS) {
    my ($oldest) = grep { $events[$_][2] eq 'notify' } 0 .. $#events;
    splice @events, $oldest // 0, 1;
  }
  tell_clients($line);
}

# Tells whoever listens now.
sub tell_clients {
  my ($line) = @_;
  $clients{$_}{out} .= $line for keys %clients;
}

# --- requests --------------------------------------------------------------------------------------------------

my %HANDLERS = (
  run => \&start_run,
  watch => \&watch_pid,
  proceed => \&let_proceed,
  kill => \&kill_request,
  name => sub { name_processes($_[0], descendants()) },
  listen => \&open_port,
  poll => \&poll_ports,
  unpoll => \&unpoll_ports,
  drop => \&drop_connection,
  unlisten => \&close_ports,
  fetch => \&send_sockets,
  observe => \&observe_paths,
  unobserve => \&unobserve_paths,
  hold => \&hold,
  memory => \&watch_memory,
  'poll-stored' => \&poll_stored,
  'drop-stored' => \&drop_stored,
  log => \&journal_log,
  save => sub {
    $saved = $_[0]{state}[0];
    my $covered = $_[0]{seq}[0];
    @events = grep { $_->[0] > $covered } @events;
  },
  quit => sub {
    $quitting = 1;
    undef $listener;
    unlink "$id.socket";
  },
);

sub handle {
  my ($line, $client) = @_;
  my ($verb, $fields) = parse_message($line);
  $HANDLERS{$verb}->($fields, $client) if $HANDLERS{$verb};
}

# Starts a command. A run that is known already is one that a daemon asked for before it died: nothing is done twice.
sub start_run {
  my ($request) = @_;
  my $run = $request->{run}[0];
  return if $runs{$run};
  return refuse_run($run, 'hold', 'it may not run any longer') if is_expired();
  my ($status_read, $status_write);
  pipe $status_read, $status_write;
  my @captures = map { capture($request, $_) } qw(stdout stderr);
  my $turn = $request->{idle}[0] ? hold_back() : undef;
  if ($request->{shared_ns}) { load_part('namespaces'); share_namespaces($request) }
  my $shim = $$;
  my $pid = fork;
  return refuse_run($run, 'fork', "$!") if !defined $pid;
  if (!$pid) {
    # Held by the shim alone, so that also its end is one.
    let_proceed();
    await_turn($turn) if $turn;
    run_child($request, $shim, $status_write, @captures);
  }
  close $status_write;
  # The rest of the request is kept for the journal's sake; these are long and the command's alone.
  delete @$request{qw(seccomp mount stdin)};
  $runs{$run} = { pid => $pid, alive => 1 };
  $run_of{$pid} = $run;
  $had_children = 1;
  # What is started after all were killed is not meant.
  $killing = 0;
  $exec_pipes{fileno $status_read} = { fh => $status_read, run => $run, text => '' };
  for (@captures) {
    next if !$_->{read};
    nonblocking($_->{read});
    $outputs{fileno $_->{read}} = { %$_, fh => $_->{read}, pid => $pid, request => $request, rest => '' };
    delete $outputs{fileno $_->{read}}{write};
  }
  emit('started', run => $run, pid => $pid);
}

# There never is a process.
sub refuse_run {
  my ($run, $step, $error) = @_;
  emit('failed', run => $run, step => $step, error => $error);
  $runs{$run} = { pid => 0, alive => 0 };
  emit('exited', run => $run, pid => 0, code => 203, last => $had_children ? 0 : 1);
  emit('empty') if !$had_children;
}

# A pipe that can be read when the daemon, or the shim with its end, lets those go on that wait.
sub hold_back {
  pipe my $turn, my $held;
  push @held_back, $held;
  return $turn;
}

sub let_proceed { @held_back = () }

# Where a stream of the command goes: a pipe of ours for the journal, a file, or nowhere.
sub capture {
  my ($request, $stream) = @_;
  my ($kind, $path) = split /:/, ($request->{$stream}[0] || 'journal'), 2;
  return { stream => $stream, kind => $kind, path => $path } if $kind ne 'journal';
  my ($read, $write);
  pipe $read, $write;
  return { stream => $stream, kind => $kind, read => $read, write => $write };
}

# --- processes ---------------------------------------------------------------------------------------------------

sub read_exec_pipe {
  my ($fd) = @_;
  my $pipe = $exec_pipes{$fd};
  my $count = sysread $pipe->{fh}, $pipe->{text}, 4096, length $pipe->{text};
  return if $count;
  delete $exec_pipes{$fd};
  return emit('execed', run => $pipe->{run}) if !length $pipe->{text};
  my ($step, $error) = split /:/, $pipe->{text}, 2;
  emit('failed', run => $pipe->{run}, step => $step, error => $error);
}

sub reap {
  my @ended;
  while ((my $pid = waitpid -1, WNOHANG) > 0) { push @ended, [$pid, $?] }
  my $none_left = waitpid(-1, WNOHANG) == -1;
  reaped(@$_, $none_left) for @ended;
  if ($none_left && $had_children) {
    $had_children = $killing = 0;
    drain_outputs();
    emit('empty');
  }
  kill_everything() if $killing;
}

sub reaped {
  my ($pid, $status, $none_left) = @_;
  my $run = delete $run_of{$pid};
  if (!defined $run) {
    push @reaped, [$pid, $status];
    shift @reaped if @reaped > MAX_REAPED;
    return;
  }
  $runs{$run}{alive} = 0;
  # The reason of a failed exec, and what the command wrote last, come before its end.
  for (keys %exec_pipes) { read_exec_pipe($_) if $exec_pipes{$_} && $exec_pipes{$_}{run} eq $run }
  for (keys %exec_pipes) { read_exec_pipe($_) if $exec_pipes{$_} && $exec_pipes{$_}{run} eq $run }
  for (keys %outputs) { read_output($_) if $outputs{$_}{pid} == $pid }
  @left_behind = unwatched_children();
  emit_exit($run, $pid, $status, $none_left);
}

# `last`: nobody else of the unit is left either. Without a status it is not known how it ended.
sub emit_exit {
  my ($run, $pid, $status, $last) = @_;
  my $signal = ($status // 0) & 127;
  tell_oom_kill() if $signal == SIGKILL;
  my @how = $signal ? (signal => $signal, core => $status & 128 ? 1 : 0) : defined $status ? (code => $status >> 8) : ();
  emit('exited', run => $run, pid => $pid, @how, last => $last ? 1 : 0);
}

sub unwatched_children { return grep { !defined $run_of{$_} } children_of($$) }

# Makes a process that the shim did not start itself a run's main process: a forking service's daemon. Where the
# question comes late, after a change of supervisors, what counts is who was there when the start command ended.
sub watch_pid {
  my ($request) = @_;
  return if $runs{$request->{run}[0]};
  find_main($request->{run}[0], $request->{pid}[0], $request->{foreign}[0]);
  # Whoever asks passes over what was said of this before.
  emit('empty') if !$had_children;
}

sub find_main {
  my ($run, $pid, $may_be_foreign) = @_;
  if ($pid eq 'guess') {
    my @own = unwatched_children();
    @own = @left_behind if @own != 1;
    return emit('adopted', run => $run, pid => 0) if @own != 1;
    $pid = $own[0];
  }
  my ($gone) = grep { $_->[0] == $pid } @reaped;
  my $foreign = !$gone && !is_descendant($pid);
  my $refusal = !$foreign ? '' : !is_alive($pid) ? 'gone' : $may_be_foreign ? watch_foreign_main($run, $pid) : 'foreign';
  return emit('adopted', run => $run, pid => 0, refusal => $refusal) if length $refusal;
  # What was the main process before, and is none of the unit's, is not its concern any more.
  delete $_->{foreign} for values %runs;
  $runs{$run} = { pid => $pid, alive => $gone ? 0 : 1, foreign => $foreign };
  emit('adopted', run => $run, pid => $pid, foreign => $foreign ? 1 : 0);
  return emit_exit($run, @$gone, !$had_children) if $gone;
  $run_of{$pid} = $run;
}

# Empty, or why that cannot be.
sub watch_foreign_main {
  my ($run, $pid) = @_;
  load_part('foreign');
  my $is_watched = watch_foreign($pid, sub {
    my ($status) = @_;
    delete $run_of{$pid} if ($run_of{$pid} // '') eq $run;
    $runs{$run}{alive} = 0;
    emit_exit($run, $pid, $status, !$had_children);
  });
  return $is_watched ? '' : 'unwatched';
}

sub foreign_main { return map { $_->{pid} } grep { $_->{foreign} && $_->{alive} } values %runs }

sub kill_request {
  my ($request) = @_;
  my $signal = $request->{signal}[0];
  if (defined(my $run = $request->{run}[0])) {
    my $pid = $runs{$run} && $runs{$run}{alive} ? $runs{$run}{pid} : return;
    name_processes($request, $pid);
    kill $signal, $pid;
    kill 'CONT', $pid if $signal ne 'KILL';
    return;
  }
  $kill_cgroup = $request->{cgroup}[0] // '';
  name_processes($request, foreign_main(), descendants());
  return kill_all($kill_cgroup) if $signal eq 'KILL';
  for my $pid (foreign_main(), stable_descendants(0)) { kill $signal, $pid; kill 'CONT', $pid }
}

# Writes a line about each process, where the request has the words around its number and name. One that is still to
# become its command is none of the unit's yet.
sub name_processes {
  my ($request, @pids) = @_;
  my $before = $request->{before}[0] // return;
  for my $pid (@pids) {
    my $name = read_file("/proc/$pid/comm") // next;
    next if $name =~ /^flotilla-shim/;
    $HANDLERS{log}->({ %$request, text => ["$before$pid ($name)$request->{after}[0]"] });
  }
}

# Goes on until nothing is left.
sub kill_all {
  ($kill_cgroup) = @_;
  $killing = 1;
  kill 'KILL', foreign_main();
  kill_everything();
}

# Once in the kernel where it can do that, and by walking the tree, which also finds what left the cgroup.
sub kill_everything {
  write_file("$kill_cgroup/cgroup.kill", '1') if length $kill_cgroup;
  kill 'KILL', stable_descendants(1);
}

# Everything below the shim; with `stop`, stopped on the way, so that nothing can fork faster than it is found.
sub stable_descendants {
  my ($stop) = @_;
  my %seen;
  for (1 .. 100) {
    my @new = grep { !$seen{$_} } descendants();
    last if !@new;
    $seen{$_} = 1 for @new;
    kill 'STOP', @new if $stop;
  }
  return keys %seen;
}

# --- notifications -----------------------------------------------------------------------------------------------

# `main`: sent by the main process itself. `all`: by some process of the unit; the daemon applies NotifyAccess=.
sub notified {
  my ($pid, $uid, $text, @stored) = @_;
  my $run = $run_of{$pid};
  if (!defined $run && !is_descendant($pid) && !grep { $_->[0] == $pid } @reaped) {
    return drop_stored({ fd => [map { s/:.*//r } @stored] });
  }
  return if $text =~ /^WATCHDOG=1\n?$/ && !%clients;
  emit('notify', pid => $pid, uid => $uid, run => $run // '', text => $text, fds => join ',', @stored);
}

# --- output --------------------------------------------------------------------------------------------------------

sub read_output {
  my ($fd) = @_;
  my $output = $outputs{$fd} or return;
  # All that a pipe holds at a time, and no more: a unit that never stops writing must not keep the shim from its stop.
  for (1 .. PIPE_BYTES / CHUNK_BYTES + 1) {
    my $count = sysread $output->{fh}, $output->{rest}, CHUNK_BYTES, length $output->{rest};
    return if !defined $count && ($! == EAGAIN || $! == EINTR);
    journal_output($output, !$count);
    next if $count;
    delete $outputs{$fd};
    return;
  }
}

sub drain_outputs { read_output($_) for keys %outputs }

1;
