# Runs a command and becomes the parent of whatever it leaves behind, also of what has a session and an environment of
# its own: a child subreaper, as prctl(2) has it. Says on descriptor 3 how the command ended and keeps what is left
# until that is closed. SIGTERM ends the command.
use strict;
use warnings;

use constant { PR_SET_CHILD_SUBREAPER => 36, OWNER_FD => 3 };

my ($home) = $0 =~ m{^(.*)/};
require "$home/../src/supervisor/embedded/shim/system.pl";

sys('prctl', PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0 or die "prctl: $!\n";
open my $owner, '+<&=', OWNER_FD or die "descriptor 3: $!\n";
my $command = fork // die "fork: $!\n";
if (!$command) { exec @ARGV or die "$ARGV[0]: $!\n" }
$SIG{TERM} = sub { kill KILL => $command };
# What has been left behind and ends meanwhile is reaped on the way.
1 until wait == $command;
my $status = $? & 127 ? 1 : $? >> 8;
syswrite $owner, "$status\n";
readline $owner;
exit $status;
