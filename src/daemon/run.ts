import type { Libc } from "#ffi/libc.ts";
import { openLibc } from "#ffi/open.ts";
import type { ProcessConfig } from "#src/config/config.ts";
import { changedSettings } from "#src/config/show.ts";
import { loadConfig, loadLogConfig } from "#src/config/load.ts";
import { partsOf } from "#src/config/problems.ts";
import type { Datapath, OpenRole } from "#src/datapath/datapath.ts";
import type { OffloadReport } from "#src/datapath/offloads.ts";
import { asError } from "#src/errors.ts";
import type { Logger } from "#src/log/logger.ts";
import type { Fields } from "#src/log/record.ts";
import { createStatus, type StatusApp } from "#src/status/app.ts";
import type { Millis } from "#src/protocol/time.ts";
import { OFFLOAD_NAMES, type OffloadName } from "#src/status/snapshot.ts";
import { type CheckResult, failures } from "./checks/result.ts";
import { checkFirewall } from "./checks/firewall.ts";
import { checkRole } from "./checks/role.ts";
import { Cleanup } from "./cleanup.ts";
import { configApart } from "./client/apart/inside.ts";
import { type Context, type DaemonOptions, userOf } from "./context.ts";
import { ControlApp } from "./control/app.ts";
import { commandsOf } from "./control/commands.ts";
import { openControl } from "./control/socket.ts";
import type { User } from "./host/contract.ts";
import { hostOf, ignoreNamelessSignals } from "./host/mod.ts";
import { giveWayToPackets } from "./courtesy.ts";
import { Drain } from "./drain.ts";
import { FdStore } from "./fd_store.ts";
import { Observer } from "./fates/observer.ts";
import { TracePage } from "./fates/trace.ts";
import { collectEachMinute } from "./garbage.ts";
import { guardedPages } from "./guarded_pages.ts";
import { attendFastPath } from "./fast_path/attend.ts";
import { continueHistory } from "./history/left.ts";
import { History } from "./history/mod.ts";
import { HistoryPages } from "./history/pages.ts";
import { bootClock } from "./history/wall_time.ts";
import { type Notifier, openNotifier } from "./notify.ts";
import { type OpenLog, openLog } from "./open_log.ts";
import { LogSwitch } from "./log_switch.ts";
import { PeerPages } from "./peers/pages.ts";
import { PidFile } from "./pid_file.ts";
import { dropPrivileges } from "./privileges.ts";
import { RecordingPages } from "./recordings/pages.ts";
import { Reloader } from "./reload/reloader.ts";
import { logRefusal } from "./refusal.ts";
import { ChecksFailed } from "./checks/failed.ts";
import { lifeOf } from "./roles/mod.ts";
import type { RoleLife } from "./roles/contract.ts";
import { runtimeFolder } from "./runtime_folder.ts";
import { prepareSandbox, tellSandbox } from "./sandbox/mod.ts";
import { OF_COMMANDS, OF_DAEMONS, Signals } from "./signals.ts";
import { DaemonState } from "./state.ts";
import { stateLine } from "./state_line.ts";
import { closeAll, openStatusServers } from "./status_servers.ts";
import { upholdInterface } from "./upkeep/mod.ts";
import { type Watched, watchOver } from "./watch.ts";

/**
 * Runs a relay, a server or a client until it is told to end.
 *
 * @returns 0 when it ended as told, 1 when its datapath failed, which is logged
 * @throws before it serves: ConfigError, ChecksFailed, StartError, SyscallError, PlatformError
 */
export async function runDaemon(options: DaemonOptions): Promise<number> {
  const { role } = options;
  const libc = await openLibc();
  const logConfig = loadLogConfig(role, options);
  const opened = openLog(libc, logConfig, `teredo-${role}`);
  const { log, close } = opened;
  // Also when a second signal ends the process at once.
  process.once("exit", close);
  try {
    return await runLogged(options, libc, opened);
  } catch (error) {
    // Whoever started us reads standard error; syslog's reader would learn nothing.
    if (logConfig.target === "syslog") logRefusal(log, error);
    throw error;
  } finally {
    process.off("exit", close);
    close();
  }
}

