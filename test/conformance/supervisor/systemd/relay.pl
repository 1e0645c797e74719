#!/usr/bin/perl
# Passes bytes between its standard input and output and the socket that it is given.
# systemd only answers who is in its own PID namespace, so that this is run there.
use strict;
use warnings;
use IO::Select;
use IO::Socket::UNIX;

my $socket = IO::Socket::UNIX->new(Peer => $ARGV[0]) or die "cannot connect to $ARGV[0]: $!\n";
my %to = (fileno(STDIN) => $socket, fileno($socket) => \*STDOUT);
my $select = IO::Select->new(\*STDIN, $socket);
while (1) {
    for my $from ($select->can_read) {
        sysread($from, my $bytes, 65_536) or exit 0;
        my $out = $to{fileno($from)};
        while (length $bytes) {
            my $written = syswrite($out, $bytes) or exit 1;
            substr($bytes, 0, $written) = '';
        }
    }
}
