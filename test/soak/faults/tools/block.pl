# block.pl PID: makes the descriptors of the interface of a process block, as if by a fault in the
# kernel: whoever reads from one until it is empty does not come back. Needs the right to trace it.
use strict;
use warnings;
use Config;
use Fcntl;

my ($pid) = @ARGV;
my ($pidfd_open, $pidfd_getfd) = (434, 438);    # the same on every architecture
my $process = syscall($pidfd_open, $pid + 0, 0);
die "pidfd_open: $!\n" if $process < 0;
my $count = 0;
for my $link (glob "/proc/$pid/fd/*") {
    next unless (readlink($link) // "") eq "/dev/net/tun";
    my ($number) = $link =~ m{(\d+)$};
    my $fd = syscall($pidfd_getfd, $process, $number + 0, 0);
    die "pidfd_getfd: $!\n" if $fd < 0;
    open(my $file, "<&=", $fd) or die "$!\n";
    my $flags = fcntl($file, F_GETFL, 0) or die "$!\n";
    fcntl($file, F_SETFL, $flags & ~O_NONBLOCK) or die "$!\n";
    $count++;
}
die "no descriptor of an interface\n" unless $count;
print "$count\n";
