# What a socket unit's shim holds: its listening sockets, and the connections taken from them that their services have
# not ended with. They live as long as the shim, so that no connection is lost while there is no daemon.
#
# Addresses come and go as the bytes of a sockaddr in hex; socket-address.ts makes and reads them.
use strict;
use warnings;

use constant {
  O_RDWR => 2, F_SETPIPE_SZ => 1031, O_NOFOLLOW => 0400000, SOCK_SEQPACKET => 5,
  SOL_SOCKET_LEVEL => 1, SO_REUSEADDR => 2, SO_PEERCRED => 17,
  EADDRINUSE => 98, EEXIST => 17,
  SCM_RIGHTS => 1, MSG_CMSG_CLOEXEC => 0x40000000,
  # A bound below that of select; further connections wait in the kernel's queue.
  MAX_CONNECTIONS_HELD => 512, MAX_FLUSHED => 1024,
};

my @ports;            # { fh, accepts } in the order of the unit file
my %connections;      # number => fh
my $last_connection = 0;
my ($polling, $accepting) = (0, 0);

# Opens one port; answered by `opened`, with the reason when it could not be.
sub open_port {
  my ($request) = @_;
  my %port = map { $_ => $request->{$_}[0] } grep { $_ ne 'option' && $_ ne 'symlink' } keys %$request;
  return if $ports[ $port{port} ];
  my $fh = eval { make_parents($port{path}, $port{dir_mode}); $port{type} eq 'fifo' ? open_fifo(\%port) : open_socket(\%port, $request->{option}) };
  return emit('opened', port => $port{port}, error => $@ =~ s/\n$//r) if !$fh;
  $ports[ $port{port} ] = { fh => $fh };
  link_to($port{path}, $_, \%port) for @{ $request->{symlink} || [] };
  emit('opened', port => $port{port});
}

sub make_parents {
  my ($path, $mode) = @_;
  return if !length($path // '');
  my $parent = '';
  my $old = umask 0;
  for my $part (grep { length } split m{/}, $path =~ s{/[^/]*$}{}r) {
    $parent .= "/$part";
    mkdir $parent, oct $mode;
  }
  umask $old;
}

sub open_socket {
  my ($port, $options) = @_;
  my ($type, $address) = ($port->{type}, pack 'H*', $port->{address});
  socket(my $fh, unpack('S', $address), $type, $port->{protocol}) or die "socket: $!\n";
  nonblocking($fh);
  setsockopt $fh, SOL_SOCKET_LEVEL, SO_REUSEADDR, pack 'i', 1;
  set_options($fh, @{ $options || [] });
  my $old = umask(0777 & ~oct($port->{mode}));
  my $bound = bind $fh, $address;
  # Nobody removes the file of a socket that is closed: the one who wants its place does.
  if (!$bound && $! == EADDRINUSE && length($port->{path} // '')) { $bound = unlink($port->{path}) && bind $fh, $address }
  my $error = "$!";
  umask $old;
  die "$error\n" if !$bound;
  if ($type != SOCK_DGRAM) { listen $fh, $port->{backlog} or die "listen: $!\n" }
  own_path($port);
  return $fh;
}

sub open_fifo {
  my ($port) = @_;
  my $old = umask 0;
  my $made = sys('mknodat', -100, my $path = "$port->{path}\0", 010000 | oct $port->{mode}, 0);
  my $error = $!;
  umask $old;
  die "$error\n" if $made < 0 && $error != EEXIST;
  sysopen my $fh, $port->{path}, O_RDWR | O_NONBLOCK | O_NOFOLLOW or die "$!\n";
  sys('fcntl', fileno $fh, F_SETPIPE_SZ, $port->{pipe_size} + 0) if $port->{pipe_size};
  die "File exists\n" if !-p $fh || ((stat _)[2] & 0777) != oct $port->{mode};
  own_path($port);
  return $fh;
}

sub own_path {
  my ($port) = @_;
  return if !defined $port->{uid} || !length($port->{path} // '');
  chown $port->{uid}, $port->{gid}, $port->{path} or die "chown: $!\n";
}

# Symlinks= to the one file there is; one that cannot be made is no failure.
sub link_to {
  my ($path, $link, $port) = @_;
  make_parents($link, $port->{dir_mode});
  return if symlink($path, $link) || (readlink($link) // '') eq $path;
  return if $port->{replace} && unlink($link) && symlink $path, $link;
  journal_log({ priority => [4], text => ["Failed to create symlink $path -> $link, ignoring: $!"] });
}

# Options are `level:name:hex of the value:what it is called`; one that begins with ! must succeed.
sub set_options {
  my ($fh, @options) = @_;
  for (@options) {
    my ($required, $level, $name, $value, $title) = /^(!?)(\d+):(\d+):([0-9a-f]*):(.*)$/ or next;
    next if setsockopt $fh, $level, $name, pack 'H*', $value;
    die "$title: $!\n" if $required;
    journal_log({ priority => [4], text => ["$title failed: $!"] });
  }
}

# --- incoming traffic ------------------------------------------------------------------------------------------

# Told once by `incoming`, or, where the shim accepts, by an `accepted` for each connection.
sub poll_ports {
  my ($request) = @_;
  ($polling, $accepting) = (1, $request->{accept}[0] // 0);
  flush_ports() if $request->{flush}[0];
  watch_ports();
}

sub unpoll_ports {
  $polling = 0;
  watch_ports();
}

sub watch_ports {
  my $wanted = $polling && keys %connections < MAX_CONNECTIONS_HELD;
  for (grep { defined } @ports) {
    my $fh = $_->{fh};
    if ($wanted) { watch_handle($fh, sub { $accepting ? accept_connections($fh) : incoming() }) }
    else { unwatch_handle($fh) }
  }
}

sub incoming {
  return if !$polling;
  unpoll_ports();
  emit('incoming');
}

sub accept_connections {
  my ($listener) = @_;
  while (keys %connections < MAX_CONNECTIONS_HELD) {
    my $remote = accept(my $fh, $listener);
    last if !defined $remote;
    my $peer = getpeername $fh;
    next if !defined $peer;
    my $connection = ++$last_connection;
    $connections{$connection} = $fh;
    my ($pid, $uid) = unpack 'iI', getsockopt($fh, SOL_SOCKET_LEVEL, SO_PEERCRED) // '';
    emit('accepted', connection => $connection, local => unpack('H*', getsockname $fh), remote => unpack('H*', $peer),
      pid => $pid // 0, uid => $uid // 0);
  }
  watch_ports();
}

sub drop_connection {
  my ($request) = @_;
  delete $connections{ $request->{connection}[0] };
  watch_ports();
}

# Takes everything that waits, whether bytes or connections, and forgets it.
sub flush_ports {
  for (grep { defined } @ports) {
    # A service that is gone may have left them blocking.
    nonblocking($_->{fh});
    for my $round (1 .. MAX_FLUSHED) {
      last if !accept(my $fh, $_->{fh}) && !sysread $_->{fh}, my $ignored, 65536;
    }
  }
}

sub close_ports {
  my ($request) = @_;
  unpoll_ports();
  @ports = ();
  unlink @{ $request->{remove} || [] };
}

# --- handing them over -------------------------------------------------------------------------------------------

# Another shim's command, between fork and exec, asks for its sockets.
sub send_sockets {
  my ($request, $client) = @_;
  my $connection = $request->{connection}[0];
  my @handles = defined $connection ? grep { defined } $connections{$connection} : map { $_->{fh} } grep { defined } @ports;
  my $fds = pack 'i*', map { fileno $_ } @handles;
  my $control = @handles ? pack('QII a*', 16 + length $fds, SOL_SOCKET_LEVEL, SCM_RIGHTS, $fds) : '';
  $control .= "\0" x (-length($control) % 8);
  my $text = message('sockets', count => scalar @handles);
  my $iov = pack 'PQ', $text, length $text;
  my $header = pack 'QL x4 PQ PQ i x4', 0, 0, $iov, 1, $control, length $control, 0;
  sys('sendmsg', fileno $client, $header, 0);
}

# The other end: the file descriptors of a unit's sockets, from its shim.
sub receive_sockets {
  my ($source) = @_;
  my ($connection, $directory, $id) = $source =~ m{^(\d*):(.*)/([^/]+)$} or die "$source\n";
  opendir my $dir, $directory or die "$directory: $!\n";
  socket my $shim, AF_UNIX, SOCK_STREAM, 0 or die "socket: $!\n";
  connect $shim, pack('S Z*', AF_UNIX, '/proc/self/fd/' . fileno($dir) . "/$id.socket") or die "its sockets are gone: $!\n";
  setsockopt $shim, SOL_SOCKET_LEVEL, 20, pack 'qq', 10, 0;
  syswrite $shim, message('fetch', length $connection ? (connection => $connection) : ());
  my $seen = '';
  while (1) {
    # What the shim tells every daemon comes first; the answer is a message of its own.
    my ($text, $control) = ("\0" x 65536, "\0" x 1040);
    my $iov = pack 'PQ', $text, length $text;
    my $header = pack 'QL x4 PQ PQ i x4', 0, 0, $iov, 1, $control, length $control, 0;
    my $count = sys('recvmsg', fileno $shim, $header, MSG_CMSG_CLOEXEC);
    die "its sockets were not handed over\n" if $count <= 0;
    my ($length, $level, $type) = unpack 'QII', $control;
    return unpack 'i*', substr $control, 16, $length - 16 if $length && $type == SCM_RIGHTS;
    $seen = substr $seen . substr($text, 0, $count), -65536;
    return () if $seen =~ /(?:^|\n)sockets\t[^\n]*\n/;
  }
}

1;
