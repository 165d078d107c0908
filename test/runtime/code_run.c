/*
 * Runs the code of ffi/linux/code as handlers of signals, without a C library, so that one compiler and
 * an emulator are enough for another processor. EACH and WORDS are its bytes, made for the addresses
 * below. Ends with the status that the last words were made with; with another where something is wrong.
 */
#include <asm/unistd.h>

#define BASE 0x2000000000ul
#define TABLE BASE
#define DONE (BASE + 0x1000)
#define LINES (BASE + 0x10000)
#define LENGTH 0x80000ul
#define SIGUSR1 10
#define SIGSYS 31

static const unsigned char EACH[] __attribute__((section(".text"), aligned(16))) = { EACH_BYTES };
static const unsigned char WORDS[] __attribute__((section(".text"), aligned(16))) = { WORDS_BYTES };

static long call(long number, long a, long b, long c, long d, long e, long f) {
#if defined(__x86_64__)
  register long r10 __asm__("r10") = d, r8 __asm__("r8") = e, r9 __asm__("r9") = f;
  __asm__ volatile("syscall" : "+a"(number) : "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
    : "rcx", "r11", "memory");
  return number;
#else
  register long x8 __asm__("x8") = number, x0 __asm__("x0") = a, x1 __asm__("x1") = b,
    x2 __asm__("x2") = c, x3 __asm__("x3") = d, x4 __asm__("x4") = e, x5 __asm__("x5") = f;
  __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
    : "memory");
  return x0;
#endif
}

static void end(long status) {
  call(__NR_exit_group, status, 0, 0, 0, 0, 0);
}

#if defined(__x86_64__)
#define SA_RESTORER 0x04000000ul
__asm__("restore: mov $15, %eax; syscall");
void restore(void);
struct action { const void *handler; unsigned long flags; void *restorer; unsigned long mask; };
#define ACTION(code) { code, SA_RESTORER, restore, 0 }
#else
struct action { const void *handler; unsigned long flags; unsigned long mask; };
#define ACTION(code) { code, 0, 0 }
#endif

static void raise(int signal, const unsigned char *code) {
  struct action action = ACTION(code);
  if (call(__NR_rt_sigaction, signal, (long) &action, 0, 8, 0, 0) != 0) end(2);
  call(__NR_tgkill, call(__NR_getpid, 0, 0, 0, 0, 0, 0), call(__NR_gettid, 0, 0, 0, 0, 0, 0), signal,
    0, 0, 0);
}

void _start(void) {
  if (call(__NR_mmap, BASE, LENGTH, 3, 0x32, -1, 0) != (long) BASE) end(3);
  long *table = (long *) TABLE;
  volatile unsigned *done = (unsigned *) DONE;
  table[0] = __NR_getpid;
  table[6] = __NR_close;
  table[7] = -1;
  table[12] = __NR_prctl; /* PR_GET_NO_NEW_PRIVS takes four zeroes */
  table[13] = 39;
  table[18] = -1;
  raise(SIGUSR1, EACH);
  raise(SIGUSR1, EACH);
  if (done[0] != 2 || done[1] != (unsigned) call(__NR_gettid, 0, 0, 0, 0, 0, 0)) end(4);
  if ((int) table[5] != 0 || (int) table[11] != 2 || (int) table[17] != 0) end(5);
  for (unsigned i = 0; i <= END; i++) {
    char *line = (char *) LINES + 512 * i;
    const char *text = "refused\n";
    line[0] = 8;
    line[1] = 0;
    for (int k = 0; k < 8; k++) line[2 + k] = text[k];
  }
  raise(SIGSYS, WORDS);
  end(6);
}
