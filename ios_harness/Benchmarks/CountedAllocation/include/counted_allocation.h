#ifndef COUNTED_ALLOCATION_H
#define COUNTED_ALLOCATION_H

/// How often the calling thread has allocated memory since it began, or -1 where allocations cannot be counted.
long counted_allocations(void);

#endif
