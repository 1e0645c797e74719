# A main process that is none of the unit's: one of another unit, or of nobody. It is not the shim's child, so that its
# end is told by a descriptor of the process, and how it ended only where the kernel remembers (6.15) or its parent is slow.
use strict;
use warnings;

use constant { PIDFD_GET_INFO => 0xc040ff0b, PIDFD_INFO_EXIT => 8, PIDFD_INFO_BYTES => 64 };

# Calls `ended` with the process' status when it has ended, or with undef where that cannot be known. False where
# processes of others cannot be watched (before Linux 5.3).
sub watch_foreign {
  my ($pid, $ended) = @_;
  my $fd = sys('pidfd_open', $pid + 0, 0);
  return 0 if $fd < 0;
  open my $process, '<&=', $fd or return 0;
  watch_handle($process, sub {
    unwatch_handle($process);
    $ended->(kept_status($process) // zombie_status($pid) // kept_status($process));
  });
  return 1;
}

# Of one that its parent has waited for.
sub kept_status {
  my ($process) = @_;
  my $info = pack 'Q x' . (PIDFD_INFO_BYTES - 8), PIDFD_INFO_EXIT;
  ioctl $process, PIDFD_GET_INFO, $info or return undef;
  my ($known, $status) = unpack 'Q x52 l', $info;
  return $known & PIDFD_INFO_EXIT ? $status : undef;
}

sub zombie_status {
  my $stat = read_file("/proc/$_[0]/stat") // return undef;
  my @fields = split ' ', $stat =~ s/^.*\) //sr;
  return $fields[0] eq 'Z' ? $fields[-1] : undef;
}

1;
