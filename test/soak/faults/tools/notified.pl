# notified.pl PATH: prints what a daemon tells its service manager. sd_notify(3)
use strict;
use warnings;
use Socket;

my ($path) = @ARGV;
socket(my $socket, PF_UNIX, SOCK_DGRAM, 0) or die "$!\n";
bind($socket, pack_sockaddr_un($path)) or die "$!\n";
$| = 1;
print "ready\n";
while (defined recv($socket, my $text, 4096, 0)) { print "$text\n" }
