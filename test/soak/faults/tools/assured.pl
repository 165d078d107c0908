# assured.pl TO PORT COUNT: fills this namespace's table of connections (conntrack) with as many flows of
# UDP that have been answered, which the kernel does not give up for new ones; ends where it takes no more.
use strict;
use warnings;
use Fcntl;
use Socket;

my ($to, $port, $count) = @ARGV;
my ($AF_NETLINK, $NETLINK_NETFILTER, $NLMSG_ERROR, $ENOMEM) = (16, 12, 2, 12);
my $CT_NEW = 1 << 8;                      # NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_NEW
my $FLAGS = 0x1 | 0x200 | 0x400;          # NLM_F_REQUEST, NLM_F_EXCL, NLM_F_CREATE
my $STATUS = 0x2 | 0x4 | 0x8;             # IPS_SEEN_REPLY, IPS_ASSURED, IPS_CONFIRMED
my $SECONDS = 600;
my $BATCH = 64;

sub attribute {
    my ($type, $value) = @_;
    my $text = pack("SS", 4 + length $value, $type) . $value;
    return $text . "\0" x (-length($text) % 4);
}
sub nested { return attribute(0x8000 | shift, join "", @_) }

sub tuple {
    my ($which, $source, $destination, $source_port, $destination_port) = @_;
    return nested($which,
        nested(1, attribute(1, $source), attribute(2, $destination)),
        nested(2, attribute(1, pack "C", 17), attribute(2, pack "n", $source_port),
            attribute(3, pack "n", $destination_port)));
}

sub message {
    my $i = shift;
    my ($source, $target) = (pack("N", 0xC6120000 + int($i / 50_000)), inet_aton($to));  # 198.18.0.0/15
    my $from = 1024 + $i % 50_000;
    my $body = pack("CCn", AF_INET, 0, 0)
        . tuple(1, $source, $target, $from, $port) . tuple(2, $target, $source, $port, $from)
        . attribute(3, pack "N", $STATUS) . attribute(7, pack "N", $SECONDS);
    return pack("LSSLL", 16 + length $body, $CT_NEW, $FLAGS, $i, 0) . $body;
}

socket(my $socket, $AF_NETLINK, SOCK_RAW, $NETLINK_NETFILTER) or die "socket: $!\n";
fcntl($socket, F_SETFL, O_NONBLOCK) or die "fcntl: $!\n";
for (my $i = 0; $i < $count; $i += $BATCH) {
    send($socket, join("", map { message($_) } $i .. $i + $BATCH - 1), 0) or die "send: $!\n";
    next unless defined recv($socket, my $answer, 65536, 0);
    my (undef, $type, undef, undef, undef, $error) = unpack "LSSLLl", $answer;
    next unless $type == $NLMSG_ERROR;
    exit 0 if -$error == $ENOMEM;
    $! = -$error;
    die "flow $i: $!\n";
}