async function runLogged(options: DaemonOptions, libc: Libc, opened: OpenLog): Promise<number> {
  const { role, version, program } = options;
  const { dropped, set: setLog } = opened;
  const history = new History(role, bootClock(libc));
  const log = history.journal.heardFrom(opened.log);
  const { config: found, notices, values } = loadConfig(role, options);
  const config = options.apart === undefined ? found : configApart(found);
  log.info("Starting", { role, version, pid: process.pid, file: config.file });
  for (const notice of notices) log.warn("Configuration", partsOf(notice));
  for (const { id, text, origin } of changedSettings(values)) {
    log.debug("Setting", { key: id, value: text, origin });
  }
  const host = hostOf(libc);
  const cleanup = new Cleanup();
  const signals = new Signals(log, options.apart === undefined ? OF_DAEMONS : OF_COMMANDS);
  ignoreNamelessSignals(libc);
  const state = new DaemonState(role, version, config, host, dropped, history);
  try {
    if (options.apart !== undefined) cleanup.add(await options.apart.bringUp(libc));
    const parts = { libc, host, log, setLog, state, signals, cleanup };
    return await live({ ...parts, role, config, program, options });
  } finally {
    await cleanup.run();
    signals.close();
  }
}

async function live(context: Context): Promise<number> {
  const { role, config, libc, host, log, state, cleanup, signals } = context;
  const own = config[role].process;
  let endsAsTold = false;
  const step = stepper(log);
  const notifier = openNotifier(libc, process.env, process.pid);
  cleanup.add(() => notifier.close());
  const store = new FdStore(libc, log, notifier, process.env, process.pid);
  refuseUnfit({ ...context, host: store.seenFrom(host) });
  step("checks");
  const pidFile = openPidFile(context, own);
  step("pid file");
  const life = lifeOf(context);
  const open = life.open(store);
  store.settle();
  step("interface and sockets");
  tellInterface(context, open);
  const closeUnserved = cleanup.add(() => open.close());
  const peers = new PeerPages(role);
  const recorded = new RecordingPages(role);
  cleanup.add(continueHistoryOf(context));
  const trace = new TracePage(() => state.config.status.trace);
  const history = new HistoryPages(state.history, state.read);
  const pages = createStatus(
    state.read,
    undefined,
    { ...peers.pages, ...recorded.pages, ...history.pages },
    { ...history.streams, ...trace.streams },
    (step) => history.document(step),
  );
  await openStatus(context, pages, userOf(host, own));
  const control = new ControlApp(pages);
  await openControl(control, { ...context, user: userOf(host, own) });
  step("status pages");
  const handover = life.handover(open);
  cleanup.add(() => handover.close());
  const user = userOf(host, own);
  const { helpers } = life;
  // Before the privileges go: a thread may have to read its code from where they are needed.
  const starting = open.start(handover.legacy);
  // It takes as long as the threads do, which do not need this one meanwhile.
  const sandbox = prepareSandbox({ ...context, ...context.options, user, open, helpers });
  const datapath = await starting;
  cleanup.remove(closeUnserved);
  giveWayToPackets();
  const observer = new Observer(datapath.fates, config[role].prefix);
  const logs = new LogSwitch({ ...context, observer, config: config.log });
  cleanup.add(() => logs.close());
  cleanup.add(() => trace.close());
  cleanup.add(async () => {
    const isKept = endsAsTold && open.kept !== undefined && store.keep(open.kept);
    const legacy = await datapath.stop(isKept ? "stays" : "ends");
    if (endsAsTold && legacy !== undefined) handover.leave(legacy);
  });
  step("threads");
  const { restorations } = state;
  const upholding = upholdInterface(open, { ...context, ...own, restorations, user });
  state.isKept = upholding.isKept;
  // The process that keeps the interface is there, and has taken what it needs.
  sandbox.begin();
  giveUpPrivileges(context, own);
  const mayRemove = pidFile?.mayRemove() !== false;
  step("privileges");
  sandbox.enter([...helpers, ...[upholding.pid].filter((it) => it !== undefined)]);
  state.sandbox = sandbox.state;
  tellSandbox(log, sandbox.state);
  if (!mayRemove) tellPidFile(log, own, "put it in a folder of that user's, outside any chroot");
  else if (own.pidFile !== undefined && sandbox.leaves.includes(own.pidFile)) {
    tellPidFile(log, own, "put it in a folder that holds nothing else");
  }
  step("sandbox");
  life.serve({ open, datapath, upholding });
  state.serve(open, datapath);
  peers.serve(host, state, open, datapath);
  trace.serve(observer);
  cleanup.add(recorded.serve(`teredo ${context.options.version}`, open, datapath));
  const onLook: Watched["onLook"] = (snapshot, clockSet) => {
    history.tell(snapshot, clockSet);
    recorded.look(snapshot);
  };
  cleanup.add(watchOver({ ...context, datapath, notifier, onLook }));
  cleanup.add(collectEachMinute(libc));
  announce(context, life, open, notifier);
  cleanup.add(attendFastPath({ ...context, config: () => state.config, open }));
  const drain = new Drain(log, state);
  const reloader = new Reloader({
    ...context,
    setLog: (to) => logs.configure(to),
    beyond: (to) => life.beyond(to),
    goBy: (to) => life.goBy(to, datapath),
    reloaded: () => life.reloaded(),
    notifier,
  });
  cleanup.add(() => reloader.close());
  signals.serve({
    drain,
    reload: () => reloader.reloadSoon(),
    tellState: () => tellState(context),
  });
  control.serve(commandsOf({ drain, reloader, logs }));
  const failure = failureOf(datapath);
  const why = await Promise.race([signals.ending, failure, upholding.lost, life.ended]);
  if (why instanceof Error) return failed(context, why);
  endsAsTold = true;
  const isTold = typeof why === "string";
  const told = isTold ? await life.endedBy(why) : undefined;
  const drainTime = isTold ? life.drainTime(state.config) : undefined;
  const status = await end(context, datapath, notifier, drain, drainTime);
  return isTold ? told ?? status : why;
}

