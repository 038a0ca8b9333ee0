#include "counted_allocation.h"

#include <stdlib.h> // Also says whether this is glibc.

#ifdef __GLIBC__

// An executable's own malloc takes the place of the C library's for every library that is loaded with it.
extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);

static _Thread_local long allocations;

void *malloc(size_t size) {
    allocations += 1;
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size) {
    allocations += 1;
    return __libc_calloc(count, size);
}

void *realloc(void *memory, size_t size) {
    allocations += 1;
    return __libc_realloc(memory, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
    allocations += 1;
    return __libc_memalign(alignment, size);
}

int posix_memalign(void **memory, size_t alignment, size_t size) {
    allocations += 1;
    *memory = __libc_memalign(alignment, size);
    return *memory ? 0 : 12;
}

long counted_allocations(void) { return allocations; }

#else

long counted_allocations(void) { return -1; }

#endif
