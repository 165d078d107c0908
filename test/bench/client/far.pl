# far.pl A B MILLISECONDS: hands Ethernet frames from one interface to the other and back, each that much
# later: what tc-netem(8) does where the kernel has it. Prints `ready`.
use strict;
use warnings;
use Socket;
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

my ($name_a, $name_b, $milliseconds) = @ARGV;
my ($AF_PACKET, $ETH_P_ALL, $OUTGOING) = (17, 3, 4);

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
my @late;    # [when, socket, frame], the first to go first
$| = 1;
print "ready\n";

while (1) {
    my $now = clock_gettime(CLOCK_MONOTONIC);
    while (@late && $late[0][0] <= $now) {
        my (undef, $to, $frame) = @{ shift @late };
        send($to, $frame, 0);
    }
    my $ready = "";
    vec($ready, fileno($_), 1) = 1 for @ends;
    next if select($ready, undef, undef, @late ? $late[0][0] - $now : undef) <= 0;
    for my $i (0, 1) {
        next unless vec($ready, fileno($ends[$i]), 1);
        my $from = recv($ends[$i], my $frame, 65_536, 0) // next;
        next if unpack("x10C", $from) == $OUTGOING;
        push @late, [clock_gettime(CLOCK_MONOTONIC) + $milliseconds / 1_000, $ends[1 - $i], $frame];
    }
}
