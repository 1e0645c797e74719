# What a path unit's shim holds: inotify watches of its paths, and of the directories above them that could bring them.
# A change while there is no daemon is told to the next one.
use strict;
use warnings;

use constant {
  IN_CLOSE_WRITE => 0x8, IN_ATTRIB => 0x4, IN_CREATE => 0x100, IN_MOVED_TO => 0x80, IN_DELETE_SELF => 0x400, IN_MOVE_SELF => 0x800,
  IN_DONT_FOLLOW => 0x02000000, IN_FLAGS => 02000000 | 04000, ENOENT => 2, EACCES => 13,
};
# Above a path that is there only its being moved away matters; what could bring one that is not is watched closely.
use constant PARENT_MASK => IN_MOVE_SELF | IN_DELETE_SELF | IN_ATTRIB | IN_CREATE | IN_MOVED_TO;

my @observed;         # { path, mask, fh, primary } in the order of the unit file
my $untold = 0;       # something was told while no daemon listened

# `mask` is for the path itself; an event of it is `primary`. Answered by `observed`.
sub observe_paths {
  my ($request) = @_;
  unobserve_paths();
  my ($paths, $masks) = @$request{qw(path mask)};
  @observed = map { { path => $paths->[$_], mask => $masks->[$_] } } 0 .. $#$paths;
  for my $index (0 .. $#observed) {
    my $error = eval { observe($index); '' } // $@;
    $error =~ s/\n$//;
    return emit('observed', error => $error) if length $error;
  }
  emit('observed');
}

sub unobserve_paths {
  unwatch_handle($_->{fh}) for grep { $_->{fh} } @observed;
  @observed = ();
}

# The watch of one path, made anew as far down as the path exists.
sub observe {
  my ($index) = @_;
  my $spec = $observed[$index];
  unwatch_handle($spec->{fh}) if $spec->{fh};
  my $fd = sys('inotify_init1', IN_FLAGS);
  open $spec->{fh}, '<&=', $fd or die "inotify: $!\n";
  $spec->{primary} = -1;
  my ($path, $above) = ('', undef);
  for my $part ('', grep { length } split m{/}, $spec->{path}) {
    my $is_whole = ($path = length $part ? ($path eq '/' ? "/$part" : "$path/$part") : '/') eq $spec->{path};
    my $watch = add_watch($fd, $path, $is_whole ? $spec->{mask} : PARENT_MASK);
    last if $watch < 0;
    $spec->{primary} = $watch if $is_whole;
    add_watch($fd, $above, IN_MOVE_SELF) if defined $above;
    $above = $path;
  }
  die "$spec->{path}: $!\n" if !defined $above;
  watch_handle($spec->{fh}, sub { touched($index) });
}

# A link is watched as well as what it points to.
sub add_watch {
  my ($fd, $path, $mask) = @_;
  my $watch;
  for my $flag (IN_DONT_FOLLOW, 0) {
    $watch = sys('inotify_add_watch', $fd, my $name = "$path\0", $mask | $flag);
    next if $watch >= 0;
    die "$path: $!\n" if $! != ENOENT && $! != EACCES;
    return -1;
  }
  return $watch;
}

# A change of the path itself is told once, and ends the watch; any other is told, and what exists now is watched.
sub touched {
  my ($index) = @_;
  my $spec = $observed[$index];
  return if !sysread $spec->{fh}, my $events, 65536;
  my $primary = 0;
  while (length $events) {
    my ($watch, $length) = unpack 'i x8 L', $events;
    $primary = 1 if $watch == $spec->{primary};
    substr $events, 0, 16 + $length, '';
  }
  # Only where changes count is an event of the path itself more than a reason to look.
  return emit_touched($index, 1) if $primary && $spec->{mask} & IN_CLOSE_WRITE;
  eval { observe($index) };
  emit_touched($index, 0);
}

sub emit_touched {
  my ($index, $primary) = @_;
  unobserve_paths() if $primary;
  return if !$primary && $untold && !has_clients();
  $untold = !has_clients();
  emit('touched', spec => $index, primary => $primary);
}

1;
