/*
 * Somebody else's code inside a daemon: preloaded, it has a thread that is there before the daemon's
 * own code runs. It reads words from the FIFO $INSIDE_ASK, does what each says, and writes to the FIFO
 * $INSIDE_TOLD what came of it: "ok", or the name of the errno.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

static FILE *ask, *told;

static int opens(const char *path, int flags) {
  int fd = open(path, flags | O_CLOEXEC, 0600);
  if (fd < 0) return -1;
  close(fd);
  return 0;
}

/* A socket of any kind, in any state: what counts is whether there may be one. */
static int has_socket(int family, int type, int protocol) {
  int fd = socket(family, type, protocol);
  if (fd < 0) return -1;
  close(fd);
  return 0;
}

static int loads_program(void) {
  struct bpf_insn code[] = {
    { .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = 0 },
    { .code = BPF_JMP | BPF_EXIT },
  };
  union bpf_attr attr;
  memset(&attr, 0, sizeof attr);
  attr.prog_type = BPF_PROG_TYPE_SOCKET_FILTER;
  attr.insn_cnt = 2;
  attr.insns = (unsigned long) code;
  attr.license = (unsigned long) "MIT";
  return syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof attr);
}

/* By a descriptor that is a TUN's already, or by any: the request alone is looked at. */
static int makes_tun(void) {
  struct ifreq request;
  memset(&request, 0, sizeof request);
  request.ifr_flags = IFF_TUN | IFF_NO_PI;
  strcpy(request.ifr_name, "inside");
  return ioctl(fileno(ask), TUNSETIFF, &request);
}

static int executes(void) {
  char *argv[] = { "true", NULL };
  return execv("/bin/true", argv);
}

static int forks(void) {
  /* The C library's own would take locks. */
  long pid = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
  if (pid == 0) syscall(SYS_exit_group, 0);
  return pid < 0 ? -1 : 0;
}

static int hears_of_refusals(void) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = SIG_IGN;
  return sigaction(SIGSYS, &action, NULL);
}

static int shares_code(void) {
  void *at = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  return at == MAP_FAILED ? -1 : 0;
}

/* By what it is told when there is something to read, somebody else gets a signal. */
static int signals(int command, long argument) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) return -1;
  int done = command == FIOSETOWN ? ioctl(ends[0], FIOSETOWN, &(int) { argument })
                                  : fcntl(ends[0], command, argument);
  int error = errno;
  close(ends[0]);
  close(ends[1]);
  errno = error;
  return done;
}

/* A socket that listens becomes one that connects, at the first message. */
static int connects(void) {
  for (int fd = 3; fd < 256; fd++) {
    int listens = 0, family = 0;
    socklen_t length = sizeof listens;
    if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &length) < 0 || !listens) continue;
    length = sizeof family;
    if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &length) < 0 || family != AF_INET) continue;
    struct sockaddr none = { .sa_family = AF_UNSPEC };
    struct sockaddr_in to = { AF_INET, htons(7777), { htonl(INADDR_LOOPBACK) } };
    shutdown(fd, SHUT_RDWR);
    connect(fd, &none, sizeof none);
    return sendto(fd, "out", 3, MSG_FASTOPEN, (struct sockaddr *) &to, sizeof to);
  }
  errno = ENOTSOCK;
  return -1;
}

static int does(char *words) {
  char *path = strchr(words, ' ');
  if (path != NULL) *path++ = 0;
#define WORD(word) if (strcmp(words, word) == 0)
  /* Not the C library's, which has every thread make it. */
  WORD("setuid") return syscall(SYS_setuid, 0);
  WORD("capset") return syscall(SYS_capset, NULL, NULL);
  WORD("read") return opens(path, O_RDONLY);
  WORD("write") return opens(path, O_WRONLY);
  WORD("make") return opens(path, O_WRONLY | O_CREAT);
  WORD("empty") return opens(path, O_WRONLY | O_TRUNC);
  WORD("remove") return unlink(path);
  WORD("rmdir") return rmdir(path);
  WORD("mkdir") return mkdir("/run/new", 0755);
  WORD("chmod") return chmod("/run/elsewhere", 04777);
  WORD("fchmod") return fchmod(fileno(ask), 04777);
  WORD("suid") return open("/run/new", O_WRONLY | O_CREAT | O_CLOEXEC, 04777);
  WORD("exec") return executes();
  WORD("fork") return forks();
  WORD("ptrace") return ptrace(PTRACE_ATTACH, getppid(), 0, 0);
  WORD("bpf") return loads_program();
  WORD("tun") return makes_tun();
  WORD("packet") return has_socket(AF_PACKET, SOCK_RAW, 0);
  WORD("raw") return has_socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
  WORD("tcp") return has_socket(AF_INET, SOCK_STREAM, 0);
  WORD("alg") return has_socket(AF_ALG, SOCK_SEQPACKET, 0);
  WORD("udp") return has_socket(AF_INET, SOCK_DGRAM, 0);
  WORD("unix") return has_socket(AF_UNIX, SOCK_DGRAM, 0);
  WORD("stream") return has_socket(AF_UNIX, SOCK_STREAM, 0);
  WORD("mount") return mount("none", "/run", "tmpfs", 0, NULL);
  WORD("namespace") return unshare(CLONE_NEWUSER);
  WORD("signal") return kill(getppid(), SIGTERM);
  WORD("thread") return syscall(SYS_tkill, getppid(), SIGTERM);
  WORD("owner") return signals(F_SETOWN, getppid());
  WORD("owned") return signals(FIOSETOWN, getppid());
  WORD("which") return signals(F_SETSIG, SIGTERM);
  WORD("own") return signals(F_SETOWN, getpid());
  WORD("fastopen") return connects();
  WORD("deaf") return hears_of_refusals();
  WORD("code") return shares_code();
  WORD("future") return syscall(100000);
  WORD("dumpable") return prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
  errno = EPROTO;
  return -1;
}

static void *live(void *unused) {
  char line[4096];
  while (fgets(line, sizeof line, ask) != NULL) {
    line[strcspn(line, "\n")] = 0;
    int done = does(line);
    fprintf(told, "%s\n", done < 0 ? strerrorname_np(errno) : "ok");
    fflush(told);
  }
  return unused;
}

__attribute__((constructor)) static void begin(void) {
  const char *from = getenv("INSIDE_ASK"), *to = getenv("INSIDE_TOLD");
  pthread_t thread;
  if (from == NULL || to == NULL) return;
  ask = fopen(from, "r+e");
  told = fopen(to, "r+e");
  unsetenv("LD_PRELOAD");
  if (ask != NULL && told != NULL) pthread_create(&thread, NULL, live, NULL);
}
