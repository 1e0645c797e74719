# Who descends from a shim. A process whose parent ends becomes the shim's child, so that none is ever lost.
use strict;
use warnings;

# Kernels can be built without these files; then every process of the machine has to be looked at.
my $has_lists = -e "/proc/self/task/$$/children";

# Also of one that has ended and waits for its parent; one that is gone without a trace is nobody's.
sub is_descendant {
  my ($pid) = @_;
  while ($pid > 1) {
    return 1 if $pid == $$;
    my $stat = read_file("/proc/$pid/stat") // return 0;
    ($pid) = $stat =~ /\) \S (\d+) /s or return 0;
  }
  return 0;
}

# Not one that has ended and waits to be reaped.
sub is_alive { (read_file("/proc/$_[0]/stat") // ') X') =~ /\) [^ZX] /s }

# Those that have ended and wait to be reaped are left out.
sub children_of {
  my ($pid) = @_;
  return @{ children_by_parent()->{$pid} || [] } if !$has_lists;
  return grep { is_alive($_) } listed_children($pid);
}

# A child that ends during the reading can hide another from it; who must not miss any looks again.
sub listed_children {
  my ($pid) = @_;
  opendir my $tasks, "/proc/$pid/task" or return;
  my $text = '';
  for my $task (grep { /^\d+$/ } readdir $tasks) {
    open my $file, '<', "/proc/$pid/task/$task/children" or next;
    1 while sysread $file, $text, 65536, length $text;
  }
  return split ' ', $text;
}

sub children_by_parent {
  my %children;
  opendir my $proc, '/proc' or return \%children;
  for my $pid (grep { /^\d+$/ } readdir $proc) {
    my $stat = read_file("/proc/$pid/stat");
    next if !defined $stat || $stat !~ /\) (\S) (\d+) /s || $1 eq 'Z' || $1 eq 'X';
    push @{ $children{$2} }, $pid;
  }
  return \%children;
}

sub descendants {
  my $table = $has_lists ? undef : children_by_parent();
  my @found;
  my @queue = ($$);
  while (defined(my $pid = shift @queue)) {
    my @children = $table ? @{ $table->{$pid} || [] } : children_of($pid);
    push @found, @children;
    push @queue, @children;
  }
  return @found;
}

1;
