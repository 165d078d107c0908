# spin.pl PID TID: sends one thread of an x86-64 process round and round in one instruction.
use strict;
use warnings;
use Config;

my ($pid, $tid) = @ARGV;
die "this is for x86-64\n" unless $Config{archname} =~ /x86_64/;
my ($ptrace, $attach, $detach, $getregs, $setregs, $wall) = (101, 16, 17, 12, 13, 0x40000000);
my ($orig_rax, $rip) = (15, 16);    # places in struct user_regs_struct

# `jmp .` is two bytes, which some code of any large program has, be it by chance.
sub loop_address {
    open(my $maps, "<", "/proc/$pid/maps") or die "$!\n";
    while (<$maps>) {
        my ($from, $to, $at, $path) = m{^(\w+)-(\w+) r-xp (\w+) \S+ \d+\s+(/.*)$} or next;
        open(my $file, "<:raw", "/proc/$pid/root$path") or next;
        seek($file, hex $at, 0);
        read($file, my $code, hex($to) - hex($from)) or next;
        my $found = index($code, "\xeb\xfe");
        return hex($from) + $found if $found >= 0;
    }
    die "no loop in its code\n";
}

my $loop = loop_address();
syscall($ptrace, $attach, $tid + 0, 0, 0) == 0 or die "ptrace: $!\n";
waitpid($tid, $wall);
my $registers = "\0" x (27 * 8);
syscall($ptrace, $getregs, $tid + 0, 0, $registers) == 0 or die "ptrace: $!\n";
my @values = unpack("q27", $registers);
$values[$rip] = $loop;
$values[$orig_rax] = -1;            # no call to go on with
$registers = pack("q27", @values);
syscall($ptrace, $setregs, $tid + 0, 0, $registers) == 0 or die "ptrace: $!\n";
syscall($ptrace, $detach, $tid + 0, 0, 0) == 0 or die "ptrace: $!\n";
print "spins\n";
