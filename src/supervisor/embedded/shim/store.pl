# The file descriptors that a service has sent to be kept for its next run: sd_notify(3), FDSTORE=1. They are held until
# the daemon says otherwise, which decides what is kept, and so outlive it.
use strict;
use warnings;

use constant { EPOLL_CTL_ADD => 1, EPOLL_CTL_DEL => 2, KCMP_FILE => 0, MAX_HANGUPS => 16, MAX_HELD => 4096 };
# Only x86 packs the kernel's struct epoll_event.
use constant EPOLL_EVENT => $Config::Config{archname} =~ /^x86_64/ ? 'L Q' : 'L x4 Q';

my %stored;           # number => fh
my $last_stored = 0;
my $hangups;          # the epoll instance that tells whose other end is gone

# A number for each that came with a message, and behind colons those of what is held already and is the same: the
# daemon may be about to drop these. All else that comes is closed.
sub hold_descriptors {
  my ($text, @fds) = @_;
  my @handles = map { handle_of($_) } @fds;
  return $text =~ /^FDSTORE=1$/m ? map { number_of($_) } @handles : ();
}

sub handle_of {
  open my $fh, '+<&=', $_[0] or return;
  return $fh;
}

sub number_of {
  my ($fh) = @_;
  return if keys %stored >= MAX_HELD;
  my @same = grep { sys('kcmp', $$, $$, KCMP_FILE, fileno $fh, fileno $stored{$_}) == 0 } keys %stored;
  $stored{ ++$last_stored } = $fh;
  return join ':', $last_stored, @same;
}

sub stored_descriptors { return map { fileno $stored{$_} } @_ }

sub drop_stored {
  my ($request) = @_;
  for my $fh (grep { defined } delete @stored{ @{ $request->{fd} } }) {
    # Whoever else has the file open keeps it in the epoll instance, and so it is taken out by hand.
    sys('epoll_ctl', fileno $hangups, EPOLL_CTL_DEL, fileno $fh, 0) if $hangups;
  }
}

# What cannot hang up, such as a plain file, cannot be watched for it.
sub poll_stored {
  my ($request) = @_;
  my ($fd) = @{ $request->{fd} };
  return if !$stored{$fd};
  if (!$hangups) {
    open $hangups, '+<&=', sys('epoll_create1', 02000000);
    watch_handle($hangups, \&tell_hangups);
  }
  my $event = pack EPOLL_EVENT, 0, $fd;
  sys('epoll_ctl', fileno $hangups, EPOLL_CTL_ADD, fileno $stored{$fd}, $event);
}

sub tell_hangups {
  my $size = length pack EPOLL_EVENT, 0, 0;
  my $events = "\0" x ($size * MAX_HANGUPS);
  my $count = sys('epoll_pwait', fileno $hangups, $events, MAX_HANGUPS, 0, 0);
  for (0 .. $count - 1) {
    my (undef, $fd) = unpack EPOLL_EVENT, substr $events, $_ * $size, $size;
    # Told once.
    sys('epoll_ctl', fileno $hangups, EPOLL_CTL_DEL, fileno $stored{$fd}, 0) if $stored{$fd};
    emit('hangup', fd => $fd);
  }
}

1;
