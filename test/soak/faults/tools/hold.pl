# hold.pl TID SECONDS: holds one thread, as a debugger does, and lets it go.
use strict;
use warnings;
use Config;

my ($tid, $seconds) = @ARGV;
my $ptrace = $Config{archname} =~ /x86_64/ ? 101 : 117;
my ($attach, $wall) = (16, 0x40000000);
syscall($ptrace, $attach, $tid + 0, 0, 0) == 0 or die "ptrace: $!\n";
waitpid($tid, $wall);
sleep $seconds;    # the kernel lets it go with us
