# The notification socket of a unit: its messages, with who sent each and what came along (sd_notify(3)).
use strict;
use warnings;

use constant {
  SO_PASSCRED => 16, SCM_CREDENTIALS => 2, MESSAGE_BYTES => 8192,
  # The sender, and as many file descriptors as the kernel passes at once.
  CONTROL_BYTES => 32 + 16 + 4 * 254,
};

# Abstract, because a service of another user could not reach a path in a private state directory. Who may speak is
# checked by the sender's process id, which the kernel vouches for.
sub open_notify {
  my ($id) = @_;
  socket my $notify, AF_UNIX, SOCK_DGRAM, 0 or die "socket: $!\n";
  setsockopt $notify, SOL_SOCKET, SO_PASSCRED, pack('i', 1);
  bind $notify, pack('S a*', AF_UNIX, "\0flotilla/$id") or die "bind: $!\n";
  nonblocking($notify);
  return $notify;
}

sub read_notifications {
  my ($notify) = @_;
  while (1) {
    my ($text, $control) = ("\0" x MESSAGE_BYTES, "\0" x CONTROL_BYTES);
    my $iov = pack('PQ', $text, length $text);
    my $header = pack('QL x4 PQ PQ i x4', 0, 0, $iov, 1, $control, length $control, 0);
    my $count = sys('recvmsg', fileno $notify, $header, MSG_CMSG_CLOEXEC);
    return if $count < 0;
    my ($pid, $uid, @fds) = sender_and_descriptors(substr $control, 0, unpack 'x40 Q', $header);
    $text = substr $text, 0, $count;
    my @held = hold_descriptors($text, @fds);
    notified($pid, $uid, $text, @held) if defined $pid && $count > 0;
  }
}

sub sender_and_descriptors {
  my ($control) = @_;
  my ($pid, $uid, @fds);
  while (length $control >= 16) {
    my ($length, $level, $type) = unpack 'Q i i', $control;
    my $data = substr $control, 16, $length - 16;
    if ($level == SOL_SOCKET && $type == SCM_CREDENTIALS) { ($pid, $uid) = unpack 'i I', $data }
    if ($level == SOL_SOCKET && $type == SCM_RIGHTS) { @fds = unpack 'i*', $data }
    substr $control, 0, $length + -$length % 8, '';
  }
  return ($pid, $uid, @fds);
}

1;
