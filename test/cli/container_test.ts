import assert from "node:assert/strict";
import test from "node:test";
import { onMachine } from "./namespace.ts";

const OPTIONS = { timeout: 600_000 };

/**
 * A container in the machine, as engines make them: mounts of its own, /proc/sys read-only, no
 * /dev/net/tun; and the sign of Podman.
 */
const CONTAINER = `
echo 'engine="podman-4"' > /run/.containerenv
sysctl -qw net.ipv6.conf.all.forwarding=0
inside() {
  unshare --mount sh -ec '
    mount --bind /proc/sys /proc/sys
    mount -o remount,bind,ro /proc/sys
    mount -t tmpfs tmpfs /dev/net
    "$@"
  ' container "$@"
}
`;

test(
  "teredo check in a container names its engine's options, not what cannot be done there (C10)",
  OPTIONS,
  () => {
    const { stdout } = onMachine(`
    ${CONTAINER}
    inside sh -c 'echo 1 > /proc/sys/net/ipv6/conf/all/forwarding' 2>&1 | grep -c 'Read-only file system'
    inside $program check relay -c $work/teredo.ini | grep -E ' (tun|forwarding):'
  `);
    const [refused, tun, forwarding] = stdout.split("\n");
    assert.equal(refused, "1", "this container lets variables be set");
    assert.match(
      tun!,
      /^FAIL tun: .*; mend: podman run --device \/dev\/net\/tun --cap-add NET_ADMIN/,
    );
    assert.match(
      forwarding!,
      /mend: podman run --sysctl net\.ipv6\.conf\.all\.forwarding=1, or at once/,
    );
  },
);

test(
  "what teredo check in a container prints for its host can be carried out there (C10)",
  OPTIONS,
  () => {
    const { lines, stderr } = onMachine(`
    ${CONTAINER}
    inside sleep 600 &
    container=$!
    text=$(inside $program check relay -c $work/teredo.ini | grep ' forwarding:')
    command=$(echo "$text" | sed 's/.*on the host //; s/\\$(podman[^)]*)/'$container'/')
    echo "$command" | sed "s/$container/PID/"
    $command > /dev/null
    inside $program check relay -c $work/teredo.ini | grep ' forwarding:'
    kill $container
  `);
    assert.deepEqual(lines, [
      "nsenter --net --target PID sysctl -w net.ipv6.conf.all.forwarding=1",
      "ok   forwarding: IPv6 is forwarded",
    ], stderr);
  },
);

test(
  "teredo check in a container whose /proc/sys can be written says sysctl (C10)",
  OPTIONS,
  () => {
    const { stdout } = onMachine(`
    ${CONTAINER}
    teredo check relay -c $work/teredo.ini | grep ' forwarding:'
  `);
    assert.match(stdout, /mend: sysctl -w net\.ipv6\.conf\.all\.forwarding=1$/m);
  },
);
