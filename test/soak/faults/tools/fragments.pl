# fragments.pl FROM TO PORT COUNT KIND: sends IPv4 fragments of UDP datagrams under a source of choice.
#     whole      two fragments that fit together      first    only the first of two, ever
#     overlap    two fragments that overlap           last     only the last of two, ever
use strict;
use warnings;
use Socket;

my ($from, $to, $port, $count, $kind) = @ARGV;
my ($IPPROTO_RAW, $MORE) = (255, 0x2000);
socket(my $socket, PF_INET, SOCK_RAW, $IPPROTO_RAW) or die "$!\n";

sub fragment {
    my ($id, $offset, $more, $bytes) = @_;
    my $word = ($more ? $MORE : 0) | $offset >> 3;
    my $header = pack("CCnnnCCna4a4", 0x45, 0, 20 + length $bytes, $id, $word, 64, 17, 0,
        inet_aton($from), inet_aton($to));
    send($socket, $header . $bytes, 0, pack_sockaddr_in(0, inet_aton($to)));
}

# 40 bytes of an IPv6 header that says it has nothing more, and what fills the fragments.
my $payload = pack("NnCCa16a16", 0x60000000, 0, 59, 21, "\xfe\x80", "\xfe\x80") . "\0" x 160;
my $datagram = pack("nnnn", 40000, $port, 8 + length $payload, 0) . $payload;
for my $id (1 .. $count) {
    my $half = 104;
    fragment($id, 0, 1, substr($datagram, 0, $half)) unless $kind eq "last";
    fragment($id, 96, 0, substr($datagram, 96)) if $kind eq "overlap";
    fragment($id, $half, 0, substr($datagram, $half)) if $kind eq "whole" || $kind eq "last";
}
