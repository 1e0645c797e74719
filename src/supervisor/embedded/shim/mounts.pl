# The file system as a command of a unit sees it. The daemon has planned the mounts (exec/mount-plan.ts); here they are
# made, in the command's own mount namespace.
#
# As in systemd they are put together below a directory that is then made the root, so that what is mounted on one path
# can come from another that is hidden by then. Everything is mounted before anything is made read-only.
use strict;
use warnings;

use constant {
  MS_RDONLY => 1, MS_NOSUID => 2, MS_NODEV => 4, MS_NOEXEC => 8, MS_REMOUNT => 32, MS_BIND => 4096, MS_MOVE => 8192,
  MS_REC => 16384, MS_PRIVATE => 1 << 18, MS_SLAVE => 1 << 19, MS_SHARED => 1 << 20, MS_NOATIME => 1024, MS_NODIRATIME => 2048,
  MS_RELATIME => 1 << 21, S_IFCHR => 020000, MAX_LINKS => 40,
};

my %PROPAGATION = (shared => MS_SHARED, slave => MS_SLAVE, private => MS_PRIVATE);
my %FLAG_OF = (
  ro => MS_RDONLY, nosuid => MS_NOSUID, nodev => MS_NODEV, noexec => MS_NOEXEC, noatime => MS_NOATIME, nodiratime => MS_NODIRATIME,
  relatime => MS_RELATIME,
);

sub mount {
  my ($source, $target, $type, $flags, $data) = @_;
  my @texts = map { defined $_ ? "$_\0" : 0 } $source, $target, $type, $data;
  return sys('mount', $texts[0], $texts[1], $texts[2], $flags + 0, $texts[3]) == 0;
}

sub enter_mounts {
  my ($request) = @_;
  my $staging = $request->{staging}[0];
  my $root = "$staging/root";
  sys('unshare', CLONE_NEWNS) == 0 or die "namespace:$!\n";
  mount(undef, '/', undef, MS_SLAVE | MS_REC) or die "namespace:/: $!\n";
  my $from = $request->{root}[0] // '/';
  mount($from, $root, undef, MS_BIND | MS_REC) or die "namespace:$from: $!\n";
  my @entries = grep { make_mount($_, $root, $staging) } map { parse_entry($_) } @{ $request->{mount} || [] };
  my @placed = map { $_->{at} } @entries;
  for (@entries) { change_flags($_->{at}, MS_RDONLY, 0, \@placed) if $_->{kind} eq 'read-only' || $_->{read_only} }
  for (@entries) { change_flags($_->{at}, MS_NOEXEC, 0, \@placed) if $_->{kind} eq 'no-exec' }
  for (@entries) { change_flags($_->{at}, 0, MS_NOEXEC, \@placed) if $_->{kind} eq 'exec' }
  make_root($root);
  mount(undef, '/', undef, $PROPAGATION{ $request->{propagation}[0] } | MS_REC) or die "namespace:/: $!\n";
}

sub parse_entry {
  my %entry;
  @entry{qw(kind path optional source options flags read_only)} = split /\0/, $_[0], -1;
  return \%entry;
}

# A root that cannot be left behind, as that of an initial ramdisk, is covered.
sub make_root {
  my ($root) = @_;
  chdir $root or die "namespace:$root: $!\n";
  my ($new, $old) = (".\0", ".\0");
  if (sys('pivot_root', $new, $old) == 0) {
    sys('umount2', $old, MNT_DETACH) == 0 or die "namespace:$!\n";
  } else {
    mount($root, '/', undef, MS_MOVE) or die "namespace:/: $!\n";
    chroot '.' or die "namespace:$!\n";
  }
  chdir '/';
}

# --- one mount -----------------------------------------------------------------------------------------------------

my %MAKERS = (
  inaccessible => \&make_inaccessible, bind => \&make_bind, rbind => \&make_bind, dev => \&make_dev, proc => \&make_special,
  sysfs => \&make_special, mqueue => \&make_special, tmpfs => \&make_special, 'read-only' => \&make_point, 'read-write' => \&make_point,
  'read-write-implicit' => \&make_point, exec => \&make_point, 'no-exec' => \&make_point,
);

