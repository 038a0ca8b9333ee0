// The part of Darwin that the harness uses, as Apple's headers declare it (the file is named above each part), for
// Linux. Swift imports it as it imports Darwin on a Mac. Structures hold the fields that are used, in their order.
//
// The module is not named Darwin: what SwiftPM generates for tests takes a module of that name for the system's.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// mach/mach_types.h, mach/kern_return.h, mach/message.h
typedef int integer_t;
typedef unsigned int natural_t;
typedef int kern_return_t;
typedef natural_t mach_port_t;
typedef mach_port_t task_name_t;
typedef natural_t mach_msg_type_number_t;
typedef uint64_t mach_vm_size_t;
#define KERN_SUCCESS 0
#define KERN_INVALID_ARGUMENT 4

// mach/mach_init.h. Before the SDK of macOS 15.4 nothing tells Swift that this variable never changes.
extern mach_port_t mach_task_self_;

// mach/task_info.h
typedef natural_t task_flavor_t;
typedef integer_t *task_info_t;
#define TASK_VM_INFO 22

#pragma pack(push, 4)
struct task_vm_info {
    mach_vm_size_t virtual_size;
    integer_t region_count;
    integer_t page_size;
    mach_vm_size_t resident_size;
    mach_vm_size_t resident_size_peak;
    mach_vm_size_t device;
    mach_vm_size_t device_peak;
    mach_vm_size_t internal;
    mach_vm_size_t internal_peak;
    mach_vm_size_t external;
    mach_vm_size_t external_peak;
    mach_vm_size_t reusable;
    mach_vm_size_t reusable_peak;
    mach_vm_size_t purgeable_volatile_pmap;
    mach_vm_size_t purgeable_volatile_resident;
    mach_vm_size_t purgeable_volatile_virtual;
    mach_vm_size_t compressed;
    mach_vm_size_t compressed_peak;
    mach_vm_size_t compressed_lifetime;
    mach_vm_size_t phys_footprint;
};
#pragma pack(pop)
typedef struct task_vm_info task_vm_info_data_t;

// mach/task.h
kern_return_t task_info(
    task_name_t target_task, task_flavor_t flavor, task_info_t task_info_out,
    mach_msg_type_number_t *task_info_outCnt);

// sys/sysctl.h, sys/proc.h
#define CTL_KERN 1
#define KERN_PROC 14
#define KERN_PROC_PID 1
#define P_TRACED 0x00000800

struct extern_proc {
    int p_flag;
    char p_stat;
    pid_t p_pid;
};

struct kinfo_proc {
    struct extern_proc kp_proc;
};

int sysctl(int *name, unsigned int namelen, void *oldp, size_t *oldlenp, void *newp, size_t newlen);
int sysctlbyname(const char *name, void *oldp, size_t *oldlenp, void *newp, size_t newlen);

// time.h, where the type is named clockid_t, which is another one here.
typedef enum { CLOCK_UPTIME_RAW = 8 } apple_clockid_t;
uint64_t clock_gettime_nsec_np(apple_clockid_t clock_id);

// Not Apple's: what the next calls shall say. `flags` are or-ed to those of the process; a `result` other than
// KERN_SUCCESS is what `task_info` answers.
void simulate_process_flags(int flags);
void simulate_task_info_result(kern_return_t result);
