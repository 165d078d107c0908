# singly.pl PID 0|1: whether the IPv4 UDP sockets of a process take datagrams singly, or runs of them as
# one. Prints how many sockets there are.
use strict;
use warnings;
use Socket;

my ($pid, $singly) = @ARGV;
my ($pidfd_open, $pidfd_getfd) = (434, 438);
my ($so_domain, $sol_udp, $udp_gro) = (39, 17, 104);
my $process = syscall($pidfd_open, $pid + 0, 0);
$process >= 0 or die "pidfd_open: $!\n";
my $count = 0;
for my $path (glob "/proc/$pid/fd/*") {
    next unless (readlink($path) // "") =~ /^socket:/;
    my ($number) = $path =~ /(\d+)$/;
    my $fd = syscall($pidfd_getfd, $process, $number + 0, 0);
    $fd >= 0 or die "pidfd_getfd: $!\n";
    open(my $socket, "+<&=", $fd) or die "$!\n";
    my $is = sub { unpack("i", getsockopt($socket, SOL_SOCKET, $_[0])) == $_[1] };
    next unless $is->(SO_TYPE, SOCK_DGRAM) && $is->($so_domain, AF_INET);
    setsockopt($socket, $sol_udp, $udp_gro, pack("i", $singly ? 0 : 1)) or die "UDP_GRO: $!\n";
    $count++;
}
print "$count\n";
