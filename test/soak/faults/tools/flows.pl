# flows.pl TO PORT COUNT: one UDP datagram each from so many made-up sources, for a table of connections.
use strict;
use warnings;
use Socket;

my ($to, $port, $count) = @ARGV;
my $IPPROTO_RAW = 255;
socket(my $socket, PF_INET, SOCK_RAW, $IPPROTO_RAW) or die "$!\n";
my $end = pack_sockaddr_in(0, inet_aton($to));
my $sent = 0;
for my $i (0 .. $count - 1) {
    my $source = pack("N", 0xC6120000 + int($i / 50_000));    # 198.18.0.0/15, for tests
    my $udp = pack("nnnna8", 1024 + $i % 50_000, $port, 16, 0, "");
    my $ip = pack("CCnnnCCna4a4", 0x45, 0, 20 + length $udp, 0, 0, 64, 17, 0, $source, inet_aton($to));
    $sent++ if send($socket, $ip . $udp, 0, $end);
}
print "$sent\n";
