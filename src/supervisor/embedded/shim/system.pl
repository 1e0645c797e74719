# The system calls Perl has no function for, and small things about files.
use strict;
use warnings;
use Config;

# Numbers of system calls Perl has no function for.
my %SYSCALLS = (
  'x86_64' => {
    recvmsg => 47, setsid => 112, setgroups => 116, setresuid => 117, setresgid => 119, rt_sigprocmask => 14,
    prctl => 157, clock_gettime => 228, signalfd4 => 289, prlimit64 => 302,
  },
  'aarch64' => {
    recvmsg => 212, setsid => 157, setgroups => 159, setresuid => 147, setresgid => 149, rt_sigprocmask => 135,
    prctl => 167, clock_gettime => 113, signalfd4 => 74, prlimit64 => 261,
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

1;
