# Messages between the daemon and its spawner and shims: lines of a verb and key=value fields separated by tabs, with
# %, tab, newline and NUL written as %XX. protocol.ts is the other end.
use strict;
use warnings;

# What is read at a time.
use constant READ_BYTES => 16 * 1024;

sub message {
  my ($verb, @fields) = @_;
  my $line = $verb;
  while (my ($key, $value) = splice @fields, 0, 2) {
    $line .= "\t$key=" . escaped($value);
  }
  return "$line\n";
}

# The first line of what was received, taken off without its end; nothing where there is none that is whole. (A
# substitution would copy all that is behind it.)
sub take_line {
  my $end = index $_[0], "\n";
  return if $end < 0;
  my $line = substr $_[0], 0, $end;
  substr $_[0], 0, $end + 1, '';
  return $line;
}

sub escaped { $_[0] =~ s/([%\t\n\0])/sprintf '%%%02X', ord $1/ger }

# The verb, and the values of each key in order.
sub parse_message {
  my ($verb, @pairs) = split /\t/, $_[0];
  my %fields;
  for (@pairs) {
    my ($key, $value) = split /=/, $_, 2;
    $value =~ s/%([0-9A-F]{2})/chr hex $1/ge;
    push @{ $fields{$key} }, $value;
  }
  return ($verb, \%fields);
}

1;
