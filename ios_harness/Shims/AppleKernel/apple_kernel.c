// Linux's own answers to Darwin's questions.
#include "AppleKernel.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

mach_port_t mach_task_self_ = 0x103;

static atomic_int process_flags;
static atomic_int task_info_result;

void simulate_process_flags(int flags) { atomic_store(&process_flags, flags); }
void simulate_task_info_result(kern_return_t result) { atomic_store(&task_info_result, result); }

// As the kernel does, it fills as much as there is room for, and says how much that was.
kern_return_t task_info(
    task_name_t target_task, task_flavor_t flavor, task_info_t task_info_out,
    mach_msg_type_number_t *task_info_outCnt) {
    const mach_msg_type_number_t count = sizeof(task_vm_info_data_t) / sizeof(integer_t);
    kern_return_t result = atomic_load(&task_info_result);
    if (result != KERN_SUCCESS) return result;
    if (target_task != mach_task_self_ || flavor != TASK_VM_INFO || *task_info_outCnt < count)
        return KERN_INVALID_ARGUMENT;
    unsigned long all = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (!file) return KERN_INVALID_ARGUMENT;
    int read = fscanf(file, "%lu %lu", &all, &resident);
    fclose(file);
    if (read != 2) return KERN_INVALID_ARGUMENT;
    task_vm_info_data_t info = {0};
    info.page_size = (integer_t)sysconf(_SC_PAGESIZE);
    info.virtual_size = (mach_vm_size_t)all * info.page_size;
    info.resident_size = info.phys_footprint = (mach_vm_size_t)resident * info.page_size;
    memcpy(task_info_out, &info, sizeof info);
    *task_info_outCnt = count;
    return KERN_SUCCESS;
}

// sysctl(3): without `oldp` only the size is told; where it is too small, nothing is.
static int answer(const void *value, size_t size, void *oldp, size_t *oldlenp) {
    if (oldp && *oldlenp < size) return errno = ENOMEM, -1;
    if (oldp) memcpy(oldp, value, size);
    *oldlenp = size;
    return 0;
}

static int is_traced(void) {
    char line[256];
    int tracer = 0;
    FILE *file = fopen("/proc/self/status", "r");
    if (!file) return 0;
    while (fgets(line, sizeof line, file) && sscanf(line, "TracerPid: %d", &tracer) != 1) {}
    fclose(file);
    return tracer != 0;
}

int sysctl(int *name, unsigned int namelen, void *oldp, size_t *oldlenp, void *newp, size_t newlen) {
    if (newp || newlen) return errno = EPERM, -1;
    if (namelen != 4 || name[0] != CTL_KERN || name[1] != KERN_PROC || name[2] != KERN_PROC_PID || name[3] != getpid())
        return errno = ENOENT, -1;
    struct kinfo_proc info = {{.p_pid = getpid()}};
    info.kp_proc.p_flag = atomic_load(&process_flags) | (is_traced() ? P_TRACED : 0);
    return answer(&info, sizeof info, oldp, oldlenp);
}

int sysctlbyname(const char *name, void *oldp, size_t *oldlenp, void *newp, size_t newlen) {
    if (newp || newlen) return errno = EPERM, -1;
    struct utsname system;
    uname(&system);
    const char *text = NULL;
    if (strcmp(name, "hw.machine") == 0) text = system.machine;
    if (strcmp(name, "hw.model") == 0) text = system.nodename;
    if (strcmp(name, "kern.osversion") == 0) text = system.release;
    if (!text) return errno = ENOENT, -1;
    return answer(text, strlen(text) + 1, oldp, oldlenp);
}

// CLOCK_MONOTONIC stands still while the machine sleeps, as CLOCK_UPTIME_RAW does.
uint64_t clock_gettime_nsec_np(apple_clockid_t clock_id) {
    if (clock_id != CLOCK_UPTIME_RAW) return 0;
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}