/** What cannot be seen at the moment must not end what works. */
function tellState({ log, state }: Context): void {
  try {
    log.info("State", stateLine(state.read()));
  } catch (error) {
    log.error("Cannot look at the daemon", { error: String(error) });
  }
}

/** What no start is refused for: it may change meanwhile, and readiness follows it. */
function adviceOf({ role, config, host }: Context): CheckResult[] {
  return checkFirewall(host, role, config).filter(({ verdict }) => verdict !== "fail");
}

/** The words are those of `teredo check`. */
function refuseUnfit(context: Context): void {
  const { role, config, host, log, options: { apart } } = context;
  const results = [...checkRole(host, role, config), ...adviceOf(context)];
  for (const { name, detail, mend, verdict } of results) {
    // Of a namespace made for one command nobody expects more.
    if (verdict === "warn" && apart === undefined) log.warn("Check", { check: name, detail, mend });
    if (verdict === "ok" || verdict === "note") log.debug("Check", { check: name, detail });
  }
  const failed = failures(results);
  if (failed.length > 0) throw new ChecksFailed(failed);
}

/** Tells what a start is made of, and how long each part of it takes. */
function stepper(log: Logger): (step: string) => void {
  let since = performance.now();
  return (step) => {
    const now = performance.now();
    log.debug("Step done", { step, seconds: Math.round(now - since) / 1000 });
    since = now;
  };
}

function continueHistoryOf(context: Context): () => void {
  const { role, config, host, state } = context;
  const user = userOf(host, config[role].process);
  return continueHistory(state.history, { ...context, folder: runtimeFolder(role), user });
}

/** The interface as the kernel has it, not as it was asked for. */
function tellInterface({ host, log }: Context, { interfaceName, nativeName }: OpenRole): void {
  const name = interfaceName ?? nativeName;
  if (name === undefined || !log.enabled("debug")) return;
  const found = host.device(name);
  const detail = found === undefined
    ? "gone"
    : `${found.up ? "up" : "down"}, ${found.hasLinkLocal ? "a" : "no"} link-local address`;
  log.debug("Interface", { interface: name, mtu: found?.mtu, detail });
}

