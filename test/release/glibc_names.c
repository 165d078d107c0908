/*
 * What Debian's libstdc++ and libgcc ask of glibc that musl does not have, so that a program built
 * for musl can be run with them: scripts/foreign. Not part of the program.
 */
#include <stddef.h>

/* Whether locks may be left out: never. */
char __libc_single_threaded = 0;

/* Destructors of thread-local objects: threads of a test end with the process. */
int __cxa_thread_atexit_impl(void (*function)(void *), void *object, void *library)
{
	(void)function, (void)object, (void)library;
	return 0;
}

/* Not found: libgcc then asks dl_iterate_phdr(3), which musl has. */
int _dl_find_object(void *address, void *result)
{
	(void)address, (void)result;
	return -1;
}

extern size_t strftime_l(char *, size_t, const char *, const void *, void *);
size_t __strftime_l(char *text, size_t size, const char *format, const void *time, void *locale)
{
	return strftime_l(text, size, format, time, locale);
}

extern long getrandom(void *, size_t, unsigned);
unsigned arc4random(void)
{
	unsigned number = 0;
	getrandom(&number, sizeof number, 0);
	return number;
}

#ifdef __x86_64__
/* Of libgcc itself, asked for by its own resolvers: a processor with nothing special. */
struct {
	unsigned vendor, type, subtype, features[1];
} __cpu_model;
unsigned __cpu_features2[4];
int __cpu_indicator_init(void)
{
	return 0;
}
#else
extern unsigned long getauxval(unsigned long);
unsigned long __getauxval(unsigned long type)
{
	return getauxval(type);
}
#endif
