# The writing end of a unit's journal. journal/record.ts is the reading end and says what a file holds: sources, which are
# what many lines have in common, and lines that point to theirs.
#
# Lines are written as they are read, a chunk at a time, so that a unit that writes much costs little. A full disk loses
# lines, never the service, and the journal says how many as soon as it can.
use strict;
use warnings;

# journald's: a longer line is cut; so many classes of priorities have a rate of their own.
use constant { LINE_MAX => 48 * 1024, WARNING => 4, INFO => 6, CRITICAL => 2, CLOCK_SLACK => 0.05 };
my @RATE_CLASS = (0, 0, 0, 1, 2, 3, 3, 4);
my $DROPPED = 'MESSAGE_ID=a596d6fe7bfa4994828e72309e95d61e';

my ($directory, $file_bytes, $files, $file_age_us);
my ($unit_fields, $own_fields);   # of what the unit writes, and of what is written about it

my ($journal, $journal_number, $journal_size, $journal_since, $last_stamp);
my %source_at;        # text of a source => where it is in the file
my $lost = 0;         # lines that could not be written
my $lost_why = '';
my %rate;             # class of priorities => [beginning of the interval, lines in it, dropped in it]

sub open_journal {
  my ($place) = @_;
  ($directory, $file_bytes, $files, my $age_ms) = @$place{qw(journal_dir file_bytes files file_age)};
  ($unit_fields, $own_fields) = @$place{qw(unit_fields own_fields)};
  $file_age_us = $age_ms * 1000;
  is_open();
}

# A journal that cannot be opened is tried again for the next lines; the unit runs without.
sub is_open {
  return 1 if $journal;
  mkdir $directory;
  opendir my $dir, $directory or return 0;
  my ($last) = sort { $b <=> $a } grep { /^\d+$/ } readdir $dir;
  open_file($last || 1) or return 0;
  my $written = (stat $journal)[9];
  # Within a file time never goes back, so that a time can be found in it.
  next_file() if $journal_size && $written > time + 1;
  return 1;
}