async function openStatus(
  context: Context,
  pages: StatusApp,
  user: User | undefined,
): Promise<void> {
  const { role, config, cleanup, log } = context;
  const guarded = guardedPages(pages, context);
  const servers = await openStatusServers(guarded, role, config.status, user);
  cleanup.add(() => closeAll(servers));
  for (const { url } of servers) log.info("Status pages", { url });
}

function openPidFile({ libc, cleanup }: Context, { pidFile: path }: ProcessConfig) {
  if (path === undefined) return undefined;
  const pidFile = new PidFile(libc, path, process.pid);
  cleanup.add(() => pidFile.close());
  return pidFile;
}

function giveUpPrivileges({ libc, host, log }: Context, own: ProcessConfig): void {
  dropPrivileges(libc, userOf(host, own), own.chroot);
  const { user, chroot } = own;
  if (user !== undefined || chroot !== undefined) log.info("Privileges dropped", { user, chroot });
  log.debug("Privileges", () => {
    const { missing } = host.rights(["set up interfaces", "open raw sockets"]);
    const user = `${process.getuid?.()}:${process.getgid?.()}`;
    return { user, missing: missing.length === 0 ? "none" : missing };
  });
}

function tellPidFile(
  log: Logger,
  { pidFile: path, user, chroot }: ProcessConfig,
  mend: string,
): void {
  log.warn("Pid file will be left empty at the end", { path, user, chroot, mend });
}

function announce(
  { role, config, log }: Context,
  { tellsOffloads }: RoleLife,
  open: OpenRole,
  notifier: Notifier,
): void {
  const { count, reason } = open.workers;
  const own = config[role];
  const wanted = "workers" in own ? own.workers : 1;
  for (const notice of open.notices) log.info("Not as asked for", { reason: notice });
  const level = wanted === "auto" || wanted === count ? "info" : "warn";
  log.log(level, "Workers", { workers: count, reason });
  if (tellsOffloads) log.info("Offloads", offloadFields(open.offloads));
  const { watchdog } = notifier;
  if (watchdog !== undefined) log.debug("Watchdog", { seconds: watchdog / 1000 });
  const name = open.interfaceName ?? open.nativeName;
  log.info("Ready", { role, listening: open.listening, interface: name });
  notifier.send("READY=1");
}

/** `on=tun,udp_gro off="tun_udp: why not"` */
function offloadFields(offloads: OffloadReport): Fields {
  const all = Object.keys(OFFLOAD_NAMES) as OffloadName[];
  const on = all.filter((name) => offloads[name].on).map((name) => OFFLOAD_NAMES[name]);
  const off = all.filter((name) => !offloads[name].on)
    .map((name) => `${OFFLOAD_NAMES[name]}: ${offloads[name].note}`);
  return { on: on.length === 0 ? "none" : on, off: off.length === 0 ? undefined : off };
}

function failureOf(datapath: Datapath): Promise<Error> {
  return datapath.ended.then(
    () => new Error("The datapath ended by itself"),
    asError,
  );
}

function failed({ log }: Context, failure: Error): number {
  log.error("Datapath failed", { error: failure.message });
  return 1;
}

/** Turns `/readyz` first, so that routers and load balancers turn away, and serves on meanwhile. */
async function end(
  context: Context,
  datapath: Datapath,
  notifier: Notifier,
  drain: Drain,
  drainTime: Millis | undefined,
): Promise<number> {
  const { log } = context;
  notifier.send("STOPPING=1");
  const drained = drain.end();
  if (drainTime !== undefined) {
    // Of one that has been drained for so long nothing more is waited for.
    const left = Math.max(0, drainTime - drained);
    log.info("Draining", { seconds: Math.round(left) / 1000 });
    const failure = await Promise.race([after(left), failureOf(datapath)]);
    if (failure instanceof Error) return failed(context, failure);
  }
  const step = stepper(log);
  await context.cleanup.run();
  step("closing");
  const failure = await datapath.ended.then(() => undefined, asError);
  if (failure !== undefined) return failed(context, failure);
  log.info("Ended");
  return 0;
}

function after(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
