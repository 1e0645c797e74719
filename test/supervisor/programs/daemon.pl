# Forks twice as daemons do, writes its process id into the file it is given, and stays.
my ($file) = @ARGV;
if (my $child = fork) { waitpid $child, 0; exit 0 }
exit 0 if fork;
open my $out, '>', "$file.new" or die;
print $out $$;
close $out;
rename "$file.new", $file;
sleep 1000;
