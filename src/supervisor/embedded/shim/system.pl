# The system calls Perl has no function for, and small things about files and sockets.
use strict;
use warnings;
no warnings 'portable';
use Config;

use constant { AF_UNIX => 1, SOCK_STREAM => 1, F_SETFL => 4, O_NONBLOCK => 2048 };

# Numbers of system calls Perl has no function for.
my %SYSCALLS = (
  'x86_64' => {
    sendmsg => 46, recvmsg => 47, mknodat => 259, timerfd_create => 283, timerfd_settime => 286, inotify_init1 => 294, inotify_add_watch => 254, dup3 => 292, fcntl => 72, eventfd2 => 290, epoll_create1 => 291, epoll_ctl => 233, epoll_pwait => 281, kcmp => 312, setsid => 112, setgroups => 116, setresuid => 117, setresgid => 119, rt_sigprocmask => 14,
    prctl => 157, clock_gettime => 228, exit_group => 231, fdatasync => 75, pidfd_open => 434, set_mempolicy => 238, signalfd4 => 289, prlimit64 => 302,
    sched_setaffinity => 203, sched_setscheduler => 144, ioprio_set => 251, personality => 135, capget => 125, capset => 126,
    unshare => 272, setns => 308, mount => 165, umount2 => 166, pivot_root => 155, memfd_create => 319,
  },
  'aarch64' => {
    sendmsg => 211, recvmsg => 212, mknodat => 33, timerfd_create => 85, timerfd_settime => 86, inotify_init1 => 26, inotify_add_watch => 27, dup3 => 24, fcntl => 25, eventfd2 => 19, epoll_create1 => 20, epoll_ctl => 21, epoll_pwait => 22, kcmp => 272, setsid => 157, setgroups => 159, setresuid => 147, setresgid => 149, rt_sigprocmask => 135,
    prctl => 167, clock_gettime => 113, exit_group => 94, fdatasync => 83, pidfd_open => 434, set_mempolicy => 237, signalfd4 => 74, prlimit64 => 261,
    sched_setaffinity => 122, sched_setscheduler => 119, ioprio_set => 30, personality => 92, capget => 90, capset => 91,
    unshare => 97, setns => 268, mount => 40, umount2 => 39, pivot_root => 41, memfd_create => 279,
  },
);
$SYSCALLS{riscv64} = $SYSCALLS{aarch64};
my ($architecture) = $Config{archname} =~ /^(\w+?)-/;
my $SYS = $SYSCALLS{$architecture} or die "no system call numbers for $architecture\n";

sub sys {
  my ($name, @arguments) = @_;
  # syscall passes numbers as integers and strings as pointers; buffers must be the caller's own.
  return syscall $SYS->{$name} if !@arguments;
  return syscall $SYS->{$name}, $arguments[0] if @arguments == 1;
  return syscall $SYS->{$name}, $_[1], $_[2] if @arguments == 2;
  return syscall $SYS->{$name}, $_[1], $_[2], $_[3] if @arguments == 3;
  return syscall $SYS->{$name}, $_[1], $_[2], $_[3], $_[4] if @arguments == 4;
  return syscall $SYS->{$name}, $_[1], $_[2], $_[3], $_[4], $_[5];
}

sub read_file {
  my ($path) = @_;
  open my $file, '<', $path or return undef;
  sysread $file, my $text, 65536;
  $text =~ s/\n$// if defined $text;
  return $text;
}

sub write_file {
  my ($path, $text) = @_;
  open my $file, '>', $path or return 0;
  return defined syswrite $file, $text;
}

sub nonblocking { fcntl $_[0], F_SETFL, O_NONBLOCK }

# Paths of sockets are limited to 107 bytes; from within a directory of any depth the name is enough.
sub listener {
  my ($directory, $name) = @_;
  chdir $directory or die "$directory: $!\n";
  socket my $listener, AF_UNIX, SOCK_STREAM, 0 or die "socket: $!\n";
  bind $listener, pack('S Z*', AF_UNIX, "$name.socket") or die "bind: $!\n";
  # Commands fetch their sockets here, many at once; a daemon that is turned away takes the shim for gone.
  listen $listener, 4096 or die "listen: $!\n";
  nonblocking($listener);
  return $listener;
}

# Ends the process without taking its data apart first, which would copy the pages it shares.
sub leave { sys('exit_group', $_[0]) }

1;