# Begins or goes on with a file. A last line that a power cut has torn is closed by what no line holds.
sub open_file {
  my ($number) = @_;
  open my $file, '+>>', "$directory/$number" or return 0;
  ($journal, $journal_number, $journal_size, $last_stamp) = ($file, $number, -s $file, 0);
  %source_at = ();
  $journal_since = undef;
  return 1 if !$journal_size;
  sysseek $journal, 0, 0;
  sysread $journal, my $first, 32;
  ($journal_since) = ($first // '') =~ /^@(\d+)/;
  sysseek $journal, -1, 2;
  sysread $journal, my $last, 1;
  append("\0\n", 0) if $last ne "\n";
  return 1;
}

# Goes on in a new file, or in this one where none can be made.
sub next_file {
  my $next = $journal_number + 1;
  open_file($next) or return;
  unlink "$directory/" . ($next - $files);
  tell_clients(message('rotated'));
}

# Microseconds since 1970 and since the machine came up.
sub now {
  my @clocks = map {
    my $time = pack 'qq', 0, 0;
    sys('clock_gettime', $_, $time);
    my ($seconds, $nanoseconds) = unpack 'qq', $time;
    $seconds * 1_000_000 + int($nanoseconds / 1000);
  } 0, 1;
  return @clocks;
}

# Writes lines that end in newlines and hold no NUL, of one source and priority. The text is the caller's own, because
# Perl keeps the memory of every copy.
sub write_lines {
  my ($fields, $priority) = @_;
  my $count = $_[2] =~ tr/\n//;
  return lose($count, "$!") if !is_open();
  my ($now, $monotonic) = now();
  next_file() if $journal_size >= $file_bytes || $now < $last_stamp
    || $journal_size && $now - ($journal_since // $now) > $file_age_us;
  $last_stamp = $now;
  $journal_since //= $now;
  report_lost($now, $monotonic) if $lost;
  my $source = source($fields, $now) // return lose($count, $lost_why);
  $_[2] =~ s/^/$now $monotonic $source $priority /mg;
  my $ok = append($_[2], $count);
  sys('fdatasync', fileno $journal) if $ok && $priority <= CRITICAL;
}

# Where the source is in the file. That is asked once it is there: the shim before this one may still be writing, and the
# daemon writes its own lines.
sub source {
  my ($fields, $now) = @_;
  return $source_at{$fields} if defined $source_at{$fields};
  # Few are in use at a time; those about a unit's jobs come and go.
  %source_at = () if keys %source_at > 50;
  my $line = "\@$now $fields\n";
  append($line, 0) or return undef;
  $journal_size = sysseek $journal, 0, 1;
  return $source_at{$fields} = $journal_size - length $line;
}

sub append {
  my $written = syswrite $journal, $_[0];
  if (defined $written && $written == length $_[0]) {
    $journal_size += $written;
    return 1;
  }
  lose($_[1], defined $written ? 'No space left on device' : "$!");
  truncate $journal, sysseek($journal, 0, 1) - $written if $written;
  return 0;
}

sub lose { my ($count, $why) = @_; $lost += $count; $lost_why = $why }

sub report_lost {
  my ($now, $monotonic) = @_;
  my $source = source($own_fields, $now) // return;
  append("$now $monotonic $source @{[WARNING]} $lost messages were lost: $lost_why\n", 0) and $lost = 0;
}

# A line of the daemon's about the unit.
sub journal_log {
  my ($request) = @_;
  my $text = $request->{text}[0];
  $text =~ tr/\n\0/  /;
  $text .= "\n";
  write_lines($request->{fields}[0] // $own_fields, $request->{priority}[0], $text);
}

# --- output ----------------------------------------------------------------------------------------------------------

# Moves whole lines of an output into the journal, and what is left over when there will be no more. A NUL ends a line.
sub journal_output {
  my ($output, $is_end) = @_;
  $output->{rest} =~ tr/\0/\n/;
  $output->{rest} .= "\n" if $is_end && $output->{rest} =~ /[^\n]\z/;
  cut_lines($output);
  my $end = 1 + rindex $output->{rest}, "\n";
  return if !$end;
  my $text = substr $output->{rest}, 0, $end, '';
  # Empty lines are left out, as journald does.
  $text =~ tr/\n//s;
  $text =~ s/^\n//;
  my $log = $output->{log} //= output_log($output);
  return take_lines($log, $log->{level}, $text) if !$log->{prefix} || $text !~ /^</m;
  for (by_priority($log, $text)) { take_lines($log, @$_) }
}

# Ends lines that are too long where they are.
sub cut_lines {
  my ($output) = @_;
  my $from = 0;
  while (length($output->{rest}) - $from > LINE_MAX) {
    my $end = rindex $output->{rest}, "\n", $from + LINE_MAX;
    if ($end < $from) {
      $end = $from + LINE_MAX;
      substr $output->{rest}, $end, 0, "\n";
    }
    $from = $end + 1;
  }
}

# Pieces of [priority, lines] of output that has priorities of its own.
sub by_priority {
  my ($log) = @_;
  my @pieces;
  for my $line (split /^/, $_[1]) {
    my $priority = $line =~ s/^<0{0,2}([0-7])>// ? $1 : $log->{level};
    next if $line eq "\n";
    if (@pieces && $pieces[-1][0] == $priority) { $pieces[-1][1] .= $line }
    else { push @pieces, [$priority, $line] }
  }
  return @pieces;
}

sub take_lines {
  my ($log, $priority) = @_;
  return if $priority > $log->{max};
  $_[2] = within_rate(@_) if $log->{burst};
  write_lines($log->{fields}, $priority, $_[2]) if length $_[2];
}

# LogRateLimitIntervalSec= and LogRateLimitBurst=: the lines that are still allowed.
sub within_rate {
  my ($log, $priority, $text) = @_;
  my ($now) = now();
  my $class = $rate{ $RATE_CLASS[$priority] } //= [$now, 0, 0];
  if ($now - $class->[0] >= $log->{interval}) {
    report_dropped($class);
    @$class = ($now, 0, 0);
  }
  my $count = $text =~ tr/\n//;
  my $room = $log->{burst} - $class->[1];
  $room = 0 if $room < 0;
  $class->[1] += $count;
  return $text if $count <= $room;
  $class->[2] += $count - $room;
  return join '', (split /^/, $text)[0 .. $room - 1];
}

sub report_dropped {
  my ($class) = @_;
  my $count = $class->[2] or return;
  $class->[2] = 0;
  my ($unit) = $own_fields =~ /(?:^|\t)UNIT=([^\t]*)/;
  my $text = "Suppressed $count messages from $unit\n";
  write_lines("$own_fields\t$DROPPED\tN_DROPPED=$count", WARNING, $text);
}

# What was held back is told before the shim ends.
sub finish_journal { report_dropped($_) for values %rate }

# What is the same for all lines of an output. Who writes is asked of the kernel when the first line is there, because
# by then the command runs; one that has ended already is what it was asked to be.
sub output_log {
  my ($output) = @_;
  my ($pid, $request) = @$output{qw(pid request)};
  my %asked = map { $_ => $request->{$_}[0] } qw(uid gid path log_identifier log_facility log_level log_prefix log_max);
  my ($invocation) = map { /^INVOCATION_ID=(.*)/s } @{ $request->{env} || [] };
  my $cmdline = read_file("/proc/$pid/cmdline");
  $cmdline = join "\0", @{ $request->{argv} || [] } if !defined $cmdline || !length $cmdline;
  my ($cgroup) = (read_file("/proc/$pid/cgroup") // '') =~ /^0::(.*)$/m;
  my @fields = (
    SYSLOG_IDENTIFIER => $asked{log_identifier} // $asked{path} =~ s{^.*/}{}r,
    SYSLOG_FACILITY => $asked{log_facility},
    _PID => $pid,
    _UID => $asked{uid} // $>,
    _GID => $asked{gid} // (split / /, $()[0],
    _COMM => read_file("/proc/$pid/comm"),
    _EXE => readlink("/proc/$pid/exe") // $asked{path},
    _CMDLINE => $cmdline =~ s/\0+\z//r =~ tr/\0/ /r,
    _SYSTEMD_CGROUP => $cgroup,
    _SYSTEMD_INVOCATION_ID => $invocation,
  );
  my @texts = map { escaped($_) } @{ $request->{log_field} || [] };
  while (my ($name, $value) = splice @fields, 0, 2) { push @texts, "$name=" . escaped($value) if length($value // '') }
  return {
    fields => join("\t", $unit_fields, @texts), level => $asked{log_level} // INFO, prefix => $asked{log_prefix} // 1,
    max => $asked{log_max} // 7, interval => 1000 * ($request->{log_interval_ms}[0] // 0),
    burst => $request->{log_burst}[0] // 0,
  };
}

1;
