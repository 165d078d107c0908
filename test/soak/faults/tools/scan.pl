# scan.pl COUNT: one UDP datagram each to so many Teredo clients that are not there.
use strict;
use warnings;
use Socket qw(AF_INET6 SOCK_DGRAM inet_pton pack_sockaddr_in6);

my ($count) = @ARGV;
socket(my $socket, AF_INET6, SOCK_DGRAM, 17) or die "$!\n";
for my $i (1 .. $count) {
    my $address = pack("NNNN", 0x20010000, 0xC6336401, 0, $i * 2654435761 % 2**32);
    send($socket, "x" x 64, 0, pack_sockaddr_in6(9, $address));
}
