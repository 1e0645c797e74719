# The fence of a machine whose units systemd runs: kills a held unit when its time has come. It is a service of systemd,
# there also when the daemon is not, is stopped, or has lost the store; and it asks nobody, not even systemd, to kill.
#
# A hold is a file, held/UNIT, that the daemon puts anew each time it puts the hold off. systemd starts the unit only
# while it is there, by the unit's drop-in. When its time has come it is moved to passed/UNIT, so that nothing can be
# started any more, and then whatever is in the unit's cgroup is killed. killed/UNIT has the ID of the run that ended so.
#
# Times are those of /proc/uptime, which the daemon reads as well, and which goes on while the machine is suspended; so
# does the timer, which has elapsed when the machine, or a fence that was stopped, goes on. What is known is in the files:
# a fence that was killed is started anew and goes on.
use strict;
use warnings;
use Config;

use constant {
  CLOCK_BOOTTIME => 7,
  # Close on exec, and never wait.
  DESCRIPTOR_FLAGS => 02000000 | 04000,
  IN_CLOSE_WRITE => 0x8, IN_MOVED_TO => 0x80, IN_Q_OVERFLOW => 0x4000,
  AF_UNIX => 1, SOCK_DGRAM => 2,
  NS_PER_MS => 1_000_000,
  NEVER => 9**15,
  # What was being started when the time came shows up a little later.
  KILL_FOR_MS => 2_000, KILL_EVERY_MS => 20,
};

my %NUMBERS = (
  x86_64 => { timerfd_create => 283, timerfd_settime => 286, inotify_init1 => 294, inotify_add_watch => 254 },
  aarch64 => { timerfd_create => 85, timerfd_settime => 86, inotify_init1 => 26, inotify_add_watch => 27 },
);
$NUMBERS{riscv64} = $NUMBERS{aarch64};
my ($architecture) = $Config{archname} =~ /^(\w+?)-/;
my $number = $NUMBERS{$architecture} or die "no system call numbers for $architecture\n";

my ($home) = @ARGV;
# Milliseconds of boot time, by unit: until when it may run, and until when it is looked for after that.
my (%until, %killing);

sub uptime_ms { return 1000 * (split ' ', read_file('/proc/uptime'))[0] }

sub read_file {
  my ($path) = @_;
  open my $file, '<', $path or return undef;
  my $text = '';
  1 while sysread $file, $text, 65536, length $text;
  return $text;
}

sub write_file {
  my ($path, $text) = @_;
  open my $file, '>', $path or return;
  syswrite $file, $text;
}

# In a file that is damaged the time has come.
sub until_in {
  my $text = read_file($_[0]) // return undef;
  my ($until) = $text =~ /^# until (\d+|never)$/m or return 0;
  return $until eq 'never' ? NEVER : $until;
}

sub names_in {
  opendir my $directory, $_[0] or return;
  return grep { !/^\./ } readdir $directory;
}

sub take_note {
  my ($unit) = @_;
  my $until = until_in("$home/held/$unit") // return delete $until{$unit};
  $until{$unit} = $until;
  delete $killing{$unit} if $until > uptime_ms();
}

# Moved away first, since it may be put off until that moment. The daemon may have done so itself.
sub expire {
  my ($unit) = @_;
  delete $until{$unit};
  rename "$home/held/$unit", "$home/passed/$unit";
  my $until = until_in("$home/passed/$unit") // return;
  if ($until > uptime_ms()) {
    rename "$home/passed/$unit", "$home/held/$unit";
    return take_note($unit);
  }
  $killing{$unit} = uptime_ms() + KILL_FOR_MS;
  kill_unit($unit);
}

sub kill_unit {
  my ($unit) = @_;
  for my $cgroup (cgroups_of($unit)) {
    my @processes = processes_in($cgroup) or next;
    my $run = readlink "/run/systemd/units/invocation:$unit";
    write_file("$home/killed/$unit", $run) if defined $run;
    write_file("$cgroup/cgroup.kill", '1');
    # Where the kernel cannot kill a cgroup; what they fork meanwhile is found the next time.
    kill 'KILL', @processes;
  }
}

