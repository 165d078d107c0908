# wire.pl A B SEED LOSS DUPLICATION REORDERING CORRUPTION PARITY: hands Ethernet frames from one
# interface to the other and back, and does to each, with these chances in hundredths, what a bad wire
# does. Bits that it turns have an even number in their byte (PARITY 0) or an odd one (1): two wires of
# which each has its own turn no two bits that leave a checksum as it was. Prints `ready`, and at its
# end how many it did what to.
use strict;
use warnings;
use Socket;

my ($name_a, $name_b, $seed, $loss, $duplication, $reordering, $corruption, $parity) = @ARGV;
srand $seed;
my ($AF_PACKET, $ETH_P_ALL, $OUTGOING) = (17, 3, 4);
my $ADDRESS_LENGTH = 14;    # of an Ethernet header: what is after it may come to harm

sub link_socket {
    my ($name) = @_;
    socket(my $socket, $AF_PACKET, SOCK_RAW, unpack("S", pack("n", $ETH_P_ALL))) or die "$!\n";
    # /sys shows the links of whoever mounted it.
    my ($index) = `ip -o link show dev $name` =~ /^(\d+):/;
    die "no interface $name\n" unless $index;
    bind($socket, pack("SnlSCCa8", $AF_PACKET, $ETH_P_ALL, $index, 0, 0, 0, "")) or die "$!\n";
    return $socket;
}

my @ends = (link_socket($name_a), link_socket($name_b));
my %done = map { $_ => 0 } qw(passed lost duplicated reordered corrupted);
my @late;                   # frames that others overtake: [socket, frame]
my $ends = 0;
$SIG{INT} = $SIG{TERM} = sub { $ends = 1 };
$| = 1;
print "ready\n";

sub chance { return rand(100) < $_[0] }

until ($ends) {
    my $ready = "";
    vec($ready, fileno($_), 1) = 1 for @ends;
    my $found = select($ready, undef, undef, 0.05);
    send($_->[0], $_->[1], 0) for $found > 0 ? () : splice(@late);
    next if $found <= 0;
    for my $i (0, 1) {
        next unless vec($ready, fileno($ends[$i]), 1);
        my $from = recv($ends[$i], my $frame, 65_536, 0) // next;
        next if unpack("x10C", $from) == $OUTGOING;
        my $to = $ends[1 - $i];
        if (chance($loss)) { $done{lost}++; next }
        if (chance($corruption) && length($frame) > $ADDRESS_LENGTH) {
            my $at = $ADDRESS_LENGTH + int rand(length($frame) - $ADDRESS_LENGTH);
            substr($frame, $at, 1) = chr(ord(substr($frame, $at, 1)) ^ (1 << 2 * int(rand 4) + $parity));
            $done{corrupted}++;
        }
        if (chance($reordering)) { push @late, [$to, $frame]; $done{reordered}++; next }
        my $count = chance($duplication) ? 2 : 1;
        $done{duplicated}++ if $count == 2;
        $done{passed}++;
        send($to, $frame, 0) for 1 .. $count;
        send($_->[0], $_->[1], 0) for splice(@late);
    }
}
print join(" ", map { "$_=$done{$_}" } sort keys %done), "\n";
