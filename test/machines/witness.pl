# One copy of a unit, and a witness against any other: `perl witness.pl DIRECTORY`, the directory being one that all
# machines share.
#
# Each copy has a file of its own there (made with O_EXCL) and writes the time into it 30 times a second. One that finds
# a time in another's file at which it ran itself has seen two run, and says so in `errors`. Times are those of
# /proc/uptime, which machines on one host have in common.
#
# A copy that was stopped together with its machine lets a moment pass before it looks or writes: in that it is to be
# killed. So much no program on the machine can promise; only the storage can, by the token.
use strict;
use warnings;
use Fcntl;

use constant { BEAT_S => 0.03, PAUSED_MS => 500, MOMENT_S => 3 };

my ($home) = @ARGV;
my $machine = read_line('/proc/sys/kernel/hostname');
my $began = uptime_ms();
my $me = "$machine-$$-$began";

sub read_line {
  my ($path) = @_;
  open my $file, '<', $path or return '';
  chomp(my $line = readline($file) // '');
  return $line;
}

sub uptime_ms { return int(1000 * (split ' ', read_line('/proc/uptime'))[0]) }

sub note {
  my ($name, $line) = @_;
  open my $file, '>>', "$home/$name" or die "$home/$name: $!\n";
  syswrite $file, "$line\n";
}

# Another's file that shows it running after this copy began.
sub another {
  opendir my $beats, "$home/beats" or die "$home/beats: $!\n";
  my @others = grep { !/^\./ && $_ ne $me } readdir $beats;
  return grep { (read_line("$home/beats/$_") || 0) > $began } @others;
}

mkdir "$home/beats";
sysopen my $beat, "$home/beats/$me", O_WRONLY | O_CREAT | O_EXCL or die "$me: $!\n";
note('starts', "$machine $began " . ($ENV{FLOTILLA_FENCING_TOKEN} // '0'));
my $last = $began;
while (1) {
  my $now = uptime_ms();
  if ($now - $last > PAUSED_MS) {
    select undef, undef, undef, MOMENT_S;
    $last = uptime_ms();
    next;
  }
  $last = $now;
  # A copy that is stopped here writes a time at which it did run.
  sysseek $beat, 0, 0;
  syswrite $beat, sprintf "%015d\n", $now;
  my @others = another();
  note('errors', "$me at $now: @others") if @others && uptime_ms() - $now < PAUSED_MS;
  select undef, undef, undef, BEAT_S;
}