# systemd's hierarchy: of version 2 alone, of version 1, or of both.
sub cgroups_of {
  my ($unit) = @_;
  my @roots = grep { -e "$_/cgroup.procs" } map { "/sys/fs/cgroup$_" } '', '/unified', '/systemd';
  return map { named($unit, $_) } @roots;
}

# A unit's cgroup is in those of its slices. A name that could be one of the kernel's files has an underscore before it.
sub named {
  my ($unit, $within) = @_;
  my @names = names_in($within);
  my @found = map { "$within/$_" } grep { $_ eq $unit || $_ eq "_$unit" } @names;
  return @found, map { named($unit, "$within/$_") } grep { /\.slice$/ } @names;
}

# With those of the cgroups below, which a unit may have made.
sub processes_in {
  my ($cgroup) = @_;
  my @below = grep { -d && !-l } map { "$cgroup/$_" } names_in($cgroup);
  return split(' ', read_file("$cgroup/cgroup.procs") // ''), map { processes_in($_) } @below;
}

my $timer = open_descriptor(syscall $number->{timerfd_create}, CLOCK_BOOTTIME, DESCRIPTOR_FLAGS);
my $watch = open_descriptor(syscall $number->{inotify_init1}, DESCRIPTOR_FLAGS);

sub open_descriptor {
  my ($descriptor) = @_;
  open my $handle, '<&=', $descriptor or die "no descriptor: $!\n";
  return $handle;
}

# The kernel wakes the fence when the next time comes, or a kill is to be repeated. Zero would disarm the timer.
sub arm {
  my $now = uptime_ms();
  my ($next) = sort { $a <=> $b } values %until, map { $now + KILL_EVERY_MS } keys %killing;
  return if !defined $next || $next == NEVER;
  my $left = $next > $now ? int($next - $now) : 1;
  my $when = pack 'q4', 0, 0, int($left / 1000), $left % 1000 * NS_PER_MS;
  syscall $number->{timerfd_settime}, fileno $timer, 0, $when, 0;
}

sub watch_holds {
  my $path = "$home/held\0";
  my $added = syscall $number->{inotify_add_watch}, fileno $watch, $path, IN_CLOSE_WRITE | IN_MOVED_TO;
  die "$home/held: $!\n" if $added < 0;
  take_note($_) for names_in("$home/held");
}

# inotify(7): each event has a head of 16 bytes, and the name in NULs.
sub take_changes {
  sysread $watch, my $events, 65536 or return;
  while (length $events) {
    my ($mask, $length) = unpack 'x4 L x4 L', $events;
    my $unit = unpack "x16 Z$length", $events;
    substr $events, 0, 16 + $length, '';
    if ($mask & IN_Q_OVERFLOW) { take_note($_) for names_in("$home/held") }
    elsif ($unit !~ /^\./) { take_note($unit) }
  }
}

sub act {
  my $now = uptime_ms();
  expire($_) for grep { $until{$_} <= $now } keys %until;
  for my $unit (keys %killing) {
    delete $killing{$unit} if $killing{$unit} <= $now || -e "$home/held/$unit";
    kill_unit($unit) if $killing{$unit};
  }
}

# sd_notify(3)
sub say_ready {
  my $address = $ENV{NOTIFY_SOCKET} // return;
  $address =~ s/^@/\0/;
  socket my $socket, AF_UNIX, SOCK_DGRAM, 0 or return;
  send $socket, 'READY=1', 0, pack 'S a*', AF_UNIX, $address;
}

$0 = 'flotilla-fence';
# It is to be the first to move when a machine goes on; where that is not allowed, it is one of all.
eval { setpriority 0, 0, -20 };
mkdir $home;
mkdir "$home/$_" for qw(held passed killed);
watch_holds();
act();
say_ready();
while (1) {
  arm();
  my $ready = '';
  vec($ready, fileno $_, 1) = 1 for $timer, $watch;
  select $ready, undef, undef, undef;
  sysread $timer, my $elapsed, 8;
  take_changes();
  act();
}
