# How a unit's shim learns that the kernel has killed a process of the unit for want of memory, whoever's child it was:
# version 2 changes memory.events, version 1 adds to an eventfd (the kernel's cgroup-v2.rst, cgroup-v1/memory.rst).
use strict;
use warnings;

use constant { EVENTFD_FLAGS => 02000000 | 04000, IN_MODIFY => 0x2 };
# Version 1 tells of the want before the kill, which follows at once.
use constant { KILL_LOOKS => 20, KILL_LOOK_SECONDS => 0.005 };

my ($memory_file, $memory_handle, $oom_control);
my $oom_kills = 0;

sub watch_memory {
  my ($request) = @_;
  return if defined $memory_file;
  $memory_file = $request->{file}[0];
  $oom_kills = count_oom_kills();
  my $is_legacy = $memory_file =~ /oom_control$/;
  my $fd = $is_legacy ? out_of_memory_fd() : memory_changed_fd();
  open $memory_handle, '+<&=', $fd or return;
  watch_handle($memory_handle, sub {
    sysread $memory_handle, my $ignored, 4096;
    # Also the end of the cgroup is told of.
    return unwatch_handle($memory_handle) if !-e $memory_file;
    for (1 .. ($is_legacy ? KILL_LOOKS : 1)) {
      last if tell_oom_kill();
      select undef, undef, undef, KILL_LOOK_SECONDS if $is_legacy;
    }
  });
}

sub memory_changed_fd {
  my $fd = sys('inotify_init1', IN_FLAGS);
  sys('inotify_add_watch', $fd, my $name = "$memory_file\0", IN_MODIFY);
  return $fd;
}

sub out_of_memory_fd {
  my $fd = sys('eventfd2', 0, EVENTFD_FLAGS);
  open $oom_control, '<', $memory_file or return $fd;
  write_file($memory_file =~ s/memory\.oom_control$/cgroup.event_control/r, "$fd " . fileno $oom_control);
  return $fd;
}

sub count_oom_kills { return (read_file($memory_file) // '') =~ /^oom_kill (\d+)$/m ? $1 : 0 }

# Also before the end of a process is told that may have been killed for that.
sub tell_oom_kill {
  return 0 if !defined $memory_file;
  my $count = count_oom_kills();
  return 0 if $count <= $oom_kills;
  $oom_kills = $count;
  emit('oom');
  return 1;
}

1;
