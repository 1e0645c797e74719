# Stores a file that has no name with FDSTORE=1, and says what it was given by the run before.
use Config;
use Socket;
$| = 1;
if ($ENV{LISTEN_FDS}) {
  open my $given, '<&=', 3 or die;
  sysseek $given, 0, 0;
  sysread $given, my $text, 100;
  print "$ENV{LISTEN_FDS} $ENV{LISTEN_FDNAMES} $text\n";
  sleep 1000;
}
open my $file, '+>', undef or die;
syswrite $file, 'from the first run';
socket my $socket, AF_UNIX, SOCK_DGRAM, 0 or die;
(my $name = $ENV{NOTIFY_SOCKET}) =~ s/^@/\0/;
connect $socket, pack_sockaddr_un($name) or die;
my $control = pack 'QII i x4', 20, 1, 1, fileno $file;
my $text = "FDSTORE=1\nFDNAME=mine";
my $iov = pack 'PQ', $text, length $text;
my $header = pack 'QL x4 PQ PQ i x4', 0, 0, $iov, 1, $control, length $control, 0;
syscall($Config{archname} =~ /^x86_64/ ? 46 : 211, fileno $socket, $header, 0) >= 0 or die;
print "stored\n";
sleep 1000;
