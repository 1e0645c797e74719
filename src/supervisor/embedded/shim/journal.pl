# The writing end of a unit's journal: files 1, 2, 3, … of lines; journal/format.ts is the reading end.
use strict;
use warnings;

my ($directory, $file_bytes, $files);
my ($journal, $journal_number, $journal_size);

sub journal_line { journal_lines([@_]) }

# Lines of microseconds, stream, priority, process, text; written together, because they were read together. A full
# disk loses lines, never the service.
sub journal_lines {
  my (@entries) = @_;
  my $now = pack 'qq', 0, 0;
  sys('clock_gettime', 0, $now);
  my ($seconds, $nanoseconds) = unpack 'qq', $now;
  my $stamp = sprintf '%d%06d', $seconds, $nanoseconds / 1000;
  my $text = '';
  for (@entries) {
    my ($stream, $priority, $pid, $line) = @$_;
    $line =~ tr/\n\0/  /;
    $text .= "$stamp $stream $priority $pid $line\n";
  }
  my $written = syswrite $journal, $text;
  $journal_size += $written // 0;
  rotate_journal() if $journal_size >= $file_bytes;
}

sub open_journal {
  ($directory, $file_bytes, $files) = @_;
  mkdir $directory;
  opendir my $dir, $directory or die "$directory: $!\n";
  my ($last) = sort { $b <=> $a } grep { /^\d+$/ } readdir $dir;
  $journal_number = $last || 1;
  open $journal, '>>', "$directory/$journal_number" or die "$directory: $!\n";
  $journal_size = -s $journal;
}

sub rotate_journal {
  my $next = $journal_number + 1;
  open my $file, '>>', "$directory/$next" or return;
  ($journal, $journal_number, $journal_size) = ($file, $next, 0);
  unlink "$directory/" . ($next - $files);
}

1;
