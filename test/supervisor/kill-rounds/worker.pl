# A service that keeps a ledger of its life: `worker.pl DIRECTORY NAME LINES EXIT [ready|fork]` writes so many numbered
# lines (0: without end) and exits; `worker.pl DIRECTORY NAME post` notes how the service ended.
# Each entry and each line begins with the ID of the run, so that none can be counted for another.
use strict;
use warnings;
use Fcntl qw(:DEFAULT :flock);
use Socket;

my ($directory, $name, $lines, $exit, $way) = (@ARGV, '');
my $run = $ENV{INVOCATION_ID};

sub note {
    sysopen my $ledger, "$directory/$name.ledger", O_WRONLY | O_APPEND | O_CREAT or die;
    syswrite $ledger, join(' ', @_) . "\n";
}

if ($lines eq 'post') {
    note('post', $run, map { $_ // '-' } @ENV{qw(SERVICE_RESULT EXIT_CODE EXIT_STATUS)});
    exit 0;
}

if ($way eq 'fork') {
    defined(my $child = fork) or die;
    exit 0 if $child;
}

open my $lock, '>', "$directory/$name.lock" or die;
note('doubled', $run) unless flock $lock, LOCK_EX | LOCK_NB;
note('start', $run, $$);

if ($way eq 'ready') {
    socket my $socket, AF_UNIX, SOCK_DGRAM, 0 or die;
    (my $address = $ENV{NOTIFY_SOCKET}) =~ s/^@/\0/;
    send $socket, 'READY=1', 0, pack_sockaddr_un($address) or die;
}

my $written = 0;
my $asked;
$SIG{TERM} = sub { $asked = 1 };
until ($asked || $lines && $written == $lines) {
    $written++;
    syswrite STDOUT, "$run $written\n";
    select undef, undef, undef, 0.03;
}
note('end', $run, $written, $asked ? 0 : $exit);
exit($asked ? 0 : $exit);
