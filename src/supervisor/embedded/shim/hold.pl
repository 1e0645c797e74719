# Until when the unit may run: its processes are killed when that has come, and none is started, unless the daemon has
# put it off. The shim is there also when the daemon is not, is stopped, or has lost the store.
#
# Times are those of /proc/uptime, which the daemon reads as well, and which goes on while the machine is suspended; so
# does the timer, which has elapsed when the machine, or a shim that was stopped, goes on.
use strict;
use warnings;

use constant { CLOCK_MONOTONIC => 1, CLOCK_BOOTTIME => 7, HOLD_TIMER_FLAGS => 02000000 | 04000, NS_PER_MS => 1_000_000 };

my ($held_until, $hold_cgroup, $hold_timer);

# `until` in milliseconds; without it the unit may run as long as it likes.
sub hold {
  my ($request) = @_;
  $held_until = $request->{until}[0];
  $hold_cgroup = $request->{cgroup}[0] // '';
  arm_hold();
}

sub uptime_ms { return 1000 * (split ' ', read_file('/proc/uptime'))[0] }

sub is_expired { return defined $held_until && uptime_ms() >= $held_until }

sub hold_handle { return $hold_timer }

sub arm_hold {
  $hold_timer //= open_hold_timer();
  my $left = defined $held_until ? $held_until - uptime_ms() : 0;
  # Nothing disarms a timer but zero.
  $left = 1 if defined $held_until && $left < 1;
  my $when = pack 'q4', 0, 0, int($left / 1000), int(($left - 1000 * int($left / 1000)) * NS_PER_MS);
  sys('timerfd_settime', fileno $hold_timer, 0, $when, 0);
}

sub open_hold_timer {
  my $fd = sys('timerfd_create', CLOCK_BOOTTIME, HOLD_TIMER_FLAGS);
  $fd = sys('timerfd_create', CLOCK_MONOTONIC, HOLD_TIMER_FLAGS) if $fd < 0;
  open my $timer, '<&=', $fd or die "timerfd: $!\n";
  return $timer;
}

# The timer has elapsed; a little early, it is set again.
sub hold_elapsed {
  sysread $hold_timer, my $ignored, 8;
  return if !defined $held_until;
  return arm_hold() if !is_expired();
  emit('expired');
  kill_all($hold_cgroup);
}

1;
