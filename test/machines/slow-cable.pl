# A cable on which every frame takes its time: `perl slow-cable.pl DELAY_MS JITTER_MS ONE OTHER`.
#
# ONE and OTHER are names of tap devices, which are made here and are gone with this process. What comes out of one goes
# into the other after the delay and a part of the jitter at random, in the order in which it came. The kernel has cut
# large packets and filled checksums in by then, since taps do neither.
use strict;
use warnings;
use Errno qw(EAGAIN);
use Fcntl;

use constant { TUNSETIFF => 0x400454ca, TAP_WITHOUT_HEADER => 0x1002, MAX_FRAME => 65_536, MAX_WAITING => 10_000 };

my ($delay_ms, $jitter_ms, @names) = @ARGV;
open my $uptime, '<', '/proc/uptime' or die "/proc/uptime: $!\n";
my @taps = map { tap($_) } @names;
my @waiting = ([], []);
$| = 1;
print "ready\n";
while (1) {
  wait_for_frames();
  take($_) for 0, 1;
  pass_on($_) for 0, 1;
}

sub tap {
  my ($name) = @_;
  sysopen my $tap, '/dev/net/tun', O_RDWR | O_NONBLOCK or die "/dev/net/tun: $!\n";
  ioctl $tap, TUNSETIFF, pack('a16 S x22', $name, TAP_WITHOUT_HEADER) or die "$name: $!\n";
  return $tap;
}

# Of the computer's clock that nobody sets, which counts in hundredths of a second.
sub now_ms {
  sysseek $uptime, 0, 0;
  sysread $uptime, my $text, 64;
  return 1000 * (split ' ', $text)[0];
}

# Until a frame comes, or the first of those that wait is due.
sub wait_for_frames {
  my ($due_ms) = sort { $a <=> $b } map { $_->[0][0] } grep { @$_ } @waiting;
  my $bits = '';
  vec($bits, fileno $_, 1) = 1 for @taps;
  my $patience_ms = defined $due_ms ? $due_ms - now_ms() : undef;
  select $bits, undef, undef, defined $patience_ms ? ($patience_ms > 0 ? $patience_ms / 1000 : 0) : undef;
}

# A cable holds no more than it can: what is too much is lost.
sub take {
  my ($from) = @_;
  my $queue = $waiting[$from];
  while (defined sysread $taps[$from], my $frame, MAX_FRAME) {
    next if @$queue >= MAX_WAITING;
    my $due_ms = now_ms() + $delay_ms + rand $jitter_ms;
    my $last_ms = @$queue ? $queue->[-1][0] : 0;
    push @$queue, [$due_ms > $last_ms ? $due_ms : $last_ms, $frame];
  }
  # Whoever removes the network removes the device.
  exit 0 if $! != EAGAIN;
}

sub pass_on {
  my ($from) = @_;
  my $queue = $waiting[$from];
  my $now_ms = now_ms();
  while (@$queue && $queue->[0][0] <= $now_ms) {
    my ($due_ms, $frame) = @{ shift @$queue };
    # A device that is down takes nothing: the frame is lost, as it would be.
    syswrite $taps[1 - $from], $frame;
  }
}
