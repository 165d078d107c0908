import assert from "node:assert/strict";
import test from "node:test";
import { EACCES, ENODEV, ENOENT, EPERM } from "#ffi/linux/mod.ts";
import { linuxTun } from "#src/daemon/host/linux/answers.ts";
import { type Engine, engineOf, fromWithin } from "#src/daemon/host/linux/container.ts";
import { linuxHostWords } from "#src/daemon/host/linux/words.ts";

interface Machine {
  readonly name: string;
  readonly files?: Readonly<Record<string, string>>;
  readonly variables?: Readonly<Record<string, string>>;
  readonly engine: Engine | undefined;
}

const MACHINES: readonly Machine[] = [
  { name: "a machine", files: { "/proc/1/cgroup": "0::/init.scope\n" }, engine: undefined },
  { name: "a machine with Docker on it", files: { "/proc/1/cgroup": "0::/\n" }, engine: undefined },
  { name: "a service of systemd", variables: { INVOCATION_ID: "1" }, engine: undefined },
  { name: "Docker", files: { "/.dockerenv": "", "/proc/1/cgroup": "0::/\n" }, engine: "docker" },
  {
    name: "Docker of cgroup v1",
    files: { "/proc/1/cgroup": "4:memory:/docker/0123abcd\n" },
    engine: "docker",
  },
  { name: "Podman", files: { "/run/.containerenv": 'engine="podman"\n' }, engine: "podman" },
  { name: "Podman, by its variable", variables: { container: "podman" }, engine: "podman" },
  { name: "LXC", files: { "/proc/1/environ": "TERM=linux\0container=lxc\0" }, engine: "lxc" },
  { name: "LXC's unit", files: { "/run/systemd/container": "lxc\n" }, engine: "lxc" },
  {
    name: "systemd-nspawn",
    files: { "/run/systemd/container": "systemd-nspawn\n" },
    engine: "systemd-nspawn",
  },
  {
    name: "Kubernetes, whose runtime is Docker",
    files: { "/.dockerenv": "" },
    variables: { KUBERNETES_SERVICE_HOST: "10.0.0.1" },
    engine: "kubernetes",
  },
  {
    name: "Kubernetes without services in the environment",
    files: { "/proc/1/cgroup": "0::/kubepods.slice/kubepods-pod1.slice\n" },
    engine: "kubernetes",
  },
  { name: "one that nobody knows", files: { "/run/systemd/container": "new\n" }, engine: "other" },
  {
    name: "a variable that only ends like theirs",
    files: { "/proc/1/environ": "mycontainer=lxc\0" },
    engine: undefined,
  },
];

for (const { name, files, variables, engine } of MACHINES) {
  test(`engineOf() ${name}`, () => {
    const found = engineOf({ file: (path) => files?.[path], variable: (key) => variables?.[key] });
    assert.equal(found, engine);
  });
}

const FORWARD = "sysctl -w net.ipv6.conf.all.forwarding=1";
const ACCEPT = "sysctl -w net.ipv6.conf.eth0/100.accept_ra=2";

const MENDS: readonly { engine: Engine; mend: string; readOnly: boolean; want: RegExp }[] = [
  { engine: "docker", mend: FORWARD, readOnly: false, want: /^sysctl -w net\.ipv6\.conf\.all/ },
  {
    engine: "docker",
    mend: FORWARD,
    readOnly: true,
    want:
      /^docker run --sysctl net\.ipv6\.conf\.all\.forwarding=1, or at once, on the host nsenter/,
  },
  {
    engine: "podman",
    mend: ACCEPT,
    readOnly: true,
    want:
      /^on the host nsenter --net --target \$\(podman inspect --format '\{\{\.State\.Pid\}\}' CONTAINER\) sysctl -w net\.ipv6\.conf\.eth0\/100\.accept_ra=2$/,
  },
  {
    engine: "lxc",
    mend: FORWARD,
    readOnly: true,
    want: /lxc\.sysctl\.net\.ipv6\.conf\.all\.forwarding = 1/,
  },
  {
    engine: "systemd-nspawn",
    mend: FORWARD,
    readOnly: true,
    want: /^on the host nsenter --net --target \$\(machinectl show --property=Leader/,
  },
  { engine: "kubernetes", mend: FORWARD, readOnly: true, want: /securityContext\.sysctls/ },
  { engine: "other", mend: FORWARD, readOnly: true, want: /^on the host nsenter .* --target PID/ },
  {
    engine: "docker",
    mend: "run `sysctl -w net.ipv6.conf.all.disable_ipv6=0 net.ipv6.conf.default.disable_ipv6=0`",
    readOnly: true,
    want: /--sysctl net\.ipv6\.conf\.all\.disable_ipv6=0, .*--sysctl net\.ipv6\.conf\.default/,
  },
  {
    engine: "lxc",
    mend: "boot without ipv6.disable=1; modprobe ipv6",
    readOnly: true,
    want: /^boot without ipv6\.disable=1; on the host modprobe ipv6$/,
  },
  {
    engine: "docker",
    mend: "interface_mtu = 1280",
    readOnly: true,
    want: /^interface_mtu = 1280$/,
  },
];

for (const { engine, mend, readOnly, want } of MENDS) {
  const where = readOnly ? "cannot" : "can";
  test(`fromWithin() ${engine}, where /proc/sys ${where} be written: ${mend}`, () => {
    const asked: string[] = [];
    const text = fromWithin(engine, mend, (path) => asked.push(path) > 0 && readOnly);
    assert.match(text, want);
    if (readOnly) assert.doesNotMatch(text, /^(run )?`?sysctl/);
    for (const path of asked) {
      assert.match(path, /^\/proc\/sys\/net\/ipv6\/conf\/(all|default|eth0\.100)\//);
    }
  });
}

const ENGINES: readonly Engine[] = [
  "docker",
  "podman",
  "lxc",
  "systemd-nspawn",
  "kubernetes",
  "other",
];

test("linuxTun() names the option of the container for a device that it lacks or may not open", () => {
  for (const engine of ENGINES) {
    for (const errno of [ENOENT, EPERM, EACCES]) {
      const { mend } = linuxTun(errno, engine);
      assert.match(mend!, /\/dev\/net\/tun/);
      assert.doesNotMatch(mend!, /modprobe|mknod -?/, engine);
    }
  }
  assert.match(linuxTun(EPERM, "lxc").mend!, /lxc\.cgroup2\.devices\.allow = c 10:200 rwm/);
  assert.match(linuxTun(ENOENT, "docker").mend!, /^docker run --device \/dev\/net\/tun --cap-add/);
  // A driver that is missing is the host's affair, whatever the container may do.
  assert.match(linuxTun(ENODEV, "docker").mend!, /modprobe tun/);
  assert.match(linuxTun(ENOENT).mend!, /modprobe tun/);
});

test("linuxHostWords() asks a container's engine for capabilities, and systemd on a machine", () => {
  const names = ["CAP_NET_ADMIN", "CAP_NET_RAW"];
  const mend = (engine: Engine | undefined) => linuxHostWords(engine).morePrivileges(names);
  assert.match(mend("docker"), /docker run --cap-add NET_ADMIN --cap-add NET_RAW$/);
  assert.match(mend("lxc"), /take net_admin, net_raw out of lxc\.cap\.drop/);
  assert.match(mend(undefined), /AmbientCapabilities=CAP_NET_ADMIN CAP_NET_RAW/);
  for (const engine of ENGINES) assert.doesNotMatch(mend(engine), /systemd with Ambient/);
});
