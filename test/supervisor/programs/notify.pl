# Sends each argument as a notification, a semicolon meaning a new line, and then sleeps unless it is told not to.
use Socket;
my $sleeps = $ARGV[0] ne 'and-exit' || !shift @ARGV;
socket my $socket, AF_UNIX, SOCK_DGRAM, 0 or die;
(my $name = $ENV{NOTIFY_SOCKET}) =~ s/^@/\0/;
for (@ARGV) {
  s/;/\n/g;
  send $socket, $_, 0, pack_sockaddr_un($name) or die;
}
# Whoever is gone when its message is read is nobody.
$sleeps ? sleep 1000 : select undef, undef, undef, 0.2;
