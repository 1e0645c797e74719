# Serves the one connection it was given: says how many sockets there are, their names, who is at the other end, its
# instance and what it was sent.
use strict;
use warnings;
exit 7 if ($ENV{LISTEN_PID} // 0) != $$;
open my $client, '+<&=', 3 or die "descriptor 3: $!\n";
my $text = join '', <$client>;
syswrite $client, join ' ', @ENV{qw(LISTEN_FDS LISTEN_FDNAMES)}, $ENV{REMOTE_ADDR} // '-', $ARGV[0], $text;
