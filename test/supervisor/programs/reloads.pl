# A notify-reload service: answers SIGHUP with RELOADING=1 and the monotonic time, and soon after with READY=1.
use strict;
use warnings;
use Socket;

socket my $socket, AF_UNIX, SOCK_DGRAM, 0 or die;
my $address = $ENV{NOTIFY_SOCKET} =~ s/^@/\0/r;
connect $socket, sockaddr_un($address) or die;
my ($wanted, $count) = (0, 0);
$SIG{HUP} = sub { $wanted = 1 };
send $socket, 'READY=1', 0;
while (1) {
  select undef, undef, undef, 0.05;
  next if !$wanted;
  $wanted = 0;
  $count++;
  my ($seconds) = do { open my $file, '<', '/proc/uptime'; <$file> } =~ /^([\d.]+)/;
  # The file counts in hundredths; the next one is surely later than the signal.
  send $socket, sprintf("RELOADING=1\nMONOTONIC_USEC=%d", ($seconds + 0.01) * 1e6), 0;
  send $socket, "READY=1\nSTATUS=reloads: $count", 0;
}