# False when there is nothing to mount and that is no failure.
sub make_mount {
  my ($entry, $root, $staging) = @_;
  $entry->{at} = chase($root, $entry->{path});
  $entry->{staging} = $staging;
  my $made = eval { $MAKERS{ $entry->{kind} }->($entry) // 0 };
  die "namespace:$entry->{path}: $@" if !defined $made;
  return $made;
}

sub is_missing {
  my ($entry, $path) = @_;
  return 0 if -e $path || -l $path;
  die "No such file or directory\n" if !$entry->{optional};
  return 1;
}

# Flags belong to mounts, so that a path whose flags are to change must be one.
sub make_point {
  my ($entry) = @_;
  return 0 if is_missing($entry, $entry->{at});
  return 1 if grep { $_->{at} eq $entry->{at} } mounts_below($entry->{at});
  mount($entry->{at}, $entry->{at}, undef, MS_BIND | MS_REC) or die "$!\n";
  return 1;
}

sub make_inaccessible {
  my ($entry) = @_;
  return 0 if is_missing($entry, $entry->{at});
  my $source = "$entry->{source}/" . (-d $entry->{at} ? 'directory' : 'file');
  mount($source, $entry->{at}, undef, MS_BIND) or die "$!\n";
  mount(undef, $entry->{at}, undef, MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC) or die "$!\n";
  return 1;
}

sub make_bind {
  my ($entry) = @_;
  my $source = chase('', $entry->{source});
  return 0 if is_missing($entry, $source);
  provide_point($entry->{at}, -d $source);
  mount($source, $entry->{at}, undef, MS_BIND | ($entry->{kind} eq 'rbind' ? MS_REC : 0)) or die "$!\n";
  return 1;
}

sub make_special {
  my ($entry) = @_;
  return 0 if $entry->{optional} && !-e $entry->{at};
  provide_point($entry->{at}, 1);
  mount($entry->{kind}, $entry->{at}, $entry->{kind}, $entry->{flags}, $entry->{options}) or die "$!\n";
  return 1;
}

# A /dev of harmless devices only: made aside, because its parts come from the one that it replaces.
sub make_dev {
  my ($entry) = @_;
  my $new = "$entry->{staging}/dev";
  mount('tmpfs', $new, 'tmpfs', MS_NOSUID | MS_NOEXEC, 'mode=0755') or die "$!\n";
  my $umask = umask 0;
  for (['null', 1, 3], ['zero', 1, 5], ['full', 1, 7], ['random', 1, 8], ['urandom', 1, 9], ['tty', 5, 0]) {
    make_device($new, @$_);
  }
  symlink $_->[1], "$new/$_->[0]"
    for ['fd', '/proc/self/fd'], ['stdin', '/proc/self/fd/0'], ['stdout', '/proc/self/fd/1'], ['stderr', '/proc/self/fd/2'],
    ['core', '/proc/kcore'], ['log', '/run/systemd/journal/dev-log'], ['ptmx', 'pts/ptmx'];
  for my $name (grep { -d "/dev/$_" } qw(pts shm mqueue hugepages)) {
    mkdir "$new/$name", 0755;
    mount("/dev/$name", "$new/$name", undef, MS_BIND | MS_REC) or die "$!\n";
  }
  umask $umask;
  # Now, because what is mounted below it stays writable.
  mount(undef, $new, undef, MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NOEXEC) or die "$!\n";
  mount($new, $entry->{at}, undef, MS_MOVE) or die "$!\n";
  return 1;
}

# Where devices may not be made, the machine's own are shown.
sub make_device {
  my ($directory, $name, $major, $minor) = @_;
  return if sys('mknodat', -100, "$directory/$name\0", S_IFCHR | 0666, $major << 8 | $minor) == 0;
  provide_point("$directory/$name", 0);
  mount("/dev/$name", "$directory/$name", undef, MS_BIND) or die "$name: $!\n";
}

# --- paths and flags -----------------------------------------------------------------------------------------------

# Where a path really leads below a root, links followed as if that were the machine's.
sub chase {
  my ($root, $path) = @_;
  my @todo = split m{/}, $path;
  my ($at, $links) = ('', 0);
  while (defined(my $part = shift @todo)) {
    next if $part eq '' || $part eq '.';
    if ($part eq '..') { $at =~ s{/[^/]*$}{}; next }
    my $link = readlink "$root$at/$part";
    if (!defined $link) { $at .= "/$part"; next }
    die "namespace:$path: Too many levels of symbolic links\n" if ++$links > MAX_LINKS;
    $at = '' if $link =~ m{^/};
    unshift @todo, split m{/}, $link;
  }
  return "$root$at" eq '' ? '/' : "$root$at";
}

# Something of the right kind to mount on.
sub provide_point {
  my ($path, $is_directory) = @_;
  return if -e $path;
  my $above = '';
  my @parts = grep { length } split m{/}, $path;
  my $last = $is_directory ? undef : pop @parts;
  for (@parts) { $above .= "/$_"; mkdir $above, 0755 if !-d $above }
  open my $file, '>', $path or die "$!\n" if defined $last;
}

# The mounts at a path and below, those on top only.
sub mounts_below {
  my ($path) = @_;
  open my $file, '<', '/proc/self/mountinfo' or die "mountinfo: $!\n";
  my %mounts;
  while (my $line = <$file>) {
    my ($at, $options) = (split / /, $line)[4, 5];
    $at =~ s/\\(\d{3})/chr oct $1/ge;
    $mounts{$at} = { at => $at, flags => flags_of($options) } if $at eq $path || index($at, "$path/") == 0;
  }
  return map { $mounts{$_} } sort keys %mounts;
}

sub flags_of {
  my $flags = 0;
  $flags |= $FLAG_OF{$_} || 0 for split /,/, $_[0];
  return $flags;
}

# Of the mounts at a path and below, but not of those at or below another path of the plan.
sub change_flags {
  my ($path, $set, $clear, $placed) = @_;
  my @others = grep { $_ ne $path && index($_, "$path/") == 0 } @$placed;
  for my $mount (mounts_below($path)) {
    my $at = $mount->{at};
    next if grep { $at eq $_ || index($at, "$_/") == 0 } @others;
    my $flags = ($mount->{flags} | $set) & ~$clear;
    next if $flags == $mount->{flags};
    next if mount(undef, $at, undef, MS_BIND | MS_REMOUNT | $flags);
    # What another mount covers can neither be changed nor be seen.
    die "namespace:$path: $!\n" if $at eq $path;
  }
}

1;
